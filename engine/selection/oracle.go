//go:build !lean

package selection

import (
	"math"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// oracle takes the candidates with the most attention of the step's own queries: for
// each query and each head the softmax over the candidates of q.k/sqrt(d), added up.
// Query i of the step stands nLocal+i after all of them, as TokenSelect's probe is
// rotated. What it reads of the keys is what dense attention reads, for each query:
// it is there to be measured against, from exact keys and without the Selection
// Cache.
type oracle struct{ ensemble }

func (s *oracle) choose(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int) kernels.Selection {
	q.Index = kernels.Index{}
	s.cast(r, q, out.State, lo, n, float32(math.Sqrt(float64(s.of.shape.HeadDim))), 1, n)
	return s.take(r, out, lo, n)
}
