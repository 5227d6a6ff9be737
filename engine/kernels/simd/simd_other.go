//go:build !amd64 && !arm64 && !(js && wasm && wasmsimd)

package simd

// Only the plain versions run here; the others are never called.

const (
	vector      = false
	vectorLevel = "go"
)

func matMulVec([]float32, int, []float32, int, int, []float32, int, int, int) { panic(noVector) }
func matVecQ8Vec(_, _ []float32, _ []int8, _ []uint16, _, _ int)              { panic(noVector) }
func accumPVVec([]float32, int, []float32, int, int, int, []float32, int)     { panic(noVector) }
func matVecF16Vec(_, _ []float32, _ []uint16, _, _ int)                       { panic(noVector) }
func dotI8Vec([]float32, int, []int16, []float32, int, int, []int8, int, []float32, int, int) {
	panic(noVector)
}
func scaleVec(*float32, int, float32)                       { panic(noVector) }
func dequantVec(*float32, *int8, *uint16, int)              { panic(noVector) }
func f16ToF32Vec(*float32, *uint16, int)                    { panic(noVector) }
func f32ToF16Vec(*uint16, *float32, int)                    { panic(noVector) }
func f16RowsVec([]float32, []uint16, int, int, int)         { panic(noVector) }
func ropeF16Vec(*float32, *uint16, *float32, *float32, int) { panic(noVector) }
func ropeVec(_, _, _, _ *float32, _ int)                    { panic(noVector) }
func maxVec(*float32, int) float32                          { panic(noVector) }
func expSumVec(*float32, int, float32) float32              { panic(noVector) }
func sumExpVec(*float32, int, float32) float32              { panic(noVector) }
func addExpVec(_, _ *float32, _ int, _, _ float32)          { panic(noVector) }
func swiGLUVec(_, _, _ *float32, _ int)                     { panic(noVector) }

const noVector = "simd: no vectors in this build"
