package simd

func dotI8Vec(dst []float32, dstStride int, q []int16, step []float32, g, d int, k []int8, kStride int, scale []float32, scaleStride, n int) {
	dotI8Go(dst, dstStride, q, step, g, d, k, kStride, scale, scaleStride, n)
}
