//go:build amd64 || arm64

package simd

// dotI4Vectors: there are vectors for keys of four bits here.
const dotI4Vectors = true

// dotI4x4 stores the products of four probes and quads times four keys of size
// bytes, times the probes' steps, each probe's where dst says. less is that of the
// four probes for a block, then for the next. Strides are in bytes.
//
//go:noescape
func dotI4x4(dst *[4]*float32, q *[4]*int8, less *int32, size int, k *uint8, kStride int, scale *uint16, scaleStride int, step *[4]float32, quads int)

func dotI4Vec(dst []float32, dstStride int, q []int8, less []int32, step []float32, g, d int, k []uint8, kStride int, scale []uint16, scaleStride, n int) {
	n4, blocks := n&^3, d/32
	var to [4]*float32
	var rows [4]*int8
	var steps [4]float32
	var turned [64]int32 // less, of d up to 512
	for h := 0; h < g; h += 4 {
		for i := range rows {
			row := min(h+i, g-1) // the last one again where there are no four
			rows[i], steps[i] = &q[row*d], step[row]
			to[i] = &dst[row*dstStride]
			for b := range blocks {
				turned[4*b+i] = less[row*blocks+b]
			}
		}
		if n4 > 0 {
			dotI4x4(&to, &rows, &turned[0], d/2, &k[0], kStride, &scale[0], 2*scaleStride, &steps, n4/4)
		}
		for t := n4; t < n; t++ {
			// The one key four times, so that nothing beyond it is read.
			var out [4][4]float32
			to := [4]*float32{&out[0][0], &out[1][0], &out[2][0], &out[3][0]}
			dotI4x4(&to, &rows, &turned[0], d/2, &k[t*kStride], 0, &scale[t*scaleStride], 0, &steps, 1)
			for i := range min(4, g-h) {
				dst[(h+i)*dstStride+t] = out[i][0]
			}
		}
	}
}
