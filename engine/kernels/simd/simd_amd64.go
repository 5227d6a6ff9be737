package simd

const vectorLevel = "avx2"

// dot4x3 is tile4x3 for rows of w that come from memory: it asks for those that
// are 32 further on.
//
//go:noescape
func dot4x3(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, k8 int)

// pv1xm is pv1x8 for those of eight columns whose mask is -1.
//
//go:noescape
func pv1xm(o, p, v *float32, vStride, n int, mask *int32)

// masks at 8-m has its first m lanes set.
var masks = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

// pvRest is pv1x8 for the first m columns, fewer than eight.
func pvRest(o, p, v *float32, vStride, n, m int) { pv1xm(o, p, v, vStride, n, &masks[8-m]) }
