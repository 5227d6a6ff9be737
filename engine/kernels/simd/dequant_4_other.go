//go:build !amd64 && !arm64

package simd

func dequantQ4_0(dst []float32, q []uint8, scale []uint16) { dequantQ4_0Go(dst, q, scale) }
func dequantQ4_1(dst []float32, q []uint8, pairs []uint16) { dequantQ4_1Go(dst, q, pairs) }
