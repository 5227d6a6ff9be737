package simd

import (
	"os"
	"unsafe"
)

const vectorLevel = "neon"

// vector is on but where TOKENSELECT_SIMD=go asks for the plain versions, to compare
// the two: every arm64 has NEON, with multiply-add and with float16 to convert.
var vector = os.Getenv("TOKENSELECT_SIMD") != "go"

// dot4x3 asks for nothing ahead here: of what use that is was not measured.
func dot4x3(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, k8 int) {
	tile4x3(dst, dstStride, x, xStride, w, wStride, k8)
}

// pv1x1 is pv1x8 for one column.
//
//go:noescape
func pv1x1(o, p, v *float32, vStride, n int)

// pvRest is pv1x8 for the first m columns, fewer than eight.
func pvRest(o, p, v *float32, vStride, n, m int) {
	sums, values := unsafe.Slice(o, m), unsafe.Slice(v, m)
	for c := range m {
		pv1x1(&sums[c], p, &values[c], vStride, n)
	}
}
