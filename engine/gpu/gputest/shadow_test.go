package gputest

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
)

// spoiling is a device that gets one word of what a kernel writes wrong.
type spoiling struct {
	gpu.Device
	kernel string
	output int // which of those that it writes
	word   int
}

func (s *spoiling) Submit(r *gpu.Recording) error {
	for _, c := range r.Commands() {
		if err := s.Device.Submit(one(c)); err != nil {
			return err
		}
		if c.Kernel == nil || c.Kernel.Name != s.kernel {
			continue
		}
		o, b := outputs(c)[s.output], make([]byte, 4)
		at := o.Offset + 4*s.word
		if err := s.Read(context.Background(), o.Buffer, at, b); err != nil {
			return err
		}
		b[3] ^= 0x40
		if err := s.Write(o.Buffer, at, b); err != nil {
			return err
		}
	}
	return nil
}

func one(c gpu.Command) *gpu.Recording {
	var r gpu.Recording
	r.Add(c)
	return &r
}

// shadowed plays a case on dev beside the plain twins.
func shadowed(t *testing.T, dev gpu.Device, plan Plan) *Shadow {
	t.Helper()
	ref := cpudev.New(cpudev.Options{Plain: true, Workers: 1})
	defer ref.Close()
	s := &Shadow{Dev: dev, Ref: ref}
	var ranges []gpu.Range
	for _, b := range plan.Buffers {
		buf, err := s.NewBuffer(b.Name, len(b.Data))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Free(buf)
		if err := s.Write(buf, 0, b.Data); err != nil {
			t.Fatal(err)
		}
		ranges = append(ranges, gpu.All(buf))
	}
	var r gpu.Recording
	plan.Record(&r, ranges)
	if err := s.Submit(&r); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestShadowKernels: in a random case of every kernel, each of its outputs that
// is spoiled is found, at its word, and nothing where nothing is.
func TestShadowKernels(t *testing.T) {
	t.Setenv("TOKENSELECT_FUZZ", "1")
	dev := cpudev.New(cpudev.Options{Workers: 1})
	defer dev.Close()
	spoiled := map[string]bool{}
	for _, c := range fuzzCases() {
		plan := c.Build(rand.New(rand.NewPCG(3, 4)))
		if d := shadowed(t, dev, plan).First(); d != nil {
			t.Errorf("%s: nothing is spoiled: %v", c.Name, d)
		}
		var ranges []gpu.Range
		for _, b := range plan.Buffers {
			ranges = append(ranges, gpu.All(&gpu.Buffer{Label: b.Name, Size: len(b.Data)}))
		}
		var r gpu.Recording
		plan.Record(&r, ranges)
		for i, command := range r.Commands() {
			name := command.Kernel.Name
			if spoiled[name] {
				continue
			}
			spoiled[name] = true
			// What follows may not survive what is spoiled.
			upTo := Plan{Buffers: plan.Buffers, Record: func(r *gpu.Recording, b []gpu.Range) {
				var all gpu.Recording
				plan.Record(&all, b)
				for _, c := range all.Commands()[:i+1] {
					r.Add(c)
				}
			}}
			for j, o := range outputs(command) {
				last := o.Size/4 - 1
				if name == "selection_cache" && o.binding == "state" {
					last = 3
				}
				d := shadowed(t, &spoiling{dev, name, j, last}, upTo).First()
				if d == nil || d.Kernel != name || d.Command != i || d.Binding != o.binding || d.Word != last {
					t.Errorf("%s: word %d of %s of command %d is spoiled: found %v", c.Name, last, o.binding, i, d)
				}
			}
		}
	}
	for _, k := range kernels.All(64) {
		if !spoiled[k.Name] {
			t.Errorf("%s was not spoiled", k.Name)
		}
	}
}

// TestShadowOrder: recordings are counted, the first error is what counts, and
// what follows is still done.
func TestShadowOrder(t *testing.T) {
	const n = 300
	dev, ref := cpudev.New(cpudev.Options{Workers: 1}), cpudev.New(cpudev.Options{Workers: 1})
	defer dev.Close()
	defer ref.Close()
	s := &Shadow{Dev: &spoiling{dev, "add", 0, 7}, Ref: ref}
	var bufs []*gpu.Buffer
	for _, name := range []string{"x", "y", "z"} {
		b, err := s.NewBuffer(name, 4*n)
		if err != nil {
			t.Fatal(err)
		}
		bufs = append(bufs, b)
	}
	if err := s.Write(bufs[0], 0, Normal(rand.New(rand.NewPCG(1, 2)), n, 1)); err != nil {
		t.Fatal(err)
	}
	submit := func(record func(r *gpu.Recording)) {
		t.Helper()
		var r gpu.Recording
		record(&r)
		if err := s.Submit(&r); err != nil {
			t.Fatal(err)
		}
	}
	submit(func(r *gpu.Recording) { r.Copy(bufs[1], 0, bufs[0], 0, 4*n) })
	if got := s.Report(); got != "no kernel differs beyond tolerance, of 1 commands in 1 recordings" {
		t.Error(got)
	}
	submit(func(r *gpu.Recording) {
		r.Copy(bufs[2], 0, bufs[0], 0, 4*n)
		kernels.Add(r, gpu.All(bufs[0]), gpu.All(bufs[1]), n, n)
		kernels.Add(r, gpu.All(bufs[0]), gpu.All(bufs[1]), n, n)
		r.Copy(bufs[2], 0, bufs[1], 0, 4*n)
	})
	if want, got := "the first kernel that differs is add, command 1 of 4 of recording 1: word 7 of its y in y is ", s.Report(); !strings.HasPrefix(got, want) {
		t.Errorf("%s, expected %s", got, want)
	}
	y, z := make([]byte, 4*n), make([]byte, 4*n)
	for b, into := range map[*gpu.Buffer][]byte{bufs[1]: y, bufs[2]: z} {
		if err := s.Read(context.Background(), b, 0, into); err != nil {
			t.Fatal(err)
		}
	}
	if err := Exact(y, z); err != nil {
		t.Errorf("the last copy was not done: %v", err)
	}
	for _, b := range bufs {
		s.Free(b)
	}
	if dev.Buffers()+ref.Buffers() != 0 {
		t.Errorf("%d buffers are left", dev.Buffers()+ref.Buffers())
	}
}

// TestShadowTheta: a cosine next to theta may make a hit of a miss, and no other.
func TestShadowTheta(t *testing.T) {
	dev := cpudev.New(cpudev.Options{Workers: 1})
	defer dev.Close()
	for _, c := range []struct {
		theta float32
		want  bool // a difference
	}{{1, false}, {0.9, true}} {
		const width = 8
		q := Floats(1, 2, 3, 4, 5, 6, 7, 8)
		plan := Plan{
			Buffers: []Buffer{In("q", q), InOut("cache_q", q, nil), InOut("state", Words(1, 5, 0, 4, 0, 0, 0), nil), Out("sel", 9, nil)},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.SelectionCache(r, b[0], b[1], b[2], b[3], kernels.SelectionCacheParams{
					C: 1, Width: width, NSelect: 4, Hi: 6, Slide: 5, Theta: c.theta})
			},
		}
		// The word of the hit.
		if d := shadowed(t, &spoiling{dev, "selection_cache", 1, 2}, plan).First(); (d != nil) != c.want {
			t.Errorf("theta %g, cosine 1: %v", c.theta, d)
		}
	}
}
