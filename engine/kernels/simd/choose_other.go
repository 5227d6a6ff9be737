//go:build !amd64

package simd

// The choice runs in its plain versions; these are never called.
const chooseVectors = false

func maxLessVec(_, _ *float32, _ int, _ *float32, _, _ int) { panic(noChoose) }
func peaksVec(_, _ *float32, _ int)                         { panic(noChoose) }
func countFromVec(*float32, int, float32) int               { panic(noChoose) }
func indexFromVec(*uint32, *float32, int, float32) int      { panic(noChoose) }

const noChoose = "simd: no vectors for the choice in this build"
