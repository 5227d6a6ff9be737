package layer

import (
	"fmt"

	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// cost is what a call of a kernel cannot do without: the bytes of its inputs and
// outputs, each once, and its operations on float32 values.
func (b *bed) cost(cfg selection.Config, kernel string, queries int) (bytes, operations int64) {
	s, c := b.shape, int64(queries)
	heads, d, row := int64(s.Heads), int64(s.D), int64(s.rowBytes(b.cache))
	n := int64(b.rows-queries-cfg.NLocal) - int64(cfg.NInit) // candidates
	attended := int64(b.rows)
	switch {
	case cfg.Policy == selection.Window:
		attended = min(attended, int64(cfg.NInit+cfg.NLocal+cfg.K)+c)
	case cfg.Policy == selection.TokenSelect && n > int64(cfg.K):
		attended = int64(cfg.NInit+cfg.NLocal+cfg.K) + c
	}
	width := heads * d
	if cfg.Policy == selection.TokenSelect && cfg.Theta > 0 {
		n = 0 // a repeated query hits the Selection Cache: nothing is selected
	}
	switch kernel {
	case "rope":
		return 8 * c * width, 3 * c * width
	case "mean_rows":
		return 4 * (c + 1) * width, c * width
	case "selection_cache":
		return 4 * width, 6 * width
	case "paged_dot":
		return n*row + 4*heads*n, 2 * heads * n * d
	case "score_stats": // both of the ones around it
		if t := cfg.Index; t != kernels.IndexNone {
			row = 4 * int64(t.KeyWords(s.KVHeads, s.D)+t.ScaleWords(s.KVHeads, s.D))
		}
		return n*row + 4*heads*n, 2*heads*n*d + 3*heads*n
	case "vote_stats":
		return 4 * heads * n, 3 * heads * n
	case "soft_vote", "soft_vote_hist":
		return 4*heads*n + 4*n, 3 * heads * n
	case "vote_bound":
		return 4*heads*n + 4*n, 2 * heads * n
	case "vote_some": // what it reads of the scores depends on them
		return 4 * n, 0
	case "choose":
		return 4 * int64(cfg.K), 0
	case "top_k_hist", "top_k_count", "top_k_write", "top_k_border", "top_k_take":
		return 4 * n, 0
	case "gather_rows": // read and written, keys and values
		return 4 * attended * row, 0
	case "attention_decode":
		return 2 * attended * row, 4 * heads * attended * d
	case "attention_merge":
		return 4 * width, 0
	case "attention_chunk":
		// Causal: of the chunk's own rows half the pairs count.
		pairs := c*(attended-c) + c*(c+1)/2
		return 2*attended*row + 8*c*width, 4 * heads * pairs * d
	}
	panic(fmt.Sprintf("layer: the cost of kernel %s is not known", kernel))
}
