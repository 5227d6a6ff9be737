//go:build !amd64

package simd

// Rows are handled one by one; these are never called.
const rowsVectors = false

func ropeRowsVec(_, _ *float32, _ *int, _ int, _ *float32, _ int, _ *float32) { panic(noRows) }
func pvRows4x16(*float32, int, *float32, int, *float32, *int, int)            { panic(noRows) }

const noRows = "simd: no vectors for rows of a cache in this build"
