package engine_test

import (
	"path/filepath"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
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
