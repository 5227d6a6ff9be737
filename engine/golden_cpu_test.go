package engine_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// builtin is the embedded model on dev.
func builtin(t testing.TB, dev gpu.Device) *engine.Engine {
	t.Helper()
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(dev, ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func cpu(t testing.TB, o cpudev.Options) gpu.Device {
	dev := cpudev.New(o)
	t.Cleanup(dev.Close)
	return dev
}

// TestGoldenSelectionCPU holds the CPU device to the strict rule on all cases.
func TestGoldenSelectionCPU(t *testing.T) {
	selectionGolden(t, builtin(t, cpu(t, cpudev.Options{})), "selection-q8_0.json", everyCase, strict)
}

// TestGoldenSelectionPlain holds the plain twins to it, on the cases that suit
// their speed.
func TestGoldenSelectionPlain(t *testing.T) {
	keep := tinyCase
	if fewGoldens {
		keep = fewCase
	}
	selectionGolden(t, builtin(t, cpu(t, cpudev.Options{Plain: true})), "selection-q8_0.json", keep, strict)
}

func TestGoldenDenseCPU(t *testing.T) {
	denseGolden(t, builtin(t, cpu(t, cpudev.Options{})), "transformers-q8_0.json", 0)
}

// TestGoldenF16CPU does the same with the float16 weights, where the fixtures
// are.
func TestGoldenF16CPU(t *testing.T) {
	ckpt, err := weights.Open(filepath.Join(shared(t), "models", "needle-16m"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(cpu(t, cpudev.Options{}), ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	keep := everyCase
	if fewGoldens {
		keep = tinyCase
	}
	denseGolden(t, e, "transformers-f16.json", 0)
	selectionGolden(t, e, "selection-f16.json", keep, strict)
}

// tinyModel is what transformers says of a random checkpoint.
type tinyModel struct {
	Model     string
	PromptIDs []int        `json:"prompt_ids"`
	OutputIDs []int        `json:"output_ids"`
	TopLogits [][2]float64 `json:"last_logits_top8"`
	Row100    []float64    `json:"logits_row_100_first16"`
}

// TestTinyModels runs random checkpoints of every architecture against the
// logits and the greedy output of transformers: as they are, converted to GGUF, and
// back to a folder of Hugging Face's.
func TestTinyModels(t *testing.T) {
	var cases []tinyModel
	readJSON(t, filepath.Join("testdata", "tiny-models", "golden.json"), &cases)
	dev, played := cpu(t, cpudev.Options{}), 0
	for _, c := range cases {
		if slices.Contains([]string{"llama-yarn", "llama-linear", "mistral-window"}, c.Model) {
			continue // of architectures that are refused by name
		}
		t.Run(c.Model, func(t *testing.T) {
			path := filepath.Join("testdata", "tiny-models", c.Model)
			if _, err := os.Stat(path); err != nil {
				path = filepath.Join(shared(t), "reference", "tiny-models", c.Model)
			}
			ckpt, err := weights.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer ckpt.Close()
			c.play(t, dev, ckpt)
			via := asGGUF(t, ckpt)
			c.play(t, dev, via)
			c.play(t, dev, asFolder(t, via))
			played++
		})
	}
	if played == 0 {
		t.Error("no model was played")
	}
}

// play runs a checkpoint of the model.
func (c tinyModel) play(t *testing.T, dev gpu.Device, ckpt *weights.Model) {
	t.Helper()
	if c.Model == "llama3-rope" {
		rounded := *ckpt
		roundFrequencies(&rounded.Config)
		ckpt = &rounded
	}
	e, err := engine.New(dev, ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	cfg := selection.Default(ckpt.Config.Context)
	cfg.Policy, cfg.Chunk = selection.Dense, 77 // a size that divides nothing
	s, err := e.NewSession(engine.SessionOptions{Context: 400, Selection: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	near := func(where string, id int, got float32, want float64) {
		t.Helper()
		if d := math.Abs(float64(got) - want); !(d < 2e-3) {
			t.Errorf("%s: logit %d is %v, expected %v", where, id, got, want)
		}
	}
	ctx := context.Background()
	for _, ids := range [][]int{c.PromptIDs[:101], c.PromptIDs[101:]} {
		if err := s.Prefill(ctx, ids, nil); err != nil {
			t.Fatal(err)
		}
		logits, err := s.Logits(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) == 101 {
			for i, want := range c.Row100 {
				near("row 100", i, logits[i], want)
			}
			continue
		}
		for _, l := range c.TopLogits {
			near("last row", int(l[0]), logits[int(l[0])], l[1])
		}
	}
	res, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: len(c.OutputIDs)})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(res.IDs, c.OutputIDs) {
		t.Errorf("ids %v, expected %v", res.IDs, c.OutputIDs)
	}
}

// roundFrequencies rounds the rotary frequencies to bfloat16: the golden values
// of this checkpoint come of a run that held them so. With float32 frequencies,
// which the engine uses and the model's authors do, its logits differ by up to
// 6e-3; with these by 5e-6.
func roundFrequencies(c *weights.Config) {
	plain := *c
	plain.RopeScaling, plain.FreqFactors = nil, nil // as which GGUF has it
	base, scaled := plain.InvFreq(), c.InvFreq()
	for i, f := range scaled {
		b := math.Float32bits(f)
		b += 0x7fff + b>>16&1
		scaled[i] = base[i] / math.Float32frombits(b&^0xffff)
	}
	c.RopeScaling, c.FreqFactors = nil, scaled
}
