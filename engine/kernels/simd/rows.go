package simd

// What attention reads of a cache: rows of d values that lie anywhere in it,
// counted in values from its start.

// ReadsRows tells whether the functions here are faster than those that take rows
// of values one after the other, for so many rows of sums.
func ReadsRows(rows, d int) bool { return vector && rowsVectors && rows%4 == 0 && d%16 == 0 }

// RopeRows is Rope of row src[rows[i]:] into dst[i*d:], with the cosines and sines
// of angles[i*d:], for all rows. The rows of soon at the same places are asked for
// on the way, for AccumRows.
func RopeRows(dst, src []float32, rows []int, angles []float32, d int, soon []float32) {
	n := len(rows)
	if n == 0 || d == 0 {
		return
	}
	dst, angles = dst[:n*d], angles[:n*d]
	for _, at := range rows {
		_, _ = src[at:at+d], soon[at:at+d]
	}
	if vector && rowsVectors && d%16 == 0 {
		ropeRowsVec(&dst[0], &src[0], &rows[0], n, &angles[0], d, &soon[0])
		return
	}
	for i, at := range rows {
		Rope(dst[i*d:][:d], src[at:][:d], angles[i*d:][:d/2], angles[i*d+d/2:][:d/2])
	}
}

// AccumRows is AccumPV of the rows v[at[t]:].
func AccumRows(o []float32, oStride int, p []float32, pStride, rows int, v []float32, at []int, d int) {
	n := len(at)
	if rows <= 0 || n == 0 || d <= 0 {
		return
	}
	o, p = o[:(rows-1)*oStride+d], p[:(rows-1)*pStride+n]
	for _, t := range at {
		_ = v[t : t+d]
	}
	i := 0
	if vector && rowsVectors && d%16 == 0 {
		for ; i+4 <= rows; i += 4 {
			for c := 0; c < d; c += 16 {
				pvRows4x16(&o[i*oStride+c], 4*oStride, &p[i*pStride], 4*pStride, &v[c], &at[0], n)
			}
		}
	}
	for ; i < rows; i++ {
		for t, row := range at {
			AccumPV(o[i*oStride:][:d], d, p[i*pStride+t:][:1], 1, 1, 1, v[row:][:d], d)
		}
	}
}
