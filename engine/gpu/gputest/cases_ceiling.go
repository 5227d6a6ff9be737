package gputest

import (
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(ceilingCases) }

func ceilingCases() (cases []Case) {
	for _, n := range []int{1, 255, 256, 257, 1024, 4095, 4096, 4097, 3*4096 + 769} {
		cases = append(cases, readCase(n))
	}
	for _, s := range []struct{ n, rounds int }{{1, 0}, {255, 1}, {256, 3}, {2047, 2}, {2048, 5}, {2 * 2049, 8}} {
		cases = append(cases, multiplyAddCase(s.n, s.rounds))
	}
	return cases
}

func readCase(n int) Case {
	return Case{fmt.Sprintf("ceiling_read/%d", n), func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{In("x", Bytes(rng, 16*n)), Out("y", kernels.ReadWords(n), nil)},
			Record:  func(r *gpu.Recording, b []gpu.Range) { kernels.CeilingRead(r, b[0], b[1], n) },
		}
	}}
}

// multiplyAddCase has at most 8 rounds: whole numbers stay exact, fused or not.
func multiplyAddCase(n, rounds int) Case {
	return Case{fmt.Sprintf("ceiling_multiply_add/%d, %d rounds", n, rounds), func(rng *rand.Rand) Plan {
		v := make([]float32, 4*n)
		for i := range v {
			v[i] = float32(rng.IntN(1000))
		}
		return Plan{
			Buffers: []Buffer{InOut("y", Floats(v...), nil)},
			Record:  func(r *gpu.Recording, b []gpu.Range) { kernels.CeilingMultiplyAdd(r, b[0], n, rounds, -3, 7) },
		}
	}}
}
