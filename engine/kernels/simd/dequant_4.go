package simd

// DequantQ4_0 decodes len(dst) values, a multiple of 32, of blocks of 16 bytes:
// the lower halves are the first 16 values, each less 8, the upper ones the
// others.
func DequantQ4_0(dst []float32, q []uint8, scale []uint16) {
	n := len(dst) / 32
	dequantQ4_0(dst[:32*n], q[:16*n], scale[:n])
}

// DequantQ4_1 is DequantQ4_0 of values as they are, to which a minimum is added
// once they are scaled: pairs has a block's scale, then its minimum.
func DequantQ4_1(dst []float32, q []uint8, pairs []uint16) {
	n := len(dst) / 32
	dequantQ4_1(dst[:32*n], q[:16*n], pairs[:2*n])
}

func dequantQ4_0Go(dst []float32, q []uint8, scale []uint16) {
	for b, bits := range scale {
		s, d, v := half[bits], (*[32]float32)(dst[32*b:]), (*[16]uint8)(q[16*b:])
		for i, two := range v {
			d[i] = s * float32(int(two&15)-8)
			d[i+16] = s * float32(int(two>>4)-8)
		}
	}
}

func dequantQ4_1Go(dst []float32, q []uint8, pairs []uint16) {
	for b := range len(dst) / 32 {
		s, m := half[pairs[2*b]], half[pairs[2*b+1]]
		d, v := (*[32]float32)(dst[32*b:]), (*[16]uint8)(q[16*b:])
		for i, two := range v {
			d[i] = float32(s*float32(two&15)) + m
			d[i+16] = float32(s*float32(two>>4)) + m
		}
	}
}
