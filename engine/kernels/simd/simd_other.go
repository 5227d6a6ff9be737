//go:build !amd64

package simd

// Only the plain versions run here; the others are never called.

const useAVX2 = false

func matMulAVX2([]float32, int, []float32, int, int, []float32, int, int, int) { panic(noAVX2) }
func matVecQ8AVX2(_, _ []float32, _ []int8, _ []uint16, _, _ int)              { panic(noAVX2) }
func accumPVAVX2([]float32, int, []float32, int, int, int, []float32, int)     { panic(noAVX2) }
func matVecF16AVX2(_, _ []float32, _ []uint16, _, _ int)                       { panic(noAVX2) }
func scaleAVX2(*float32, int, float32)                                         { panic(noAVX2) }
func dequantAVX2(*float32, *int8, *uint16, int)                                { panic(noAVX2) }
func f16ToF32AVX2(*float32, *uint16, int)                                      { panic(noAVX2) }
func f32ToF16AVX2(*uint16, *float32, int)                                      { panic(noAVX2) }
func ropeAVX2(_, _, _, _ *float32, _ int)                                      { panic(noAVX2) }
func maxAVX2(*float32, int) float32                                            { panic(noAVX2) }
func expSumAVX2(*float32, int, float32) float32                                { panic(noAVX2) }
func sumExpAVX2(*float32, int, float32) float32                                { panic(noAVX2) }
func addExpAVX2(_, _ *float32, _ int, _, _ float32)                            { panic(noAVX2) }
func swiGLUAVX2(_, _, _ *float32, _ int)                                       { panic(noAVX2) }

const noAVX2 = "simd: no AVX2 on this processor"
