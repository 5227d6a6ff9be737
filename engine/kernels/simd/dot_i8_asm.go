//go:build amd64 || arm64

package simd

// dotI8x4 stores the products of four rows of q and quads times four keys, times
// the rows' steps and the keys' scales, each row's where dst says. Strides are in
// bytes, d is a multiple of 16.
//
//go:noescape
func dotI8x4(dst *[4]*float32, q *[4]*int16, d int, k *int8, kStride int, scale *float32, scaleStride int, step *[4]float32, quads int)

func dotI8Vec(dst []float32, dstStride int, q []int16, step []float32, g, d int, k []int8, kStride int, scale []float32, scaleStride, n int) {
	n4 := n &^ 3
	var to [4]*float32
	var rows [4]*int16
	var steps [4]float32
	for h := 0; h < g; h += 4 {
		for i := range rows {
			row := min(h+i, g-1) // the last one again where there are no four
			rows[i], steps[i] = &q[row*d], step[row]
			to[i] = &dst[row*dstStride]
		}
		if n4 > 0 {
			dotI8x4(&to, &rows, d, &k[0], kStride, &scale[0], 4*scaleStride, &steps, n4/4)
		}
		for t := n4; t < n; t++ {
			// The one key four times, so that nothing beyond it is read.
			var out [4][4]float32
			to := [4]*float32{&out[0][0], &out[1][0], &out[2][0], &out[3][0]}
			dotI8x4(&to, &rows, d, &k[t*kStride], 0, &scale[t*scaleStride], 0, &steps, 1)
			for i := range min(4, g-h) {
				dst[(h+i)*dstStride+t] = out[i][0]
			}
		}
	}
}
