package gputest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
)

// faulty is a device that does one thing more after each submit.
type faulty struct {
	gpu.Device
	made []*gpu.Buffer
	harm func(d gpu.Device, made []*gpu.Buffer) error
}

func (f *faulty) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	b, err := f.Device.NewBuffer(label, size)
	f.made = append(f.made, b)
	return b, err
}

func (f *faulty) Submit(r *gpu.Recording) error {
	if err := f.Device.Submit(r); err != nil {
		return err
	}
	return f.harm(f.Device, f.made)
}

// TestPlay: each thing that a kernel can do wrong must be told, and nothing
// where nothing is wrong.
func TestPlay(t *testing.T) {
	const n = 320
	write := func(buffer, offset int, data []byte) func(gpu.Device, []*gpu.Buffer) error {
		return func(d gpu.Device, made []*gpu.Buffer) error { return d.Write(made[buffer], offset, data) }
	}
	for _, c := range []struct {
		name, want string
		harm       func(gpu.Device, []*gpu.Buffer) error
	}{
		{"nothing", "", func(gpu.Device, []*gpu.Buffer) error { return nil }},
		{"before", "buffer y: written before its start", write(2, guard-4, Words(0))},
		{"after", "buffer y: written beyond its end", write(2, guard+4*n, Words(0))},
		{"far after", "buffer y: written beyond its end", write(2, guard+4*n+spare+guard-4, Words(0))},
		{"input", "buffer x: word 7", write(0, guard+28, Words(0))},
		{"one wrong", "buffer y: normalised mean squared error", write(2, guard+40, Floats(1.5))},
		{"not written", "buffer y: value 3", write(2, guard+12, Words(Unwritten))},
		{"NaN", "buffer y: value 3", write(2, guard+12, Floats(nan))},
		{"infinite", "buffer y: value 3", write(2, guard+12, Floats(inf))},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		plan := Plan{
			Buffers: []Buffer{In("x", Normal(rng, n, 1)), In("w", Normal(rng, n, 1)), Out("y", n, NMSE(1e-11))},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.RMSNorm(r, b[0], b[1], b[2], 1, n, 0, 1e-5)
			},
		}
		d := cpudev.New(cpudev.Options{Workers: 1})
		defer d.Close()
		want, err := plan.expected()
		if err != nil {
			t.Fatal(err)
		}
		err = play(&faulty{Device: d, harm: c.harm}, plan, want, variants[0], &picked{})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q in it", c.name, err, c.want)
		}
		if d.Buffers() != 0 {
			t.Errorf("%s: %d buffers are left", c.name, d.Buffers())
		}
	}
}

func TestCompare(t *testing.T) {
	set := func(v ...uint32) []byte { return Words(v...) }
	for _, c := range []struct {
		name      string
		compare   Compare
		want, got []byte
		ok        bool
	}{
		{"nmse: within", NMSE(1e-4), Floats(1, -1), Floats(1.01, -1), true},
		{"nmse: beyond", NMSE(1e-5), Floats(1, -1), Floats(1.01, -1), false},
		{"nmse: zeros", NMSE(1e-5), Floats(0, 0), Floats(0, 0), true},
		{"nmse: not zero", NMSE(1e-5), Floats(0, 0), Floats(0, 1e-30), false},
		{"nmse: NaN at its place", NMSE(0), Floats(1, nan), Floats(1, nan), true},
		{"nmse: NaN missing", NMSE(1), Floats(1, nan), Floats(1, 1), false},
		{"nmse: infinity", NMSE(0), Floats(1, -inf), Floats(1, -inf), true},
		{"nmse: wrong infinity", NMSE(1), Floats(1, inf), Floats(1, -inf), false},
		{"nmse: left alone", NMSE(0), Words(Unwritten), Words(Unwritten), true},
		{"nmse: NaN written where nothing should be", NMSE(1), Words(Unwritten), Floats(nan), false},
		{"within: small beside large", Within(1e-3), Floats(1e20, 1), Floats(1e20, 1.01), false},
		{"within", Within(1e-3), Floats(1e20, 1), Floats(1e20, 1.0001), true},
		{"sums: all but cancelled", sums("matmul", 100), Floats(1e-3), Floats(1.05e-3), true},
		{"sums: beyond", sums("matmul", 100), Floats(1e-3), Floats(2e-3), false},
		{"sums: NaN", sums("matmul", 100), Floats(1e-3), Floats(nan), false},
		{"exact", Exact, set(1, 2), set(1, 2), true},
		{"exact: not", Exact, set(1, 2), set(1, 3), false},
		{"sets: order", Jaccard(1), set(1, 2, 3), set(3, 1, 2), true},
		{"sets: half", Jaccard(0.5), set(1, 2, 3), set(1, 2, 4), true},
		{"sets: less than asked", Jaccard(0.51), set(1, 2, 3), set(1, 2, 4), false},
		{"sets: twice", Jaccard(0), set(1, 2, 3), set(1, 2, 2), false},
		{"sets: fewer", Jaccard(0), set(1, 2, 3), set(1, 2, Unwritten), false},
		{"part", Part(1, 2, NMSE(1e-4)), Words(7, 0x3f800000, 9), Words(7, 0x3f800100, 9), true},
		{"part: before", Part(1, 2, NMSE(1e-4)), Words(7, 0x3f800000, 9), Words(8, 0x3f800000, 9), false},
		{"part: after", Part(1, 2, NMSE(1e-4)), Words(7, 0x3f800000, 9), Words(7, 0x3f800000, 8), false},
	} {
		if err := c.compare(c.want, c.got); (err == nil) != c.ok {
			t.Errorf("%s: %v, expected ok: %v", c.name, err, c.ok)
		}
	}
}

// TestRoundings: the cases of kv_append have the edges of float16 among them.
func TestRoundings(t *testing.T) {
	seen := map[uint32]bool{}
	b := roundings()
	for i := range len(b) / 4 {
		seen[word(b, i)] = true
	}
	for _, f := range []uint32{0, 0x33800000, 0x33000000, 0x33000001, 0x387fc000, 0x387fe000, 0x38800000, 0x477fe000, 0x477ff000, 0x477fefff, 0xff800000} {
		if !seen[f] {
			t.Errorf("%#08x is not among them", f)
		}
	}
}

// TestFuzzCovers: random cases are drawn for every kernel, they are the same
// when they are drawn again, and others of another seed.
func TestFuzzCovers(t *testing.T) {
	t.Setenv("TOKENSELECT_FUZZ", "4")
	names := func() (all []string) {
		for _, c := range fuzzCases() {
			all = append(all, c.Name)
		}
		return all
	}
	covered, first := map[string]bool{}, names()
	for i, c := range fuzzCases() {
		if c.Name != first[i] {
			t.Fatalf("case %d is %s, then %s", i, first[i], c.Name)
		}
		plan := c.Build(rand.New(rand.NewPCG(1, 1)))
		var ranges []gpu.Range
		for _, b := range plan.Buffers {
			ranges = append(ranges, gpu.All(&gpu.Buffer{Label: b.Name, Size: len(b.Data)}))
		}
		var r gpu.Recording
		plan.Record(&r, ranges)
		if r.Err() != nil {
			t.Errorf("%s: %v", c.Name, r.Err())
		}
		for _, c := range r.Commands() {
			covered[c.Kernel.Name] = true
		}
	}
	for _, k := range kernels.All(64) {
		if !covered[k.Name] {
			t.Errorf("no random case calls %s", k.Name)
		}
	}
	t.Setenv("TOKENSELECT_FUZZ_SEED", "2")
	if slices.Equal(names(), first) {
		t.Error("another seed draws the same cases")
	}
}
