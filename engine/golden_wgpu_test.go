package engine_test

import (
	"os"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// wgpu is the GPU of all tests here that need one.
var wgpu = &gputest.Shared{Open: gputest.WGPU}

// devices are those that tests share.
var devices = []*gputest.Shared{wgpu}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, d := range devices {
		d.Close()
	}
	os.Exit(code)
}

// everyGolden is set by make test-hardware; without it only the cases run that suit
// a software GPU's speed.
var everyGolden = os.Getenv("TOKENSELECT_ALL_GOLDENS") != ""

// fewGoldens is set by make test: a case of each kind where a device is slow, and on
// the CPU device each kind of weights once. What is left out has targets of its own.
var fewGoldens = os.Getenv("TOKENSELECT_FEW_GOLDENS") != ""

// fewCase tells the tiny cases that a slow device plays: one that selects anew at
// every step, and one that reuses selections too.
func fewCase(c goldenCase) bool {
	return c.Name == "passkey-353" || c.Name == "facts-373" && tinyCase(c) && c.config().Theta > 0
}

// TestGoldenSelectionWGPU plays the conversations on the WebGPU device by the
// tolerant rule, with the cache in float16 as users have it, and where there is
// time in float32 too.
func TestGoldenSelectionWGPU(t *testing.T) { tolerantGolden(t, wgpu.For(t)) }

func tolerantGolden(t *testing.T, dev gpu.Device) {
	caches, keep, allowed := []string{"f16"}, tinyCase, 1
	switch {
	case everyGolden:
		caches, keep, allowed = []string{"f16", "f32"}, everyCase, 3
	case fewGoldens:
		keep = fewCase
	}
	for _, cache := range caches {
		t.Run(cache, func(t *testing.T) {
			e := onDevice(t, dev, cache)
			v := selectionGolden(t, e, "selection-q8_0.json", keep, tolerant)
			if v.wrongIDs > allowed {
				t.Errorf("ids of %d turns of %d wrong, expected at most %d", v.wrongIDs, v.turns, allowed)
				explain(t, e, v.parted)
			}
		})
	}
}

func TestGoldenDenseWGPU(t *testing.T) { shortDense(t, wgpu.For(t)) }

// shortDense plays the shortest dense cases, or all where there is time.
func shortDense(t *testing.T, dev gpu.Device) {
	keep := func(place int) bool { return place < 4 }
	switch {
	case everyGolden:
		keep = everyPlace
	case fewGoldens:
		keep = func(place int) bool { return place == 0 }
	}
	denseGolden(t, onDevice(t, dev, ""), "transformers-q8_0.json", keep)
}

func onDevice(t *testing.T, dev gpu.Device, cache string) *engine.Engine {
	t.Helper()
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(dev, ckpt, engine.Options{Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	built[e] = origin{dev, cache}
	t.Cleanup(func() { delete(built, e) })
	return e
}
