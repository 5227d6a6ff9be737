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

// severalCases tells what the CPU device plays where few are asked for: the tiny
// cases, a chunk that is no power of two, a document of five times the trained
// context with a follow-up question and the Selection Cache, and a long answer.
func severalCases(c goldenCase) bool {
	switch c.Name {
	case "passkey-3715":
		return c.Config.Chunk == 100
	case "multikey-11007":
		return c.config().Theta > 0
	case "text-1206":
		return true
	}
	return tinyCase(c)
}

// TestGoldenSelectionCPU holds the CPU device to the strict rule on all cases, or
// on several.
func TestGoldenSelectionCPU(t *testing.T) {
	keep := everyCase
	if fewGoldens {
		keep = severalCases
	}
	selectionGolden(t, builtin(t, cpu(t, cpudev.Options{})), "selection-q8_0.json", keep, strict)
}

// TestGoldenSelectionPlain holds the plain twins to it, on the cases that suit
// their speed.
func TestGoldenSelectionPlain(t *testing.T) {
	keep := tinyCase
	if fewGoldens {
		// That reused selections are the same follows from TestFast and the CPU device's.
		keep = func(c goldenCase) bool { return c.Name == "passkey-353" }
	}
	selectionGolden(t, builtin(t, cpu(t, cpudev.Options{Plain: true})), "selection-q8_0.json", keep, strict)
}

// somePlaces are all, or from the shortest to the longest every fourth.
func somePlaces(place int) bool { return !fewGoldens || place%4 == 3 }

func TestGoldenDenseCPU(t *testing.T) {
	denseGolden(t, builtin(t, cpu(t, cpudev.Options{})), "transformers-q8_0.json", somePlaces)
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
		keep = fewCase
	}
	denseGolden(t, e, "transformers-f16.json", somePlaces)
	selectionGolden(t, e, "selection-f16.json", keep, strict)
}
