package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"tokenselect/engine/f16"
)

// Random is a checkpoint of a configuration with random weights, for measuring
// how fast models of its shape are: matrices in Q8_0 whose products are of the
// size of what they multiply, and norms of one. The matrices are made as they are
// read, always the same for a seed, and take no memory until then. It has no
// tokenizer.
func Random(c Config, seed uint64) (*Model, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("weights: random %s: %w", c.Name, err)
	}
	m := &Model{Path: "random " + c.Name, Config: c, Tensors: map[string]Tensor{}}
	for i, n := range c.tensors() {
		t := Tensor{Name: n.name, Shape: n.shape}
		if len(n.shape) == 1 {
			t.Type, t.Data = F32, make([]byte, 0, 4*n.shape[0])
			for range n.shape[0] {
				t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(1))
			}
		} else {
			const deviation = 73.3 // of the numbers from -127 to 127
			t.Type = Q8_0
			t.File = &File{r: randomBlocks{rand.NewPCG(seed, uint64(i)).Uint64(), f16.FromFloat32(float32(1 / (deviation * math.Sqrt(float64(n.shape[1])))))}}
		}
		m.Tensors[n.name] = t
	}
	return m, m.finish()
}

// randomBlocks is an endless file of Q8_0 blocks of one scale.
type randomBlocks struct {
	seed  uint64
	scale uint16
}

// ReadAt makes the blocks that p lies in.
func (r randomBlocks) ReadAt(p []byte, at int64) (int, error) {
	var block [blockBytes]byte
	binary.LittleEndian.PutUint16(block[:], r.scale)
	for n := 0; n < len(p); {
		number, within := (at+int64(n))/blockBytes, int((at+int64(n))%blockBytes)
		for i := 2; i < blockBytes; i += 8 {
			bits := mix(r.seed + 4*uint64(number) + uint64(i/8))
			for j := range 8 {
				// The format has no -128: it would be the only value without an opposite.
				v := byte(bits >> (8 * j))
				if v == 0x80 {
					v = 0
				}
				block[i+j] = v
			}
		}
		n += copy(p[n:], block[within:])
	}
	return len(p), nil
}

// mix scatters the bits of x: a permutation of the 64-bit numbers (the finaliser
// of SplitMix64).
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
