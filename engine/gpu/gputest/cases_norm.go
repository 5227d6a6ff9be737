package gputest

import (
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(normCases) }

func normCases() []Case {
	var cases []Case
	for _, s := range []struct {
		name                string
		rows, cols, xOffset int
		sigma               float64
		eps                 float32
	}{
		{"one value", 1, 1, 0, 1, 1e-5},
		{"no whole tile", 3, 65, 0, 1, 1e-5},
		{"a tile", 2, 256, 0, 1, 1e-5},
		{"wide", 2, 1000, 0, 1, 1e-6},
		{"2048 columns", 2, 2048, 0, 1, 1e-6},
		{"more than 2048 columns", 3, 5003, 5, 1, 1e-6},
		{"many rows", 130, 63, 0, 1, 1e-5},
		{"last row only", 1, 320, 64 * 320, 1, 1e-5},
		{"odd offset", 3, 96, 7, 1, 1e-5},
		{"huge", 2, 320, 0, 1e15, 1e-5},
		{"tiny", 2, 320, 0, 1e-15, 1e-5},
		{"zeros", 2, 64, 0, 0, 1e-5},
	} {
		cases = append(cases, rmsNormCase(s.name, s.rows, s.cols, s.xOffset, s.sigma, s.eps))
	}
	for _, d := range []int{16, 32, 64, 80, 96, 128} {
		for _, s := range []struct{ rows, heads, offset, tail int }{{1, 1, 0, 0}, {3, 7, 0, 5}, {2, 4, 3, 0}, {65, 2, 64, 64}} {
			cases = append(cases, headNormCase(s.rows, s.heads, d, s.offset, s.tail))
		}
	}
	return cases
}

func rmsNormCase(name string, rows, cols, xOffset int, sigma float64, eps float32) Case {
	return Case{"rms_norm/" + name, func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{
				In("x", Normal(rng, xOffset+rows*cols, sigma)),
				In("w", Normal(rng, cols, 1)),
				Out("y", rows*cols, allowed("rms_norm")),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.RMSNorm(r, b[0], b[1], b[2], rows, cols, xOffset, eps)
			},
		}
	}}
}

func headNormCase(rows, heads, d, offset, tail int) Case {
	stride := offset + heads*d + tail
	return Case{fmt.Sprintf("head_norm/%d rows of %d, %d heads of %d from %d", rows, stride, heads, d, offset), func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{InOut("x", Normal(rng, rows*stride, 1), allowed("head_norm")), In("w", Normal(rng, d, 1))},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.HeadNorm(r, b[0], b[1], rows, heads, d, stride, offset, 1e-6)
			},
		}
	}}
}
