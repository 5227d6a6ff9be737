package engine_test

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/f16"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// Plain quantisers, without the searches by which llama.cpp's lose less: what is
// measured with them is what the engine adds to a file's own loss.

func spread(v []float32) (least, most float64) {
	for _, x := range v {
		least, most = min(least, float64(x)), max(most, float64(x))
	}
	return least, most
}

// level is x in steps from 0 to top.
func level(x, step float64, top int) int {
	if step == 0 {
		return 0
	}
	return min(top, max(0, int(math.Round(x/step))))
}

func putHalf(b []byte, v float64) float64 {
	h := f16.FromFloat32(float32(v))
	binary.LittleEndian.PutUint16(b, h)
	return float64(f16.ToFloat32(h))
}

// minimums quantises blocks of 32 to Q4_1 or, of 5 bits, Q5_1.
func minimums(v []float32, bits int) []byte {
	var out []byte
	for ; len(v) > 0; v = v[32:] {
		b := make([]byte, 4+(bits-4)*4+16)
		least, most := spread(v[:32])
		step := putHalf(b, (most-least)/float64(int(1)<<bits-1))
		m := putHalf(b[2:], least)
		for i, x := range v[:32] {
			q := level(float64(x)-m, step, 1<<bits-1)
			b[len(b)-16+i%16] |= byte(q&15) << (i / 16 * 4)
			if bits == 5 {
				b[4+i/8] |= byte(q>>4) << (i % 8)
			}
		}
		out = append(out, b...)
	}
	return out
}

// twoSteps quantises blocks of 256 to Q4_K or, of 5 bits, Q5_K.
func twoSteps(v []float32, bits int) []byte {
	var out []byte
	for ; len(v) > 0; v = v[256:] {
		b := make([]byte, 16+(bits-4)*32+128)
		var steps, mins [8]float64
		for p := range 8 {
			least, most := spread(v[32*p : 32*p+32])
			steps[p], mins[p] = (most-least)/float64(int(1)<<bits-1), -least
		}
		var top, low float64
		for p := range 8 {
			top, low = max(top, steps[p]), max(low, mins[p])
		}
		d, m := putHalf(b, top/63), putHalf(b[2:], low/63)
		for p := range 8 {
			s, n := level(steps[p], d, 63), level(mins[p], m, 63)
			if p < 4 {
				b[4+p], b[8+p] = b[4+p]|byte(s), b[8+p]|byte(n)
			} else {
				b[8+p] = byte(s&15 | n&15<<4)
				b[p], b[4+p] = b[p]|byte(s>>4<<6), b[4+p]|byte(n>>4<<6)
			}
			for i, x := range v[32*p : 32*p+32] {
				q := level(float64(x)+m*float64(n), d*float64(s), 1<<bits-1)
				b[len(b)-128+p/2*32+i] |= byte(q&15) << (p % 2 * 4)
				if bits == 5 {
					b[16+i] |= byte(q>>4) << p
				}
			}
		}
		out = append(out, b...)
	}
	return out
}

// sixBits quantises blocks of 256 to Q6_K.
func sixBits(v []float32) []byte {
	var out []byte
	for ; len(v) > 0; v = v[256:] {
		b := make([]byte, 210)
		var steps [16]float64
		top := 0.0
		for p := range 16 {
			least, most := spread(v[16*p : 16*p+16])
			steps[p] = max(-least/32, most/31)
			top = max(top, steps[p])
		}
		d := putHalf(b[208:], top/127)
		for p := range 16 {
			s := level(steps[p], d, 127)
			b[192+p] = byte(s)
			for i := 16 * p; i < 16*p+16; i++ {
				q := level(float64(v[i])+32*d*float64(s), d*float64(s), 63)
				side, rest := i/128, i%128
				b[64*side+rest%64] |= byte(q&15) << (rest / 64 * 4)
				b[128+32*side+rest%32] |= byte(q>>4) << (rest / 32 * 2)
			}
		}
		out = append(out, b...)
	}
	return out
}

// quantisers are those above, and the type that the engine keeps theirs as.
var quantisers = []struct {
	kind, kept weights.Type
	width      int // of which rows are multiples
	quantise   func(v []float32) []byte
}{
	{weights.Q4_1, weights.Q4_1, 32, func(v []float32) []byte { return minimums(v, 4) }},
	{weights.Q5_1, weights.Q8_0, 32, func(v []float32) []byte { return minimums(v, 5) }},
	{weights.Q4_K, weights.Q4_1, 256, func(v []float32) []byte { return twoSteps(v, 4) }},
	{weights.Q5_K, weights.Q8_0, 256, func(v []float32) []byte { return twoSteps(v, 5) }},
	{weights.Q6_K, weights.Q8_0, 256, sixBits},
}

func values(t *testing.T, x weights.Tensor) []float32 {
	t.Helper()
	v, err := x.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func converted(t *testing.T, x weights.Tensor, to weights.Type) weights.Tensor {
	t.Helper()
	c, err := weights.Convert(x, to)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestKeptError: how far what the engine keeps of a type is from what the file says,
// as parts of the largest value of each 32. NOTES.md of package weights has the
// figures.
func TestKeptError(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	v := make([]float32, 1<<20)
	for i := range v {
		v[i] = float32(rng.NormFloat64() * 0.02)
	}
	for _, q := range quantisers {
		x := weights.Tensor{Name: "w", Type: q.kind, Shape: []int{len(v) / 256, 256}, Data: q.quantise(v)}
		want := values(t, x)
		var loss float64 // of the file itself
		for i := range want {
			loss += math.Pow(float64(want[i]-v[i]), 2)
		}
		for _, as := range []weights.Type{q.kept, weights.Q8_0} {
			got := values(t, converted(t, x, as))
			var most, square, added float64
			for b := 0; b < len(v); b += 32 {
				least, top := spread(want[b : b+32])
				top = max(top, -least)
				for i := b; i < b+32; i++ {
					e := float64(got[i]) - float64(want[i])
					most, square, added = max(most, math.Abs(e)/top), square+e*e/top/top, added+e*e
				}
			}
			t.Logf("%v as %v: error at most %.2g of the largest of 32, %.2g rms; the file's own loss grows by %.3f %%", q.kind, as, most, math.Sqrt(square/float64(len(v))), 50*added/loss)
			limit := 0.5/127 + 1.0/2048 // half a step, and the scale's own rounding
			if as == weights.Q4_1 {
				limit = 3.0 / 2048 // of the scale, by which up to twice the largest is measured, and of the minimum
			}
			if q.kind == as {
				limit = 0
			}
			if most > limit {
				t.Errorf("%v as %v: an error of %g of the largest of 32, expected at most %g", q.kind, as, most, limit)
			}
		}
	}
}

// TestKeptLogits: with the built-in model's matrices in each type, the engine's logits
// are near those of the same values as float32, and what it would say is the same.
func TestKeptLogits(t *testing.T) {
	builtin, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	ids := prompt(12)
	logits := func(tensors map[string]weights.Tensor) (all [][]float32) {
		m := *builtin
		m.Tensors = tensors
		e, err := engine.New(cpu(t, cpudev.Options{}), &m, engine.Options{Cache: "f32"})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		cfg := selection.Default(m.Config.Context)
		cfg.Policy = selection.Dense
		s := session(t, e, 100, cfg)
		for _, id := range ids {
			prefill(t, s, []int{id})
			l, err := s.Logits(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, append([]float32(nil), l...))
		}
		return all
	}
	for _, q := range quantisers {
		if q.kind == q.kept || q.kind == weights.Q5_K { // exact, or kept as the next one is
			continue
		}
		stored, exact := map[string]weights.Tensor{}, map[string]weights.Tensor{}
		matrices := 0
		for name, x := range builtin.Tensors {
			stored[name], exact[name] = x, x
			if len(x.Shape) == 2 && x.Shape[1]%q.width == 0 {
				x = weights.Tensor{Name: name, Type: q.kind, Shape: x.Shape, Data: q.quantise(values(t, x))}
				stored[name], exact[name] = x, converted(t, x, weights.F32)
				matrices++
			}
		}
		got, want := logits(stored), logits(exact)
		same, most, square, n := 0, 0.0, 0.0, 0
		for i := range want {
			a, b := 0, 0
			for j := range want[i] {
				if got[i][j] > got[i][a] {
					a = j
				}
				if want[i][j] > want[i][b] {
					b = j
				}
				e := float64(got[i][j]) - float64(want[i][j])
				most, square, n = max(most, math.Abs(e)), square+e*e, n+1
			}
			if a == b {
				same++
			}
		}
		t.Logf("%d matrices as %v, kept as %v: %d of %d first choices the same, logits differ by %.2g rms and at most %.2g", matrices, q.kind, q.kept, same, len(ids), math.Sqrt(square/float64(n)), most)
		if same < len(ids)*9/10 {
			t.Errorf("%v: %d of %d first choices are the same", q.kind, same, len(ids))
		}
	}
}
