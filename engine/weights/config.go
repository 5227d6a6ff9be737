package weights

import (
	"fmt"
	"math"
)

// Config is the shape of a model.
type Config struct {
	Architecture  string // "llama", "mistral", "qwen2", "qwen3"
	Name          string
	Layers        int
	Hidden        int
	FeedForward   int
	Heads         int
	KVHeads       int
	HeadDim       int
	Vocab         int
	Context       int // tokens of the texts it was trained on
	NormEps       float32
	RopeTheta     float64
	RopeScaling   *RopeScaling // nil: none
	FreqFactors   []float32    // [HeadDim/2], each frequency is divided by its own; nil: none. How GGUF keeps a RopeScaling
	TieEmbeddings bool
	AttentionBias bool // of q, k and v
	OutputBias    bool // of o
	MLPBias       bool // of gate, up and down
	QKNorm        bool
	Window        int    // sliding window, in tokens; 0: none. See WindowOf
	Windowed      []bool // [Layers]: which have the window; nil: all
}

// WindowOf is the tokens that layer i attends to at most, the query's own included: the
// last so many, at their true positions. 0: all.
func (c Config) WindowOf(layer int) int {
	if c.Windowed != nil && !c.Windowed[layer] {
		return 0
	}
	return c.Window
}

// WindowLayers is the number of layers that have a window.
func (c Config) WindowLayers() (n int) {
	for i := range c.Layers {
		if c.WindowOf(i) > 0 {
			n++
		}
	}
	return n
}

// What is beyond these is no model.
const (
	maxLayers  = 1 << 10
	maxContext = 1 << 30 // and windows
)

// validate checks what the rest of the program relies on.
func (c Config) validate() error {
	for _, f := range []struct {
		name       string
		value, max int
	}{
		{"layers", c.Layers, maxLayers}, {"hidden size", c.Hidden, 1 << 20}, {"feed-forward size", c.FeedForward, 1 << 22},
		{"attention heads", c.Heads, 1 << 12}, {"key heads", c.KVHeads, 1 << 12}, {"head size", c.HeadDim, 1 << 12},
		{"vocabulary", c.Vocab, 1 << 24}, {"context", c.Context, maxContext},
	} {
		if f.value < 1 || f.value > f.max {
			return fmt.Errorf("%s is %d, expected 1 to %d", f.name, f.value, f.max)
		}
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("%d attention heads, expected a multiple of the %d key heads", c.Heads, c.KVHeads)
	case c.HeadDim%8 != 0:
		return fmt.Errorf("head size is %d, expected a multiple of 8", c.HeadDim)
	case !(c.NormEps > 0) || c.NormEps > 1:
		return fmt.Errorf("norm epsilon is %v, expected more than 0 and at most 1", c.NormEps)
	case !(c.RopeTheta > 1) || math.IsInf(c.RopeTheta, 0):
		return fmt.Errorf("rope theta is %v, expected more than 1", c.RopeTheta)
	}
	if c.Window < 0 || c.Window > maxContext {
		return fmt.Errorf("sliding window is %d, expected 1 to %d, or 0 (none)", c.Window, maxContext)
	}
	if c.Windowed != nil && len(c.Windowed) != c.Layers {
		return fmt.Errorf("%d layers are said to have a sliding window or not, expected %d", len(c.Windowed), c.Layers)
	}
	if c.RopeScaling != nil {
		return c.RopeScaling.validate()
	}
	return nil
}
