//go:build !amd64

package simd

// Values are multiplied and added plainly; the other is never called.
const multiplyAddVectors = false

func multiplyAddVec(*float32, int, float32, float32, int) {
	panic("simd: no vectors for multiplying and adding in this build")
}
