package gputest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() {
	register(addCases)
	register(swigluCases)
	register(argmaxCases)
	register(kvAppendCases)
}

var inf, nan = float32(math.Inf(1)), float32(math.NaN())

func addCases() []Case {
	var cases []Case
	for _, s := range []struct{ n, period int }{
		{1, 1}, {3, 1}, {255, 255}, {256, 256}, {257, 257}, {130 * 65, 65}, {1000, 999}, {10, 64},
		{256*70000 - 3, 1000}, // more workgroups than one dimension takes
	} {
		cases = append(cases, addCase(s.n, s.period))
	}
	return cases
}

func addCase(n, period int) Case {
	return Case{fmt.Sprintf("add/%d by %d", n, period), func(rng *rand.Rand) Plan {
		x, y := Normal(rng, min(n, period), 1), make([]byte, 4*n)
		for i := range n {
			binary.LittleEndian.PutUint32(y[4*i:], math.Float32bits(rng.Float32()))
		}
		return Plan{
			// One sum of two values is the same everywhere.
			Buffers: []Buffer{In("x", x), InOut("y", y, nil)},
			Record:  func(r *gpu.Recording, b []gpu.Range) { kernels.Add(r, b[0], b[1], n, period) },
		}
	}}
}

func swigluCases() []Case {
	var cases []Case
	for _, s := range []struct {
		rows, cols int
		sigma      float64
	}{{1, 1, 1}, {1, 63, 3}, {2, 64, 3}, {3, 65, 3}, {63, 33, 10}, {65, 130, 10}, {130, 96, 40}} {
		cases = append(cases, swigluCase(s.rows, s.cols, s.sigma))
	}
	return append(cases, Case{"swiglu/saturated gates", func(*rand.Rand) Plan {
		gate := []float32{-1e30, -1000, -200, -120, 0, 1e-30, 120, 200, 1000, 1e30}
		up := []float32{2, 2, 1e30, -2, 3, 3, 3, -3, 3, 1e-3}
		return swigluPlan(Floats(append(gate, up...)...), 1, len(gate), allowed("swiglu"))
	}})
}

func swigluCase(rows, cols int, sigma float64) Case {
	return Case{fmt.Sprintf("swiglu/%dx%d", rows, cols), func(rng *rand.Rand) Plan {
		return swigluPlan(Normal(rng, 2*rows*cols, sigma), rows, cols, allowed("swiglu"))
	}}
}

func swigluPlan(x []byte, rows, cols int, c Compare) Plan {
	return Plan{
		Buffers: []Buffer{In("x", x), Out("y", rows*cols, c)},
		Record:  func(r *gpu.Recording, b []gpu.Range) { kernels.SwiGLU(r, b[0], b[1], rows, cols) },
	}
}

func argmaxCases() []Case {
	fill := func(n int, v float32, at map[int]float32) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = v
		}
		for i, a := range at {
			x[i] = a
		}
		return x
	}
	negZero := float32(math.Copysign(0, -1))
	var cases []Case
	for _, s := range []struct {
		name string
		x    []float32
	}{
		{"single", []float32{-3}},
		{"single NaN", []float32{nan}},
		{"all equal", fill(700, 2.5, nil)},
		{"all -Inf", fill(300, -inf, nil)},
		{"all NaN", fill(300, nan, nil)},
		{"-Inf and NaN", fill(300, -inf, map[int]float32{0: nan, 299: nan})},
		{"-Inf, NaN and the lowest", fill(3000, -inf, map[int]float32{0: nan, 2000: -math.MaxFloat32, 2999: nan})},
		{"NaN everywhere but one", fill(1000, nan, map[int]float32{999: -1e30})},
		{"+Inf twice", fill(1000, 1, map[int]float32{257: inf, 900: inf})},
		{"tie in one lane", fill(2000, -1, map[int]float32{1029: 4, 5: 4, 1997: 4})},
		{"tie across lanes", fill(2000, -1, map[int]float32{300: 4, 299: 4, 1024: 4})},
		{"zeros of both signs", []float32{-1, negZero, 0, negZero, 0}},
		{"smallest subnormals", []float32{0, math.Float32frombits(1), math.Float32frombits(2), math.Float32frombits(0x80000003)}},
		{"tie across parts", fill(20000, -1, map[int]float32{4096: 4, 4095: 4, 19999: 4})},
		{"parts of nothing but NaN", fill(20000, nan, map[int]float32{19999: -1e30})},
		{"zeros of both signs in two parts", fill(20000, -1, map[int]float32{9000: negZero, 10000: 0})},
		{"last of 257", fill(257, -5, map[int]float32{256: -4})},
		{"neighbouring floats", fill(512, 1, map[int]float32{100: math.Nextafter32(1, 2), 411: math.Nextafter32(1, 2)})},
	} {
		cases = append(cases, Case{"argmax/" + s.name, func(*rand.Rand) Plan { return argmaxPlan(Floats(s.x...)) }})
	}
	for _, n := range []int{2, 63, 255, 256, 1023, 1024, 1025, 16384, 16385, 151936} {
		cases = append(cases, argmaxCase(n))
	}
	return cases
}

func argmaxCase(n int) Case {
	return Case{fmt.Sprintf("argmax/%d", n), func(rng *rand.Rand) Plan { return argmaxPlan(Normal(rng, n, 4)) }}
}

func argmaxPlan(x []byte) Plan {
	return Plan{
		Buffers: []Buffer{In("x", x), Out("part", kernels.ArgmaxWords(len(x)/4), nil), Out("id", 1, nil)},
		Record:  func(r *gpu.Recording, b []gpu.Range) { kernels.Argmax(r, b[0], b[1], b[2], len(x)/4) },
	}
}

// appended is one call of kv_append.
type appended struct{ rows, width, lead, tail, row0, capacity int }

func (s appended) toCase(kind kernels.CacheType) Case {
	name := fmt.Sprintf("kv_append_%s/%d rows of %d from row %d of %d, %d values before, %d behind", kind, s.rows, s.width, s.row0, s.capacity, s.lead, s.tail)
	return Case{name, func(rng *rand.Rand) Plan {
		stride, size := s.lead+2*s.width+s.tail, s.capacity*s.width*kind.Bytes()/4
		return Plan{
			Buffers: []Buffer{In("qkv", Normal(rng, s.rows*stride, 1)), Out("k", size, nil), Out("v", size, nil)},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.KVAppend(r, kind, b[0], b[1], b[2], s.rows, stride, s.lead, s.lead+s.width, s.width, s.row0)
			},
		}
	}}
}

func kvAppendCases() []Case {
	var cases []Case
	for _, kind := range []kernels.CacheType{kernels.CacheF16, kernels.CacheF32} {
		for _, s := range []appended{
			{1, 64, 0, 0, 0, 1}, {1, 64, 192, 3, 7, 9}, {2, 80, 5, 0, 1, 4}, {3, 2, 1, 1, 0, 3},
			{63, 96, 64, 7, 65, 130}, {65, 128, 640, 0, 0, 65}, {130, 320, 320, 0, 126, 256},
		} {
			cases = append(cases, s.toCase(kind))
		}
		cases = append(cases, Case{fmt.Sprintf("kv_append_%s/every rounding", kind), func(*rand.Rand) Plan {
			values := roundings()
			n := len(values) / 4
			words := n * kind.Bytes() / 4
			return Plan{
				Buffers: []Buffer{In("qkv", values), Out("k", words, nil), Out("v", words, nil)},
				Record: func(r *gpu.Recording, b []gpu.Range) {
					kernels.KVAppend(r, kind, b[0], b[1], b[2], 1, n, 0, 0, n, 0)
				},
			}
		}})
	}
	return cases
}

// roundings is every float32 that is a float16 or lies half-way between two,
// and the float32 values next to it, of both signs, from zero to what is too
// large for a float16; and float32 subnormals, infinities and NaN.
func roundings() []byte {
	bits := []uint32{0x7f800000, 0x7fc00000, 0x7f7fffff, 1, 0x7fffff, 0x00800000}
	step := func(units, shift uint32) { // a float16, the tie above it, and their neighbours
		for _, f := range []float64{float64(units), float64(units) + 0.5} {
			b := math.Float32bits(float32(math.Ldexp(f, int(shift)-24)))
			bits = append(bits, b, b+1)
			if b > 0 {
				bits = append(bits, b-1)
			}
		}
	}
	for u := range uint32(1024) { // subnormal
		step(u, 0)
	}
	for shift := range uint32(31) { // normal; beyond 29: too large
		for u := uint32(1024); u < 2048; u++ {
			step(u, shift)
		}
	}
	b := make([]byte, 0, 8*len(bits))
	for _, v := range bits {
		b = append(b, Words(v, v|0x80000000)...)
	}
	return b
}
