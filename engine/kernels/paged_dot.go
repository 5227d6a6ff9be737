package kernels

import (
	"tokenselect/engine/gpu"
)

// PagedDotParams are those of paged_dot.
type PagedDotParams struct {
	Lo      uint32 // first candidate row
	N       uint32 // candidates
	KVHeads uint32
	Scale   float32 // 1/tau
	Rounds  uint32  // of a workgroup
}

const (
	dotTokens = 64 // candidates of an item of paged_dot's twin
	dotLanes  = 8  // invocations that share a key
)

// dotRound is the number of candidates that a workgroup of paged_dot takes at a
// time: as many as its memory holds the partial sums of.
func dotRound(group int) int {
	if group > 4 {
		return 32
	}
	return 64
}

// dotRounds is how often it does so: several times once that leaves workgroups
// enough for a large GPU, as each starts with loading the probes.
func dotRounds(n, kvHeads, group int) int {
	const enough = 1024
	return min(max(ceil(n, dotRound(group))*kvHeads/enough, 1), 8)
}

var pagedDots family[cacheShape]

// cacheShape tells apart kernels that read the cache.
type cacheShape struct {
	t        CacheType
	d, group int
}

// pagedDot is the kernel for heads of size d, group of them to a key head.
func pagedDot(t CacheType, d, group int) *gpu.Kernel {
	return pagedDots.get(cacheShape{t, d, group}, func() *gpu.Kernel {
		name := "paged_dot_" + t.String()
		return &gpu.Kernel{
			Name:     name,
			Bindings: []gpu.Binding{in("probe"), in("k"), in("state"), out("score")},
			Params:   sizeOf[PagedDotParams](),
			WGSL: wgsl(name, map[string]int{"HEAD_DIM": d, "GROUP": group, "PIECES": ceil(d, 8*dotLanes), "TOKENS": dotRound(group),
				"PROBE_VECS": 2 * group * ceil(d, 8*dotLanes), "LOADS": ceil(d, 8*dotLanes) * dotRound(group) / 32, "PARTIALS": group * dotRound(group) * dotLanes}),
			Items: func(c *gpu.Call) int {
				p := params[PagedDotParams](c)
				return unlessHit(c, 2, ceil(int(p.N), dotTokens)*int(p.KVHeads))
			},
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[PagedDotParams](c)
				probe, k, score := view[float32](c, 0), t.view(c, 1), view[float32](c, 3)
				n, kvHeads := int(p.N), int(p.KVHeads)
				row := make([]float32, d)
				for i := lo; i < hi; i++ {
					kv, block := i%kvHeads, i/kvHeads
					for j := block * dotTokens; j < min((block+1)*dotTokens, n); j++ {
						k.read(row, ((int(p.Lo)+j)*kvHeads+kv)*d)
						for h := kv * group; h < (kv+1)*group; h++ {
							score[h*n+j] = float32(dot(probe[h*d:][:d], row) * p.Scale)
						}
					}
				}
			},
			Fast: fastPagedDot(t, d, group),
		}
	})
}

// PagedDot records score[h][t] = probe[h] . K[lo+t][h/group] / tau for the n
// candidates t (paper, eq. 7 before the softmax, and Algorithm 2; key heads are
// mapped to query heads as attention maps them, where the paper has h mod
// kvHeads). probe is [heads][d], k [rows][kvHeads][d], score
// [heads][n]. Nothing is written on a hit. A workgroup takes 32 to 512
// candidates of one key head. d is a multiple of 8, at most 128, and at most 8
// query heads share a key head.
func PagedDot(r *gpu.Recording, t CacheType, probe, k, state, score gpu.Range, heads, kvHeads, d, lo, n int, tau float32) {
	group := needHeads(r, "paged_dot", heads, kvHeads, d)
	if group == 0 {
		return
	}
	kern := pagedDot(t, d, group)
	need(r, kern, 0, probe, heads*d)
	need(r, kern, 1, k, t.words((lo+n)*kvHeads*d))
	need(r, kern, 2, state, stateWords)
	need(r, kern, 3, score, heads*n)
	rounds := dotRounds(n, kvHeads, group)
	p := PagedDotParams{uint32(lo), uint32(n), uint32(kvHeads), 1 / tau, uint32(rounds)}
	gpu.Dispatch(r, kern, ceil(n, rounds*dotRound(group))*kvHeads, &p, probe, k, state, score)
}
