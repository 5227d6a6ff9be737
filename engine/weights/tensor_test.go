package weights

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tokenselect/engine/f16"
)

// blockOf is the reference's q8_0 in its own words: sign(x) floor(|x|+1/2) with
// x = w (1/d), d = max|w|/127, in float32 steps.
func blockOf(w []float32) (scale uint16, q []int8) {
	var top float32
	for _, x := range w {
		top = max(top, x, -x)
	}
	d := top / 127
	for _, x := range w {
		var f float32
		if d > 0 {
			inverse := 1 / d
			f = x * inverse
		}
		sign := float32(1)
		if f < 0 {
			sign, f = -1, -f
		}
		half := f + 0.5
		q = append(q, int8(sign*float32(int(half))))
	}
	return f16.FromFloat32(d), q
}

func TestQuantise(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	v := make([]float32, 32*3000)
	for i := range v {
		v[i] = float32(rng.NormFloat64() * math.Pow(2, float64(rng.IntN(20)-10)))
		if i/32%3 == 0 { // few steps: many values right between two of them
			v[i] = float32(rng.IntN(255)-127) / 2
		}
	}
	clear(v[:32])
	c, err := Convert(Tensor{Name: "w", Type: F32, Shape: []int{3000, 32}, Data: f32Bytes(v)}, Q8_0)
	if err != nil {
		t.Fatal(err)
	}
	back, err := c.Float32()
	if err != nil {
		t.Fatal(err)
	}
	for b := range 3000 {
		scale, q := blockOf(v[32*b : 32*b+32])
		raw := c.Data[34*b : 34*b+34]
		if got := binary.LittleEndian.Uint16(raw); got != scale {
			t.Fatalf("block %d: scale %#x, expected %#x", b, got, scale)
		}
		for i := range q {
			if int8(raw[2+i]) != q[i] {
				t.Fatalf("block %d: value %d of %v is %d, expected %d", b, i, v[32*b+i], int8(raw[2+i]), q[i])
			}
			if want := f16.ToFloat32(scale) * float32(q[i]); back[32*b+i] != want {
				t.Fatalf("block %d: value %d reads %v, expected %v", b, i, back[32*b+i], want)
			}
		}
	}
}

// TestQuantiseTiny has a scale of which the inverse is no float32.
func TestQuantiseTiny(t *testing.T) {
	v := make([]float32, 32)
	v[3], v[4] = math.SmallestNonzeroFloat32, 1e-39
	c, err := Convert(Tensor{Name: "w", Type: F32, Shape: []int{32}, Data: f32Bytes(v)}, Q8_0)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range c.Data {
		if b != 0 {
			t.Errorf("byte %d is %d, expected a block of zeros", i, b)
		}
	}
}

// TestHalves converts all halves of both kinds to float32 and back.
func TestHalves(t *testing.T) {
	for _, kind := range []Type{F16, BF16} {
		var data []byte
		for h := range 1 << 16 {
			if exponent := map[Type]int{F16: 0x7c00, BF16: 0x7f80}[kind]; h&exponent != exponent {
				data = binary.LittleEndian.AppendUint16(data, uint16(h))
			}
		}
		in := Tensor{Name: "w", Type: kind, Shape: []int{len(data) / 2}, Data: data}
		wide, err := Convert(in, F32)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Convert(wide, kind)
		if err != nil {
			t.Fatal(err)
		}
		if string(back.Data) != string(data) {
			t.Errorf("%v: not the same after float32", kind)
		}
	}
}

func TestRoundBF16(t *testing.T) {
	for _, c := range []struct{ in, want uint32 }{
		{0x3f800000, 0x3f80}, {0x3f807fff, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f808001, 0x3f81},
		{0x3f818000, 0x3f82}, {0xbf818000, 0xbf82}, {0x7f7f7fff, 0x7f7f},
	} {
		got, err := Convert(Tensor{Name: "w", Type: F32, Shape: []int{1}, Data: binary.LittleEndian.AppendUint32(nil, c.in)}, BF16)
		if err != nil {
			t.Fatal(err)
		}
		if b := binary.LittleEndian.Uint16(got.Data); uint32(b) != c.want {
			t.Errorf("%#x: %#x, expected %#x", c.in, b, c.want)
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		t    Tensor
		to   Type
		want string
	}{
		{"too large for a half", Tensor{Name: "w", Type: F32, Shape: []int{1, 2}, Data: f32Bytes([]float32{1, 65520})}, F16, "tensor w: value 1 is +Inf as F16"},
		{"too large for a scale", Tensor{Name: "w", Type: F32, Shape: []int{32}, Data: f32Bytes(append(make([]float32, 31), 1e7))}, Q8_0, "scale of block 0 is +Inf as Q8_0"},
		{"NaN", Tensor{Name: "w", Type: F32, Shape: []int{32}, Data: f32Bytes(append(make([]float32, 31), float32(math.NaN())))}, Q8_0, "scale of block 0 is NaN"},
		{"no whole blocks", Tensor{Name: "w", Type: F32, Shape: []int{2, 16}, Data: make([]byte, 128)}, Q8_0, "shape [2 16]"},
		{"data cut short", Tensor{Name: "w", Type: F32, Shape: []int{3}, Data: make([]byte, 11)}, F16, "11 bytes, expected 12"},
		{"4 bits and a minimum", Tensor{Name: "w", Type: F32, Shape: []int{32}, Data: make([]byte, 128)}, Q4_1, "rounding to Q4_1"},
		{"6 bits", Tensor{Name: "w", Type: Q4_0, Shape: []int{256}, Data: make([]byte, 144)}, Q6_K, "rounding to Q6_K"},
		{"no whole blocks of 256", Tensor{Name: "w", Type: Q4_K, Shape: []int{2, 128}, Data: make([]byte, 144)}, F16, "shape [2 128]"},
		{"data too long", Tensor{Name: "w", Type: Q8_0, Shape: []int{32}, Data: make([]byte, 68)}, F32, "68 bytes, expected 34"},
		{"shape that overflows", Tensor{Name: "w", Type: F32, Shape: []int{1 << 31, 1 << 31, 1 << 31}, Data: nil}, F16, "not possible"},
		{"negative shape", Tensor{Name: "w", Type: F32, Shape: []int{-1, -4}, Data: make([]byte, 16)}, F16, "not possible"},
		{"unknown type", Tensor{Name: "w", Type: F32, Shape: []int{1}, Data: make([]byte, 4)}, Type(99), "type 99"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Convert(c.t, c.to)
			refused(t, err, "tensor w: ", c.want)
		})
	}
}

// TestFinite puts values with a full exponent, and the nearest without, at
// every place of data of several lengths.
func TestFinite(t *testing.T) {
	for _, c := range []struct {
		kind      Type
		bad, good []uint32
	}{
		{F32, []uint32{0x7f800000, 0xff800000, 0x7fc00001, 0xffffffff}, []uint32{0x7f7fffff, 0xff7fffff, 0x007fffff, 0x80000000}},
		{F16, []uint32{0x7c00, 0xfc00, 0x7e01, 0xffff}, []uint32{0x7bff, 0xfbff, 0x03ff, 0x8000}},
		{BF16, []uint32{0x7f80, 0xff80, 0x7fc1, 0xffff}, []uint32{0x7f7f, 0xff7f, 0x007f, 0x8000}},
	} {
		size := formats[c.kind].size
		for n := 1; n <= 9; n++ {
			for at := range n {
				for i := range c.bad {
					for _, bad := range []bool{true, false} {
						bits := c.good[i]
						if bad {
							bits = c.bad[i]
						}
						data := make([]byte, n*size)
						for j := range n {
							copy(data[j*size:(j+1)*size], binary.LittleEndian.AppendUint32(nil, c.good[(i+j)%4]))
						}
						copy(data[at*size:(at+1)*size], binary.LittleEndian.AppendUint32(nil, bits))
						err := Tensor{Name: "w", Type: c.kind, Shape: []int{n}, Data: data}.finite()
						if (err != nil) != bad {
							t.Fatalf("%v: %#x at %d of %d: %v", c.kind, bits, at, n, err)
						}
					}
				}
			}
		}
	}
	block := make([]byte, 68)
	block[35] = 0x7c
	err := Tensor{Name: "w", Type: Q8_0, Shape: []int{64}, Data: block}.finite()
	refused(t, err, "tensor w: the scale of block 1 is +Inf")
	block[35], block[40] = 0x7b, 0x7c
	if err := (Tensor{Name: "w", Type: Q8_0, Shape: []int{64}, Data: block}).finite(); err != nil {
		t.Errorf("a value taken for a scale: %v", err)
	}
	if s := Type(200).String(); !strings.Contains(s, "200") {
		t.Errorf("type 200 is called %q", s)
	}
}
