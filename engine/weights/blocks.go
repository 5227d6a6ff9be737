package weights

import (
	"encoding/binary"
	"math"

	"tokenselect/engine/f16"
)

// How values are stored, as ggml defines it. Where halves of bytes are packed, the
// lower ones are the first 16 values of 32 (Q4_0, Q4_1, Q5_0, Q5_1) or the first
// 32 of 64 (Q4_K, Q5_K).
//
//	Q8_0  scale, 32 int8                                            scale q
//	Q4_0  scale, 16 bytes of halves                                 scale (q - 8)
//	Q4_1  scale, minimum, 16 bytes of halves                        scale q + minimum
//	Q5_0  scale, 32 fifth bits, 16 bytes of halves                  scale (q - 16)
//	Q5_1  scale, minimum, 32 fifth bits, 16 bytes of halves         scale q + minimum
//	Q4_K  scale, minimum, 12 bytes of parts, 128 bytes of halves    scale s q - minimum m
//	Q5_K  scale, minimum, 12 bytes of parts, 32 bytes of fifth bits, 128 of halves
//	Q6_K  128 bytes of halves, 64 of upper bits, 16 int8 s, scale   scale s (q - 32)
//
// Scales and minimums are float16.

func half(data []byte) float32 { return f16.ToFloat32(binary.LittleEndian.Uint16(data)) }

func putHalf(data []byte, v float32) { binary.LittleEndian.PutUint16(data, f16.FromFloat32(v)) }

func decodeF32(dst []float32, data []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
}

func encodeF32(data []byte, src []float32) {
	for i, f := range src {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(f))
	}
}

func decodeF16(dst []float32, data []byte) {
	for i := range dst {
		dst[i] = half(data[2*i:])
	}
}

func encodeF16(data []byte, src []float32) {
	for i, f := range src {
		putHalf(data[2*i:], f)
	}
}

func decodeBF16(dst []float32, data []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
	}
}

func encodeBF16(data []byte, src []float32) {
	for i, f := range src {
		b := math.Float32bits(f)
		if f == f {
			b += 0x7fff + b>>16&1
		}
		binary.LittleEndian.PutUint16(data[2*i:], uint16(b>>16))
	}
}

func decodeQ8_0(dst []float32, data []byte) {
	for ; len(dst) > 0; dst, data = dst[32:], data[34:] {
		d := half(data)
		for i, q := range data[2:34] {
			dst[i] = d * float32(int8(q))
		}
	}
}

// encodeQ8_0: d = max|v|/127 of a block, kept as float16, and v/d rounded half
// away from zero. The values are divided by the float32 d, not by the rounded one,
// as llama.cpp does: the same weights give the same file.
func encodeQ8_0(data []byte, src []float32) {
	for ; len(src) > 0; src, data = src[32:], data[34:] {
		d := float32(math.Abs(float64(largest(src[:32])))) / 127
		inverse := inverseOf(d)
		putHalf(data, d)
		for i, x := range src[:32] {
			q := float64(float32(x * inverse))
			data[2+i] = byte(int8(math.Copysign(math.Floor(float64(float32(math.Abs(q))+0.5)), q)))
		}
	}
}

func decodeQ4_0(dst []float32, data []byte) {
	for ; len(dst) > 0; dst, data = dst[32:], data[18:] {
		d := half(data)
		for i, q := range data[2:18] {
			dst[i], dst[i+16] = d*float32(int(q&15)-8), d*float32(int(q>>4)-8)
		}
	}
}

// encodeQ4_0: d is an eighth of the value that is farthest from zero, with the
// other sign, so that this value becomes -8; rounded as llama.cpp does.
func encodeQ4_0(data []byte, src []float32) {
	for ; len(src) > 0; src, data = src[32:], data[18:] {
		d := largest(src[:32]) / -8
		inverse := inverseOf(d)
		putHalf(data, d)
		nibble := func(x float32) byte { return byte(min(15, int(float32(x*inverse)+8.5))) }
		for i := range 16 {
			data[2+i] = nibble(src[i]) | nibble(src[i+16])<<4
		}
	}
}

// largest is the first of the values that are farthest from zero, or a NaN.
func largest(v []float32) float32 {
	var top float32
	for _, x := range v {
		if x != x {
			return x
		}
		if math.Abs(float64(x)) > math.Abs(float64(top)) {
			top = x
		}
	}
	return top
}

// inverseOf is 1/d, or 0 where it might overflow: d is 0 as a float16 then.
func inverseOf(d float32) float32 {
	if !(d >= 0x1p-126 || d <= -0x1p-126) {
		return 0
	}
	return 1 / d
}

func decodeQ4_1(dst []float32, data []byte) {
	for ; len(dst) > 0; dst, data = dst[32:], data[20:] {
		d, m := half(data), half(data[2:])
		for i, q := range data[4:20] {
			dst[i], dst[i+16] = float32(d*float32(q&15))+m, float32(d*float32(q>>4))+m
		}
	}
}

func decodeQ5_0(dst []float32, data []byte) {
	for ; len(dst) > 0; dst, data = dst[32:], data[22:] {
		d, fifth := half(data), binary.LittleEndian.Uint32(data[2:])
		for i, q := range data[6:22] {
			lower, upper := int(q&15)|int(fifth>>i&1)<<4, int(q>>4)|int(fifth>>(i+16)&1)<<4
			dst[i], dst[i+16] = d*float32(lower-16), d*float32(upper-16)
		}
	}
}

func decodeQ5_1(dst []float32, data []byte) {
	for ; len(dst) > 0; dst, data = dst[32:], data[24:] {
		d, m, fifth := half(data), half(data[2:]), binary.LittleEndian.Uint32(data[4:])
		for i, q := range data[8:24] {
			lower, upper := int(q&15)|int(fifth>>i&1)<<4, int(q>>4)|int(fifth>>(i+16)&1)<<4
			dst[i], dst[i+16] = float32(d*float32(lower))+m, float32(d*float32(upper))+m
		}
	}
}

// parts are the scales and minimums of the 8 times 32 values of a Q4_K or Q5_K
// block: the first 16 bytes, of which 12 pack 6 bits each. The lower 6 bits of the
// first 8 bytes are the scales and minimums of the first four; the halves of the
// last 4 bytes are the lower bits of the others, whose upper two are on top of the
// first 8.
func parts(block []byte) (scale, minimum [8]float32) {
	d, m, s := half(block), half(block[2:]), block[4:16]
	for i := range 4 {
		scale[i], minimum[i] = d*float32(s[i]&63), m*float32(s[i+4]&63)
		scale[i+4], minimum[i+4] = d*float32(s[i+8]&15|s[i]>>6<<4), m*float32(s[i+8]>>4|s[i+4]>>6<<4)
	}
	return scale, minimum
}

func decodeQ4_K(dst []float32, data []byte) {
	for ; len(dst) > 0; dst, data = dst[256:], data[144:] {
		scale, minimum := parts(data)
		for p := 0; p < 8; p += 2 {
			to := dst[32*p:]
			for i, q := range data[16+16*p:][:32] {
				to[i] = float32(scale[p]*float32(q&15)) - minimum[p]
				to[i+32] = float32(scale[p+1]*float32(q>>4)) - minimum[p+1]
			}
		}
	}
}

func decodeQ5_K(dst []float32, data []byte) {
	for ; len(dst) > 0; dst, data = dst[256:], data[176:] {
		scale, minimum := parts(data)
		fifth := data[16:48] // bit p of byte i is of value i of part p
		for p := 0; p < 8; p += 2 {
			to := dst[32*p:]
			for i, q := range data[48+16*p:][:32] {
				lower, upper := q&15|fifth[i]>>p&1<<4, q>>4|fifth[i]>>(p+1)&1<<4
				to[i] = float32(scale[p]*float32(lower)) - minimum[p]
				to[i+32] = float32(scale[p+1]*float32(upper)) - minimum[p+1]
			}
		}
	}
}

// decodeQ6_K: of each 128 values, the lower four bits of the first 64 are the lower
// halves of 64 bytes, those of the others the upper ones; the upper two of 32
// values are bits 0, 2, 4 and 6 of 32 bytes.
func decodeQ6_K(dst []float32, data []byte) {
	for ; len(dst) > 0; dst, data = dst[256:], data[210:] {
		d, s := half(data[208:]), data[192:208]
		for i := range dst[:256] {
			side, quarter, j := i/128, i/32%4, i%32
			low := data[64*side+32*(quarter%2)+j] >> (quarter / 2 * 4) & 15
			high := data[128+32*side+j] >> (2 * quarter) & 3
			dst[i] = float32(d*float32(int8(s[i/16]))) * float32(int(low|high<<4)-32)
		}
	}
}

// repacked are the conversions that do not go by the values: from one type, to
// another.
var repacked = map[[2]Type]func(dst, src []byte){
	{Q4_0, Q8_0}: func(dst, src []byte) {
		for ; len(src) > 0; dst, src = dst[34:], src[18:] {
			copy(dst, src[:2])
			for i, q := range src[2:18] {
				dst[2+i], dst[18+i] = q&15-8, q>>4-8
			}
		}
	},
	{Q5_0, Q8_0}: func(dst, src []byte) {
		for ; len(src) > 0; dst, src = dst[34:], src[22:] {
			copy(dst, src[:2])
			fifth := binary.LittleEndian.Uint32(src[2:])
			for i, q := range src[6:22] {
				dst[2+i], dst[18+i] = q&15|byte(fifth>>i&1<<4)-16, q>>4|byte(fifth>>(i+16)&1<<4)-16
			}
		}
	},
	{Q4_K, Q4_1}: func(dst, src []byte) {
		for ; len(src) > 0; src = src[144:] {
			scale, minimum := parts(src)
			for p := range 8 {
				putHalf(dst, scale[p])
				putHalf(dst[2:], -minimum[p])
				shift := p % 2 * 4
				for i := range 16 {
					q := src[16+p/2*32+i:]
					dst[4+i] = q[0]>>shift&15 | q[16]>>shift&15<<4
				}
				dst = dst[20:]
			}
		}
	},
}
