package simd

import "math"

// Keys of four bits are blocks of 32 values with a float16 scale each: a byte has
// value j of eight in its lower half and value j+4 in its upper one, both more by 8
// than they stand for.

// ProbeI4 stores src, of which there are a multiple of 64, as DotI4 takes it: whole
// numbers of a step, which it returns, the largest magnitude over 127, in the order
// of the keys' halves of bytes, 32 lower ones and 32 upper ones at a time. less gets
// what the keys' 8 adds to the sum of each block. Where there is a NaN or an
// infinity, so is the step one.
func ProbeI4(dst []int8, less []int32, src []float32) (step float32) {
	var most float32
	for _, v := range src {
		most = max(most, v, -v)
	}
	step = most / math.MaxInt8
	inverse := math.MaxInt8 / most
	if !(most > 0) || inverse > math.MaxFloat32 || !(most <= math.MaxFloat32) {
		inverse = 0
		if most <= math.MaxFloat32 { // too small for its inverse to be a number
			step = 0
		}
	}
	clear(less[:len(src)/32])
	for j, v := range src {
		w := int32(0)
		if inverse > 0 {
			w = int32(math.RoundToEven(float64(v * inverse)))
		}
		dst[j&^63+j>>2&1*32+j>>3&7*4+j&3] = int8(w)
		less[j/32] += 8 * w
	}
	return step
}

// DotI4 is dst[h*dstStride+t] = dot(q[h*d:], key t) * step[h] for h < g probes of
// ProbeI4 and t < n keys of d values, a multiple of 64 up to 512: d/2 bytes at
// k[t*kStride:] and d/32 scales at scale[t*scaleStride:].
func DotI4(dst []float32, dstStride int, q []int8, less []int32, step []float32, g, d int, k []uint8, kStride int, scale []uint16, scaleStride, n int) {
	if g <= 0 || n <= 0 || d <= 0 {
		return
	}
	dst, q, less, step = dst[:(g-1)*dstStride+n], q[:g*d], less[:g*d/32], step[:g]
	k, scale = k[:(n-1)*kStride+d/2], scale[:(n-1)*scaleStride+d/32]
	if vector && dotI4Vectors {
		dotI4Vec(dst, dstStride, q, less, step, g, d, k, kStride, scale, scaleStride, n)
		return
	}
	for t := range n {
		for h := range g {
			dst[h*dstStride+t] = dotI4Go(q[h*d:][:d], less[h*d/32:], k[t*kStride:], scale[t*scaleStride:]) * step[h]
		}
	}
}

func dotI4Go(q []int8, less []int32, k []uint8, scale []uint16) float32 {
	var sums [2]float32 // of blocks with an even number and an odd one
	for b := range len(q) / 32 {
		from := b/2*64 + b%2*16
		s := -less[b]
		for i, v := range k[16*b:][:16] {
			s += int32(v&15)*int32(q[from+i]) + int32(v>>4)*int32(q[from+32+i])
		}
		sums[b%2] += float32(float32(s) * half[scale[b]])
	}
	return sums[0] + sums[1]
}
