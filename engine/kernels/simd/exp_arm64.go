package simd

//go:noescape
func expSumVec(x *float32, n int, m float32) float32

//go:noescape
func sumExpVec(x *float32, n int, m float32) float32

//go:noescape
func addExpVec(dst, x *float32, n int, m, inv float32)
