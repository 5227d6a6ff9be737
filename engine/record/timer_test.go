package record_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
	"tokenselect/engine/model"
	"tokenselect/engine/record"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
)

// other is the CPU device under another name, so that its clock, if it has one, is
// what counts.
type other struct{ gpu.Device }

func (o other) Info() gpu.Info {
	i := o.Device.Info()
	i.Kind = gpu.Unknown
	return i
}

// ticking has a clock on which every kernel takes two milliseconds.
type ticking struct{ other }

func (c ticking) Time(_ context.Context, r *gpu.Recording) (time.Duration, error) {
	return 2 * time.Millisecond, c.Submit(r)
}

// stopped has a clock that does not go.
type stopped struct{ other }

func (stopped) Time(context.Context, *gpu.Recording) (time.Duration, error) {
	return 0, fmt.Errorf("no clock: %w", errors.ErrUnsupported)
}

// TestTimer: a step that is timed finds the token that it finds otherwise, on a device
// with a clock, with one that does not go and without; what is told is the device's
// time, or on the CPU this machine's, or nothing.
func TestTimer(t *testing.T) {
	c := weights.Config{Name: "random", Architecture: "llama", Layers: 2, Hidden: 32, FeedForward: 64, Heads: 4, KVHeads: 2, HeadDim: 8,
		Vocab: 64, Context: 128, NormEps: 1e-5, RopeTheta: 1e4}
	ckpt, err := weights.Random(c, weights.Q8_0, 1)
	if err != nil {
		t.Fatal(err)
	}
	cfg := selection.Default(c.Context)
	cfg.Policy = selection.Dense
	cpu := cpudev.New(cpudev.Options{})
	defer cpu.Close()
	run := func(timer *record.Timer) (ids []int) {
		m, err := model.Load(cpu, ckpt)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		sel, err := selection.New(cpu, cfg, selection.Shape{Layers: c.Layers, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, InvFreq: c.InvFreq()})
		if err != nil {
			t.Fatal(err)
		}
		defer sel.Close()
		seq, err := m.NewSequence(8, cfg.Chunk, kernels.CacheF32, cfg.Index, sel)
		if err != nil {
			t.Fatal(err)
		}
		defer seq.Close()
		if timer != nil {
			seq.SetSubmit(timer.Submit)
		}
		for _, id := range []int{3, 1, 4, 1, 5} {
			if err := seq.Feed([]int{id}, true); err != nil {
				t.Fatal(err)
			}
			next, err := seq.Sampled(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, next)
		}
		return ids
	}
	want := fmt.Sprint(run(nil))
	for name, dev := range map[string]gpu.Device{"cpu": cpu, "a clock": ticking{other{cpu}}, "no clock": other{cpu}, "a clock that does not go": stopped{other{cpu}}} {
		timer := record.NewTimer(dev)
		if got := fmt.Sprint(run(timer)); got != want {
			t.Errorf("%s: timed %s, expected %s", name, got, want)
		}
		took := map[string]float64{}
		for _, k := range timer.Kernels() {
			took[k.Name] += k.MS
		}
		switch name {
		case "cpu":
			if len(took) != 3 || took["weights"] <= 0 {
				t.Errorf("on the CPU kernels took %v", took)
			}
		case "a clock":
			// An embedding and of each layer four products, then the vocabulary's; attention with its merge.
			if took["weights"] != 2*(1+2*4+1) || took["attention"] < 2*2 || math.Mod(took["other"], 2) != 0 || took["other"] == 0 {
				t.Errorf("at two milliseconds a kernel they took %v", took)
			}
		default:
			if len(took) != 0 {
				t.Errorf("%s says that kernels took %v", name, took)
			}
		}
	}
}
