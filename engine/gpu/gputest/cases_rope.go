package gputest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() {
	register(ropeCases)
	register(meanRowsCases)
}

// angles is a table of rotary angles for heads of size d.
func angles(d, positions int) []byte {
	inv := make([]float32, d/2)
	for i := range inv {
		inv[i] = float32(math.Pow(10000, -2*float64(i)/float64(d)))
	}
	return Floats(kernels.RopeTable(inv, positions, 1)...)
}

func ropeCases() []Case {
	var cases []Case
	for _, d := range []int{2, 16, 32, 64, 80, 96, 128} {
		for _, s := range []struct {
			rows, heads, tail, pos, mid int
			useMid                      bool
		}{
			{1, 1, 0, 0, 5, false}, {1, 7, 64, 190, 9, true}, {3, 4, 33, 5, 100, true}, {65, 2, 1, 70, 33, false}, {130, 3, 0, 1, 0, true},
		} {
			cases = append(cases, ropeCase(s.rows, s.heads, d, s.tail, s.pos, s.mid, s.useMid))
		}
	}
	return cases
}

func ropeCase(rows, heads, d, tail, pos, mid int, useMid bool) Case {
	name := fmt.Sprintf("rope/%d rows of %d heads of %d and %d, from %d, mid %d %v", rows, heads, d, tail, pos, mid, useMid)
	stride := heads*d + tail
	return Case{name, func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{
				In("x", Normal(rng, rows*stride, 1)),
				In("table", angles(d, pos+rows+mid)),
				In("state", Words(1, 77, 0, uint32(mid), 88, 99, 111)),
				Out("y", rows*heads*d, allowed("rope")),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.Rope(r, b[0], b[1], b[2], b[3], rows, heads, d, stride, pos, useMid)
			},
		}
	}}
}

func meanRowsCases() []Case {
	var cases []Case
	for _, s := range []struct{ rows, cols int }{{1, 1}, {2, 63}, {3, 64}, {5, 65}, {63, 320}, {64, 33}, {130, 130}, {512, 640}} {
		cases = append(cases, meanRowsCase(s.rows, s.cols))
	}
	return cases
}

func meanRowsCase(rows, cols int) Case {
	return Case{fmt.Sprintf("mean_rows/%dx%d", rows, cols), func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{In("x", Normal(rng, rows*cols, 1)), Out("y", cols, sums("mean_rows", 1/float64(rows)))},
			Record:  func(r *gpu.Recording, b []gpu.Range) { kernels.MeanRows(r, b[0], b[1], rows, cols) },
		}
	}}
}
