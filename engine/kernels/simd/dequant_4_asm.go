//go:build amd64 || arm64

package simd

//go:noescape
func dequantQ4_0Vec(dst *float32, q *uint8, scale *uint16, blocks int)

//go:noescape
func dequantQ4_1Vec(dst *float32, q *uint8, pairs *uint16, blocks int)

func dequantQ4_0(dst []float32, q []uint8, scale []uint16) {
	if !vector || len(scale) == 0 {
		dequantQ4_0Go(dst, q, scale)
		return
	}
	dequantQ4_0Vec(&dst[0], &q[0], &scale[0], len(scale))
}

func dequantQ4_1(dst []float32, q []uint8, pairs []uint16) {
	if !vector || len(pairs) == 0 {
		dequantQ4_1Go(dst, q, pairs)
		return
	}
	dequantQ4_1Vec(&dst[0], &q[0], &pairs[0], len(pairs)/2)
}
