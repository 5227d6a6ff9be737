package simd

import "math"

// ToI16 stores src as whole numbers of a step, which it returns: the largest
// magnitude over 32767. Where there is a NaN or an infinity, so is the step one.
func ToI16(dst []int16, src []float32) (step float32) {
	dst = dst[:len(src)]
	var most float32
	for _, v := range src {
		most = max(most, v, -v)
	}
	step = most / math.MaxInt16
	if inverse := math.MaxInt16 / most; most > 0 && inverse <= math.MaxFloat32 {
		for i, v := range src {
			dst[i] = int16(math.RoundToEven(float64(v * inverse)))
		}
		return step
	}
	clear(dst)
	if most > 0 && most <= math.MaxFloat32 { // too small for its inverse to be a number
		return 0
	}
	return step
}

// DotI8 is dst[h*dstStride+t] = dot(q[h*d:], k[t*kStride:]) * step[h] *
// scale[t*scaleStride] for h < g queries of d int16 values and t < n keys of d
// int8 values, d up to 512: the scores of one key head's queries against a run of
// compressed keys. The sum is of whole numbers and exact, in any order.
func DotI8(dst []float32, dstStride int, q []int16, step []float32, g, d int, k []int8, kStride int, scale []float32, scaleStride, n int) {
	if g <= 0 || n <= 0 {
		return
	}
	dst, q, step = dst[:(g-1)*dstStride+n], q[:g*d], step[:g]
	k, scale = k[:(n-1)*kStride+d], scale[:(n-1)*scaleStride+1]
	if vector && d > 0 && d%16 == 0 {
		dotI8Vec(dst, dstStride, q, step, g, d, k, kStride, scale, scaleStride, n)
		return
	}
	dotI8Go(dst, dstStride, q, step, g, d, k, kStride, scale, scaleStride, n)
}

func dotI8Go(dst []float32, dstStride int, q []int16, step []float32, g, d int, k []int8, kStride int, scale []float32, scaleStride, n int) {
	for t := range n {
		key := k[t*kStride:][:d]
		for h := range g {
			var s int32
			for j, v := range q[h*d:][:d] {
				s += int32(v) * int32(key[j])
			}
			dst[h*dstStride+t] = float32(float32(s)*step[h]) * scale[t*scaleStride]
		}
	}
}
