// Package gputest is one table of kernel tests that is run on every device.
// Each case records calls of kernels through package kernels, runs them on the
// device and through the plain twins, and compares what both wrote. Only tests
// import it.
package gputest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"tokenselect/engine/gpu"
)

// Case is one row of the table.
type Case struct {
	Name  string // kernel, slash, what is special: "rms_norm/3x65"
	Build func(rng *rand.Rand) Plan
}

// Plan is what a case does.
type Plan struct {
	Buffers []Buffer
	// Record records the calls. Range i is Buffers[i], which may be bound with
	// some words more than it asked for.
	Record func(r *gpu.Recording, b []gpu.Range)
}

// Buffer is one buffer of a plan.
type Buffer struct {
	Name string
	Data []byte // at the start; a positive multiple of 4 bytes
	// Compare judges what the device left in place of Data. Nil means that the
	// twins' bytes are expected exactly: all inputs, and integer outputs.
	Compare Compare

	output bool
}

// Unwritten is the word that outputs start with: a NaN as a float32 and in both
// its halves, and no index into anything. Where the twins leave it, so must the
// device.
const Unwritten = 0x7fc17fc1

// In is an input.
func In(name string, data []byte) Buffer { return Buffer{name, data, nil, false} }

// Out is an output of n words that starts Unwritten.
func Out(name string, n int, c Compare) Buffer { return Buffer{name, repeat(Unwritten, n), c, true} }

// InOut is an output that starts with data, which the kernel may read.
func InOut(name string, data []byte, c Compare) Buffer { return Buffer{name, data, c, true} }

func repeat(word uint32, n int) []byte {
	b := make([]byte, 4*n)
	for i := range n {
		binary.LittleEndian.PutUint32(b[4*i:], word)
	}
	return b
}

// Words is the bytes of v.
func Words(v ...uint32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// Floats is the bytes of v.
func Floats(v ...float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// Normal is n float32 values of a normal distribution.
func Normal(rng *rand.Rand, n int, sigma float64) []byte {
	b := make([]byte, 0, 4*n)
	for range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(rng.NormFloat64()*sigma)))
	}
	return b
}

// Halves is n float16 values, rounded up to whole words, of either sign and of
// magnitudes from 2^(top-8) to 2^top; the odd half at the end is NaN. Top is
// from -5 to 15.
func Halves(rng *rand.Rand, n, top int) []byte {
	b := make([]byte, 0, 2*n+2)
	for range n {
		h := uint16(rng.Uint32()) & 0x83ff
		b = binary.LittleEndian.AppendUint16(b, h|uint16(top+6+rng.IntN(8))<<10)
	}
	if n%2 == 1 {
		b = binary.LittleEndian.AppendUint16(b, Unwritten&0xffff)
	}
	return b
}

// Bytes is n random bytes, rounded up to whole words.
func Bytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, (n+3)/4*4)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

var tables []func() []Case

// register adds cases to the table; each file of cases calls it from init.
func register(t func() []Case) { tables = append(tables, t) }
