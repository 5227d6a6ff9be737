package simd

const multiplyAddVectors = true

// multiplyAddVec is MultiplyAdd of n values, a multiple of 64, and some rounds.
//
//go:noescape
func multiplyAddVec(v *float32, n int, factor, step float32, rounds int)
