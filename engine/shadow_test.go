package engine_test

import (
	"context"
	"strings"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/selection"
)

// origin is what an engine was made on, by onDevice.
type origin struct {
	dev   gpu.Device
	cache string
}

var built = map[*engine.Engine]origin{}

// explain plays a reading, or its beginning, and some tokens behind it once more
// with every kernel held against its twin, and says which is the first that
// differs. It tells whether it could: engines that onDevice has not made, those
// of the CPU device, have no GPU to blame.
func explain(t *testing.T, e *engine.Engine, r reading) bool {
	t.Helper()
	from, known := built[e]
	if !known || len(r.ids) == 0 {
		return false
	}
	const most = 600 // a minute on a software GPU
	r.ids = r.ids[:min(len(r.ids), most)]
	t.Logf("%s, %d tokens once more: %s", from.dev.Info().Name, len(r.ids), shadowed(t, from, r))
	return true
}

// shadowed says which kernel is the first to differ from its twin.
func shadowed(t *testing.T, from origin, r reading) string {
	t.Helper()
	ref := cpudev.New(cpudev.Options{Plain: true})
	defer ref.Close()
	watch := &gputest.Shadow{Dev: from.dev, Ref: ref}
	s, err := onDevice(t, watch, from.cache).NewSession(engine.SessionOptions{Context: len(r.ids) + 8, Selection: r.cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	if err := s.Prefill(ctx, r.ids, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: 4}); err != nil {
		t.Fatal(err)
	}
	return watch.Report()
}

// spoiler is a device that spoils what one kernel writes.
type spoiler struct {
	gpu.Device
	kernel string
}

func (s *spoiler) Submit(r *gpu.Recording) error {
	if err := s.Device.Submit(r); err != nil {
		return err
	}
	for _, c := range r.Commands() {
		if c.Kernel != nil && c.Kernel.Name == s.kernel {
			last := c.Ranges[len(c.Ranges)-1]
			spoiled := []byte{1, 2, 3, 0x44}
			if s.kernel == "choose" {
				spoiled = []byte{5, 0, 0, 0} // a row that exists
			}
			if err := s.Write(last.Buffer, last.Offset, spoiled); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestShadow: the kernel that is spoiled is the one that is named, and on a
// device in order none is.
func TestShadow(t *testing.T) {
	cpu := cpudev.New(cpudev.Options{})
	defer cpu.Close()
	cfg := selection.Config{Policy: selection.TokenSelect, NInit: 4, K: 16, NLocal: 16, Chunk: 32, Theta: 0.9}
	ids := prompts(t, 1)[0]
	for _, kernel := range []string{"", "score_stats_f16", "choose", "attention_chunk_f16", "attention_decode_f16", "matmul_q8_0"} {
		t.Run(kernel, func(t *testing.T) {
			got := shadowed(t, origin{&spoiler{cpu, kernel}, "f16"}, reading{cfg, ids})
			want := "no kernel differs"
			if kernel != "" {
				want = "the first kernel that differs is " + kernel + ","
			}
			if !strings.HasPrefix(got, want) {
				t.Errorf("spoiled %q: %s", kernel, got)
			}
		})
	}
}

// TestShadowWGPU: a GPU's sums are within what is allowed.
func TestShadowWGPU(t *testing.T) {
	if fewGoldens {
		t.Skip("skipped: half a minute on a software GPU, and make test-long runs it")
	}
	sound(t, wgpu.For(t))
}

func sound(t *testing.T, dev gpu.Device) {
	cfg := selection.Config{Policy: selection.TokenSelect, NInit: 4, K: 16, NLocal: 16, Chunk: 32, Theta: 0.9}
	if got := shadowed(t, origin{dev, "f16"}, reading{cfg, prompts(t, 1)[0]}); !strings.HasPrefix(got, "no kernel differs") {
		t.Error(got)
	}
}
