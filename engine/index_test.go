package engine_test

import (
	"strings"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// fidelity is how alike selections that are scored from a key index must be to
// the golden ones, by their Jaccard index: mean and least, and the turns whose
// ids may differ.
var fidelity = map[kernels.IndexType]struct {
	mean, least float64
	ids         int
}{
	kernels.IndexI8: {0.95, 0.65, 1},
	kernels.IndexI4: {0.78, 0.4, 3},
}

// indexFidelity plays the goldens, whose scores are exact, with some indexes.
func indexFidelity(t *testing.T, e *engine.Engine, keep func(goldenCase) bool, indexes ...kernels.IndexType) {
	for _, index := range indexes {
		want := fidelity[index]
		t.Run(index.String(), func(t *testing.T) {
			v := selectionGolden(t, e, "selection-q8_0.json", keep, func(*testing.T, goldenCase, verdict) {}, index)
			mean, least := stats(v.jaccards)
			if len(v.jaccards) == 0 || mean < want.mean || least < want.least || v.wrongIDs > want.ids {
				t.Errorf("Jaccard of %d selections: mean %.4f, least %.4f; ids of %d turns of %d wrong; expected at least %.2f, %.2f and at most %d wrong",
					len(v.jaccards), mean, least, v.wrongIDs, v.turns, want.mean, want.least, want.ids)
			}
			if mean == 1 {
				t.Error("every selection is the exact one: the index was not used")
			}
		})
	}
}

// TestIndexFidelityCPU plays the tiny cases, or all or a few where the environment asks
// for them.
func TestIndexFidelityCPU(t *testing.T) {
	keep := tinyCase
	switch {
	case everyGolden:
		keep = everyCase
	case fewGoldens:
		keep = fewCase
	}
	indexFidelity(t, builtin(t, cpu(t, cpudev.Options{})), keep, kernels.IndexI8, kernels.IndexI4)
}

func TestIndexFidelityWGPU(t *testing.T) { shortFidelity(t, wgpu.For(t)) }

// shortFidelity plays a case on a GPU, or all where there is time; where there is
// little, with int4 alone, which is the more easily wrong.
func shortFidelity(t *testing.T, dev gpu.Device) {
	indexes := []kernels.IndexType{kernels.IndexI8, kernels.IndexI4}
	if fewGoldens {
		indexes = indexes[1:]
	}
	indexFidelity(t, onDevice(t, dev, "f32"), func(c goldenCase) bool { return everyGolden || c.Name == "passkey-353" }, indexes...)
}

// TestIndexOfSession: a session scores from the index that it was made with, or
// from none.
func TestIndexOfSession(t *testing.T) {
	e := builtin(t, cpu(t, cpudev.Options{}))
	exact := selection.Config{Policy: selection.TokenSelect, NInit: 4, K: 16, NLocal: 16, Chunk: 32}
	int8 := exact
	int8.Index = kernels.IndexI8
	with, err := e.NewSession(engine.SessionOptions{Context: 200, Selection: int8})
	if err != nil {
		t.Fatal(err)
	}
	defer with.Close()
	without, err := e.NewSession(engine.SessionOptions{Context: 200, Selection: exact})
	if err != nil {
		t.Fatal(err)
	}
	defer without.Close()
	if err := with.SetSelection(exact); err != nil {
		t.Error(err)
	}
	if err := with.SetSelection(int8); err != nil {
		t.Error(err)
	}
	if err := without.SetSelection(int8); err == nil || !strings.Contains(err.Error(), "key index of int8, expected exact") {
		t.Errorf("an index that is not there: %v", err)
	}
	if a, b := e.Memory(1000, int8).Cache, e.Memory(1000, exact).Cache; a <= b {
		t.Errorf("a cache of %d bytes with an index, of %d without", a, b)
	}
}
