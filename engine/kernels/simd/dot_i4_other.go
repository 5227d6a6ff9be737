//go:build !amd64 && !arm64

package simd

// Keys of four bits are multiplied one by one; this is never called.
const dotI4Vectors = false

func dotI4Vec([]float32, int, []int8, []int32, []float32, int, int, []uint8, int, []uint16, int, int) {
	panic("simd: no vectors for keys of four bits in this build")
}
