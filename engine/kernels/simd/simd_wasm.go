//go:build js && wasm && wasmsimd

package simd

import "os"

const vectorLevel = "simd128"

// vector is on but where TOKENSELECT_SIMD=go asks for the plain versions, to
// compare the two: that the module is there follows from the imports.
var vector = os.Getenv("TOKENSELECT_SIMD") != "go"

// The functions of simd128.wat, on the memory of this program. Strides are in
// bytes. They return before anything else runs, so that stacks stay where they
// are.

//go:wasmimport tokenselect_simd matmul_f32
//go:noescape
func matMul128(dst *float32, dstStride int32, x *float32, xStride, nx int32, w *float32, wStride, nw, k8 int32)

//go:wasmimport tokenselect_simd matvec_q8_0
//go:noescape
func matVecQ8128(dst, x *float32, q *int8, scale *uint16, half *float32, nw, k int32)

//go:wasmimport tokenselect_simd matvec_f16
//go:noescape
func matVecF16128(dst, x *float32, w *uint16, stride, nw, k8 int32)

//go:wasmimport tokenselect_simd dequant_q8_0
//go:noescape
func dequant128(dst *float32, q *int8, scale *uint16, half *float32, blocks int32)

//go:wasmimport tokenselect_simd f16_to_f32
//go:noescape
func f16ToF32128(dst *float32, src *uint16, n int32)

//go:wasmimport tokenselect_simd f16_rows
//go:noescape
func f16Rows128(dst *float32, src *uint16, stride, rows, d int32)

//go:wasmimport tokenselect_simd f32_to_f16
//go:noescape
func f32ToF16128(dst *uint16, src *float32, n int32)

//go:wasmimport tokenselect_simd rope
//go:noescape
func rope128(dst, src, cos, sin *float32, half int32)

//go:wasmimport tokenselect_simd rope_f16
//go:noescape
func ropeF16128(dst *float32, src *uint16, cos, sin *float32, half int32)

//go:wasmimport tokenselect_simd max
//go:noescape
func max128(x *float32, n int32) float32

//go:wasmimport tokenselect_simd scale
//go:noescape
func scale128(x *float32, n int32, a float32)

//go:wasmimport tokenselect_simd exp_sum
//go:noescape
func expSum128(x *float32, n int32, m float32, keep int32) float32

//go:wasmimport tokenselect_simd add_exp
//go:noescape
func addExp128(dst, x *float32, n int32, m, inv float32)

//go:wasmimport tokenselect_simd swiglu
//go:noescape
func swiGLU128(dst, gate, up *float32, n int32)

//go:wasmimport tokenselect_simd accum_pv
//go:noescape
func accumPV128(o *float32, oStride int32, p *float32, pStride, rows, n int32, v *float32, vStride, d8 int32)

// matMulVec takes the first k8 values of each row.
func matMulVec(dst []float32, dstStride int, x []float32, xStride, nx int, w []float32, wStride, nw, k8 int) {
	// Rows of w pass in panels that stay in the first-level cache while the
	// rows of x pass by.
	const panelBytes = 24 << 10
	panel := max(4, panelBytes/(4*k8)&^3)
	if nx < 4 {
		panel = nw
	}
	for r := 0; r < nw; r += panel {
		matMul128(&dst[r], int32(4*dstStride), &x[0], int32(4*xStride), int32(nx), &w[r*wStride], int32(4*wStride), int32(min(panel, nw-r)), int32(k8))
	}
}

func matVecQ8Vec(dst, x []float32, q []int8, scale []uint16, nw, k int) {
	matVecQ8128(&dst[0], &x[0], &q[0], &scale[0], &half[0], int32(nw), int32(k))
}

// matVecF16Vec takes the first k&^7 values of each row.
func matVecF16Vec(dst, x []float32, w []uint16, nw, k int) {
	matVecF16128(&dst[0], &x[0], &w[0], int32(2*k), int32(nw), int32(k&^7))
}

func accumPVVec(o []float32, oStride int, p []float32, pStride, rows, n int, v []float32, d int) {
	d8 := d &^ 7
	if d8 > 0 {
		accumPV128(&o[0], int32(4*oStride), &p[0], int32(4*pStride), int32(rows), int32(n), &v[0], int32(4*d), int32(d8))
	}
	for i := range rows {
		for c := d8; c < d; c++ {
			s := o[i*oStride+c]
			for t := range n {
				s += float32(p[i*pStride+t] * v[t*d+c])
			}
			o[i*oStride+c] = s
		}
	}
}

func f16RowsVec(dst []float32, src []uint16, stride, rows, d int) {
	f16Rows128(&dst[0], &src[0], int32(2*stride), int32(rows), int32(d))
}

func dequantVec(dst *float32, q *int8, scale *uint16, blocks int) {
	dequant128(dst, q, scale, &half[0], int32(blocks))
}
func f16ToF32Vec(dst *float32, src *uint16, n int)     { f16ToF32128(dst, src, int32(n)) }
func f32ToF16Vec(dst *uint16, src *float32, n int)     { f32ToF16128(dst, src, int32(n)) }
func ropeVec(dst, src, cos, sin *float32, half int)    { rope128(dst, src, cos, sin, int32(half)) }
func maxVec(x *float32, n int) float32                 { return max128(x, int32(n)) }
func scaleVec(x *float32, n int, a float32)            { scale128(x, int32(n), a) }
func expSumVec(x *float32, n int, m float32) float32   { return expSum128(x, int32(n), m, 1) }
func sumExpVec(x *float32, n int, m float32) float32   { return expSum128(x, int32(n), m, 0) }
func addExpVec(dst, x *float32, n int, m, inv float32) { addExp128(dst, x, int32(n), m, inv) }
func swiGLUVec(dst, gate, up *float32, n int)          { swiGLU128(dst, gate, up, int32(n)) }
func ropeF16Vec(dst *float32, src *uint16, cos, sin *float32, half int) {
	ropeF16128(dst, src, cos, sin, int32(half))
}

func dotI8Vec(dst []float32, dstStride int, q []int16, step []float32, g, d int, k []int8, kStride int, scale []float32, scaleStride, n int) {
	dotI8Go(dst, dstStride, q, step, g, d, k, kStride, scale, scaleStride, n)
}
