package simd

// rowsVectors: rows of a cache are read in vectors here.
const rowsVectors = true

// ropeRowsVec is RopeRows, d a multiple of 16.
//
//go:noescape
func ropeRowsVec(dst, src *float32, rows *int, n int, angles *float32, d int, soon *float32)

// pvRows4x16 is pv4x16 for rows of v that lie where at says. Strides are in bytes.
//
//go:noescape
func pvRows4x16(o *float32, oStride int, p *float32, pStride int, v *float32, at *int, n int)
