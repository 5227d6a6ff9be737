package weights

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

var randomConfig = Config{Architecture: "qwen2", Name: "some", Layers: 2, Hidden: 64, FeedForward: 96, Heads: 4, KVHeads: 2, HeadDim: 16,
	Vocab: 100, Context: 512, NormEps: 1e-6, RopeTheta: 1e6, TieEmbeddings: true, AttentionBias: true}

// TestRandom: the checkpoint is complete, the same again for a seed and another
// for another, rows are the same however they are read, and values are spread as
// they should be.
func TestRandom(t *testing.T) {
	for _, kind := range []Type{Q8_0, Q4_0} {
		t.Run(kind.String(), func(t *testing.T) { randomOf(t, kind) })
	}
	bad := randomConfig
	bad.Heads = 5
	if _, err := Random(bad, Q8_0, 1); err == nil || !strings.Contains(err.Error(), "5 attention heads") {
		t.Errorf("%v, expected it to refuse 5 heads over 2", err)
	}
}

func randomOf(t *testing.T, kind Type) {
	m, err := Random(randomConfig, kind, 1)
	if err != nil {
		t.Fatal(err)
	}
	const name = "model.layers.1.mlp.down_proj.weight"
	load := func(m *Model, name string) Tensor {
		loaded, err := m.Tensors[name].Load()
		if err != nil {
			t.Fatal(err)
		}
		return loaded
	}
	all := load(m, name)
	again, err := Random(randomConfig, kind, 1)
	if err != nil || !bytes.Equal(load(again, name).Data, all.Data) {
		t.Errorf("the same seed makes others (%v)", err)
	}
	other, err := Random(randomConfig, kind, 2)
	if err != nil || bytes.Equal(load(other, name).Data, all.Data) || bytes.Equal(load(m, "model.layers.0.mlp.down_proj.weight").Data, all.Data) {
		t.Errorf("another seed, or another matrix, is the same (%v)", err)
	}
	some, err := m.Tensors[name].Rows(5, 9)
	if err != nil || !bytes.Equal(some.Data, all.Data[5*len(all.Data)/64:9*len(all.Data)/64]) {
		t.Errorf("rows 5 to 9 differ from those of the whole (%v)", err)
	}
	part := make([]byte, 50)
	if _, err := m.Tensors[name].File.r.ReadAt(part, 13); err != nil || !bytes.Equal(part, all.Data[13:63]) {
		t.Errorf("bytes 13 to 63 differ from those of the whole (%v)", err)
	}
	v, err := all.Float32()
	if err != nil {
		t.Fatal(err)
	}
	sum, square := 0.0, 0.0
	for _, x := range v {
		sum, square = sum+float64(x), square+float64(x)*float64(x)
	}
	n, cols := float64(len(v)), float64(all.Shape[1])
	if sigma := math.Sqrt(square / n * cols); math.Abs(sigma-1) > 0.05 || math.Abs(sum/n)*math.Sqrt(cols) > 0.05 {
		t.Errorf("mean %g, deviation %g of %g values, expected 0 and 1 once multiplied by the root of %g", sum/n, sigma, n, cols)
	}
}
