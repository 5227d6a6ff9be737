package simd

// chooseVectors: the choice has versions in vectors here.
const chooseVectors = true

// maxLessVec is MaxLess of n values, a multiple of 32; stride counts values.
//
//go:noescape
func maxLessVec(dst, x *float32, stride int, less *float32, heads, n int)

// peaksVec is Peaks of so many times 64 values.
//
//go:noescape
func peaksVec(dst, x *float32, tiles int)

// countFromVec and indexFromVec take a multiple of 8 values.
//
//go:noescape
func countFromVec(x *float32, n int, least float32) int

//go:noescape
func indexFromVec(dst *uint32, x *float32, n int, least float32) int
