package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"tokenselect/engine/f16"
)

// Random is a checkpoint of a configuration with random weights, for measuring
// how fast models of its shape are: matrices of type t, Q8_0 or Q4_0, whose
// products are of the size of what they multiply, and norms of one. The matrices are made as they are
// read, always the same for a seed, and take no memory until then. It has no
// tokenizer.
func Random(c Config, t Type, seed uint64) (*Model, error) {
	// Of the numbers from -127 to 127, or from -7 to 7.
	deviation := map[Type]float64{Q8_0: 73.3, Q4_0: 4.32}[t]
	if deviation == 0 {
		return nil, fmt.Errorf("weights: random %s: %v, expected Q8_0 or Q4_0", c.Name, t)
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("weights: random %s: %w", c.Name, err)
	}
	m := &Model{Path: "random " + c.Name, Config: c, Tensors: map[string]Tensor{}}
	for i, n := range c.tensors() {
		made := Tensor{Name: n.name, Shape: n.shape}
		if len(n.shape) == 1 {
			made.Type, made.Data = F32, make([]byte, 0, 4*n.shape[0])
			for range n.shape[0] {
				made.Data = binary.LittleEndian.AppendUint32(made.Data, math.Float32bits(1))
			}
		} else {
			scale := f16.FromFloat32(float32(1 / (deviation * math.Sqrt(float64(n.shape[1])))))
			made.Type, made.File = t, &File{r: randomBlocks{rand.NewPCG(seed, uint64(i)).Uint64(), scale, t}}
		}
		m.Tensors[n.name] = made
	}
	return m, m.finish()
}

// randomBlocks is an endless file of blocks of one scale.
type randomBlocks struct {
	seed  uint64
	scale uint16
	t     Type
}

// ReadAt makes the blocks that p lies in.
func (r randomBlocks) ReadAt(p []byte, at int64) (int, error) {
	var longest [34]byte // of Q8_0
	block := longest[:formats[r.t].size]
	size := int64(len(block))
	binary.LittleEndian.PutUint16(block, r.scale)
	for n := 0; n < len(p); {
		number, within := (at+int64(n))/size, int((at+int64(n))%size)
		for i := 2; i < len(block); i += 8 {
			bits := mix(r.seed + 4*uint64(number) + uint64(i/8))
			for j := range 8 {
				block[i+j] = r.t.symmetric(byte(bits >> (8 * j)))
			}
		}
		n += copy(p[n:], block[within:])
	}
	return len(p), nil
}

// symmetric makes the least number of a byte zero: it would be the only one
// without an opposite, and Q8_0 has none.
func (t Type) symmetric(v byte) byte {
	switch {
	case t == Q4_0:
		if v&15 == 0 {
			v |= 8
		}
		if v>>4 == 0 {
			v |= 8 << 4
		}
	case v == 0x80:
		v = 0
	}
	return v
}

// mix scatters the bits of x: a permutation of the 64-bit numbers (the finaliser
// of SplitMix64).
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
