package record

import (
	"context"
	"errors"
	"strings"
	"time"

	"tokenselect/engine/gpu"
	"tokenselect/engine/trace"
)

// kinds are those of kernels, by what their names begin with; what is none of them
// is "other".
var kinds = []struct{ begins, kind string }{
	{"score_stats", "score"}, {"paged_dot", "score"}, {"probes", "score"}, {"mean_rows", "score"}, {"key_index", "score"},
	{"block_scores", "score"}, {"page_", "score"}, {"follow_scores", "score"}, {"window_", "score"},
	{"soft_vote", "vote"}, {"vote_", "vote"}, {"head_stats", "vote"}, {"head_cut", "vote"}, {"max_pool", "vote"},
	{"top_", "select"}, {"choose", "select"}, {"selection_cache", "cache"}, {"attention", "attention"}, {"rope", "attention"},
	{"mat", "weights"}, {"norm_matvec", "weights"}, {"embed", "weights"},
}

// kindOf is the kind of a kernel of that name.
func kindOf(name string) string {
	for _, k := range kinds {
		if strings.HasPrefix(name, k.begins) {
			return k.kind
		}
	}
	return "other"
}

// Timer runs the recordings of steps command by command and keeps what each kind of
// kernel took, by the device's clock, or on the CPU device by the machine's. What it
// waits for between commands makes a step slower, not its kernels. On a device that
// has no clock it measures nothing.
type Timer struct {
	dev   gpu.Device
	blind bool // there is nothing to measure with
	one   gpu.Recording
	took  map[string]time.Duration // by kind, of the last step
	order []string
}

// NewTimer is a timer for a device.
func NewTimer(dev gpu.Device) *Timer {
	_, clock := dev.(gpu.Clock)
	return &Timer{dev: dev, blind: !clock && dev.Info().Kind != gpu.CPU}
}

// Submit does what the device's Submit does.
func (t *Timer) Submit(r *gpu.Recording) error {
	if t.took, t.order = map[string]time.Duration{}, nil; t.blind || r.Err() != nil {
		return t.dev.Submit(r)
	}
	for _, c := range r.Commands() {
		t.one.Reset()
		t.one.Add(c)
		took, err := t.run(&t.one, c.Kernel != nil)
		if err != nil {
			return err
		}
		if c.Kernel == nil {
			continue
		}
		kind := kindOf(c.Kernel.Name)
		if _, ok := t.took[kind]; !ok {
			t.order = append(t.order, kind)
		}
		t.took[kind] += took
	}
	return nil
}

// run runs one command, and measures a kernel.
func (t *Timer) run(r *gpu.Recording, kernel bool) (time.Duration, error) {
	if clock, ok := t.dev.(gpu.Clock); ok && kernel && !t.blind && t.dev.Info().Kind != gpu.CPU {
		took, err := clock.Time(context.Background(), r)
		if !errors.Is(err, errors.ErrUnsupported) {
			return took, err
		}
		t.blind = true
	}
	began := time.Now()
	err := t.dev.Submit(r)
	return time.Since(began), err
}

// Kernels is what each kind took in the last step, in the order in which they came;
// nil where that cannot be told.
func (t *Timer) Kernels() []trace.Kernel {
	if t.blind {
		return nil
	}
	var all []trace.Kernel
	for _, kind := range t.order {
		all = append(all, trace.Kernel{Name: kind, MS: float64(t.took[kind].Microseconds()) / 1000})
	}
	return all
}
