package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// bits is n bits of a block from bit at on, bit 0 being the lowest of byte 0.
func bits(block []byte, at, n int) (v int) {
	for i := n - 1; i >= 0; i-- {
		v = 2*v + int(block[(at+i)/8]>>((at+i)%8)&1)
	}
	return v
}

// real16 is a float16 by its definition.
func real16(block []byte, byteAt int) float64 {
	sign, exponent, fraction := bits(block, 8*byteAt+15, 1), bits(block, 8*byteAt+10, 5), bits(block, 8*byteAt, 10)
	v := math.Ldexp(float64(1024+fraction), exponent-25)
	if exponent == 0 {
		v = math.Ldexp(float64(fraction), -24)
	}
	return math.Copysign(v, float64(1-2*sign))
}

func signed8(block []byte, byteAt int) float64 {
	return float64(bits(block, 8*byteAt, 7) - 128*bits(block, 8*byteAt+7, 1))
}

// valueOf is value i of a block as a real number, from the definition of each type,
// bit by bit.
var valueOf = map[Type]func(b []byte, i int) float64{
	Q8_0: func(b []byte, i int) float64 { return real16(b, 0) * signed8(b, 2+i) },
	Q4_0: func(b []byte, i int) float64 { return real16(b, 0) * float64(bits(b, 16+i%16*8+i/16*4, 4)-8) },
	Q4_1: func(b []byte, i int) float64 {
		return real16(b, 0)*float64(bits(b, 32+i%16*8+i/16*4, 4)) + real16(b, 2)
	},
	Q5_0: func(b []byte, i int) float64 {
		return real16(b, 0) * float64(bits(b, 48+i%16*8+i/16*4, 4)+16*bits(b, 16+i, 1)-16)
	},
	Q5_1: func(b []byte, i int) float64 {
		return real16(b, 0)*float64(bits(b, 64+i%16*8+i/16*4, 4)+16*bits(b, 32+i, 1)) + real16(b, 2)
	},
	Q4_K: func(b []byte, i int) float64 {
		s, m := sixBits(b, i/32)
		return real16(b, 0)*s*float64(bits(b, 8*(16+i/64*32+i%32)+i/32%2*4, 4)) - real16(b, 2)*m
	},
	Q5_K: func(b []byte, i int) float64 {
		s, m := sixBits(b, i/32)
		q := bits(b, 8*(48+i/64*32+i%32)+i/32%2*4, 4) + 16*bits(b, 8*(16+i%32)+i/32, 1)
		return real16(b, 0)*s*float64(q) - real16(b, 2)*m
	},
	Q6_K: func(b []byte, i int) float64 {
		half, rest := i/128, i%128
		q := bits(b, 8*(half*64+rest%64)+rest/64*4, 4) + 16*bits(b, 8*(128+half*32+rest%32)+rest/32*2, 2)
		return real16(b, 208) * signed8(b, 192+i/16) * float64(q-32)
	},
}

// sixBits are the scale and the minimum of part p of a Q4_K or Q5_K block.
func sixBits(b []byte, p int) (scale, minimum float64) {
	if p < 4 {
		return float64(bits(b, 8*(4+p), 6)), float64(bits(b, 8*(8+p), 6))
	}
	scale = float64(bits(b, 8*(8+p), 4) + 16*bits(b, 8*p+6, 2))
	return scale, float64(bits(b, 8*(8+p)+4, 4) + 16*bits(b, 8*(4+p)+6, 2))
}

// edges are float16 scales at the ends of what there is: zero, the least and the
// largest of both kinds, with both signs.
var edges = []uint16{0, 0x8000, 1, 0x8001, 0x03ff, 0x83ff, 0x0400, 0x8400, 0x7bff, 0xfbff, 0x3c00}

// randomBlocksOf is n blocks of a type of random bits. Scales are finite; of every
// second block they are edges.
func randomBlocksOf(rng *rand.Rand, t Type, n int) []byte {
	f := formats[t]
	data := make([]byte, n*f.size)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	for b := range n {
		for _, at := range f.halves {
			h := data[b*f.size+at:]
			scale := uint16(rng.IntN(0x7c00) | rng.IntN(2)<<15)
			if b%2 == 1 {
				scale = edges[rng.IntN(len(edges))]
			}
			binary.LittleEndian.PutUint16(h, scale)
		}
	}
	return data
}

// blockTypes are those in blocks.
var blockTypes = []Type{Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K}

// TestDecodeBlocks: every value of random blocks is the float32 that is nearest to
// what the definition of the type says.
func TestDecodeBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, kind := range blockTypes {
		t.Run(kind.String(), func(t *testing.T) {
			const n = 600
			f := formats[kind]
			data := randomBlocksOf(rng, kind, n)
			v, err := Tensor{Name: "w", Type: kind, Shape: []int{n, f.block}, Data: data}.Float32()
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range v {
				block := data[i/f.block*f.size:][:f.size]
				if want := float32(valueOf[kind](block, i%f.block)); got != want {
					t.Fatalf("block %d (% x): value %d is %v, expected %v", i/f.block, block, i%f.block, got, want)
				}
			}
		})
	}
}

// TestFiniteBlocks spoils the scale and the minimum of a block.
func TestFiniteBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, kind := range blockTypes {
		f := formats[kind]
		for i, at := range f.halves {
			for _, bad := range []uint16{0x7c00, 0xfc00, 0x7e01, 0xffff} {
				data := randomBlocksOf(rng, kind, 5)
				w := Tensor{Name: "w", Type: kind, Shape: []int{5, f.block}, Data: data}
				if err := w.finite(); err != nil {
					t.Fatal(err)
				}
				binary.LittleEndian.PutUint16(data[3*f.size+at:], bad)
				what := []string{"scale", "minimum"}[i]
				refused(t, w.finite(), "tensor w: the "+what+" of block 3 is ")
				some, err := w.Rows(2, 4)
				if err != nil {
					t.Fatal(err)
				}
				refused(t, some.finite(), "tensor w: the "+what+" of block 3 is ")
			}
		}
	}
}

// TestRepack: Q4_0 and Q5_0 become Q8_0 without rounding, and Q4_K becomes Q4_1 with
// no more than what float16 takes from scales and minimums.
func TestRepack(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, kind := range []Type{Q4_0, Q5_0} {
		w := Tensor{Name: "w", Type: kind, Shape: []int{100, 64}, Data: randomBlocksOf(rng, kind, 200)}
		c, err := Convert(w, Q8_0)
		if err != nil {
			t.Fatal(err)
		}
		same(t, &Model{Tensors: map[string]Tensor{"w": c}}, &Model{Tensors: map[string]Tensor{"w": w}})
	}
	w := Tensor{Name: "w", Type: Q4_K, Shape: []int{100, 512}, Data: randomBlocksOf(rng, Q4_K, 200)}
	for b := range 200 { // scales as weights have them
		for at := 0; at < 4; at += 2 {
			binary.LittleEndian.PutUint16(w.Data[144*b+at:], uint16(0x1000+rng.IntN(0x1400)))
		}
	}
	c, err := Convert(w, Q4_1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Float32()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		block := w.Data[i/256*144:][:144]
		s, m := sixBits(block, i%256/32)
		want := valueOf[Q4_K](block, i%256)
		// Half of an ulp of a float16 of each, and the sum's own rounding.
		if limit := (real16(block, 0)*s*15+real16(block, 2)*m)*0x1p-11 + 0x1p-24; math.Abs(float64(v)-want) > limit {
			t.Fatalf("value %d is %v, expected %v within %g", i, v, want, limit)
		}
	}
	binary.LittleEndian.PutUint16(w.Data[144*7:], 0x7bff)
	w.Data[144*7+4] = 63
	_, err = Convert(w, Q4_1)
	refused(t, err, "tensor w: the scale of block 56 is +Inf as Q4_1")
}

// TestQuantise4 rounds to Q4_0 as llama.cpp's reference does, in steps of its own
// words: the value of the largest magnitude becomes -8.
func TestQuantise4(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	const n = 2000
	v := make([]float32, 32*n)
	for i := range v {
		v[i] = float32(rng.NormFloat64() * math.Pow(2, float64(rng.IntN(30)-15)))
		if i/32%3 == 0 { // few steps: many values right between two of them, and two farthest from zero
			v[i] = float32(rng.IntN(33)-16) / 2
		}
	}
	clear(v[:32])
	v[33], v[34] = math.SmallestNonzeroFloat32, -1e-39
	c, err := Convert(Tensor{Name: "w", Type: F32, Shape: []int{n, 32}, Data: f32Bytes(v)}, Q4_0)
	if err != nil {
		t.Fatal(err)
	}
	for b := range n {
		amax, top := float32(0), float32(0)
		for _, x := range v[32*b : 32*b+32] {
			if a := max(x, -x); amax < a {
				amax, top = a, x
			}
		}
		d := top / -8
		var id float32
		if math.Abs(float64(d)) >= 0x1p-126 {
			id = 1 / d
		}
		raw := c.Data[18*b : 18*b+18]
		if want := float32(real16(raw, 0)); math.Abs(float64(want-d)) > math.Abs(float64(d))*0x1p-11+0x1p-25 {
			t.Fatalf("block %d: the scale is %v, expected %v", b, want, d)
		}
		for i := range 32 {
			x := v[32*b+i] * id
			want := min(15, int(int8(x+8.5)))
			if got := bits(raw, 16+i%16*8+i/16*4, 4); got != want {
				t.Fatalf("block %d: value %d of %v is %d, expected %d", b, i, v[32*b+i], got, want)
			}
		}
	}
	// What is rounded to Q4_0 once stays what it is.
	again, err := Convert(c, F32)
	if err == nil {
		again, err = Convert(again, Q4_0)
	}
	if err != nil {
		t.Fatal(err)
	}
	a, errA := c.Float32()
	b, errB := again.Float32()
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > math.Abs(float64(a[i]))*0x1p-10 {
			t.Fatalf("value %d was %v and is %v", i, a[i], b[i])
		}
	}
}

// TestConvertNaN: a NaN anywhere in a block is found.
func TestConvertNaN(t *testing.T) {
	for _, to := range []Type{Q8_0, Q4_0} {
		for at := range 32 {
			v := make([]float32, 64)
			for i := range v {
				v[i] = float32(i) - 20
			}
			v[32+at] = float32(math.NaN())
			_, err := Convert(Tensor{Name: "w", Type: F32, Shape: []int{64}, Data: f32Bytes(v)}, to)
			refused(t, err, fmt.Sprintf("tensor w: the scale of block 1 is NaN as %v", to))
		}
	}
}
