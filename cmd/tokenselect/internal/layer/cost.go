package layer

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// cost is what a command of the recorded step of so many queries cannot do without:
// the bytes of its inputs and outputs, each once, and its operations on float32
// values. It is not known of every kernel.
func (b *bed) cost(command gpu.Command, queries int) (bytes, operations int64, known bool) {
	if command.Kernel == nil {
		return 2 * int64(command.Src.Size), 0, true
	}
	kernel := stored.ReplaceAllString(command.Kernel.Name, "")
	if bytes, operations, known = b.costOfRivals(command, kernel); known {
		return bytes, operations, true
	}
	return b.costOf(kernel, queries)
}

func (b *bed) costOf(kernel string, queries int) (bytes, operations int64, known bool) {
	s, c, cfg, sel := b.shape, int64(queries), b.selector.Config(), b.selected
	heads, d, row := int64(s.Heads), int64(s.D), int64(s.rowBytes(b.cache))
	width, beside := heads*d, int64(sel.NInit+sel.NLocal)+c
	n, attended := int64(b.rows)-beside, beside // candidates, and rows attended to
	if sel.UseMid {
		attended += int64(cfg.K)
	}
	if cfg.Theta > 0 {
		n = 0 // a repeated query hits the Selection Cache: nothing is selected
	}
	switch kernel {
	case "rope":
		return 8 * c * width, 3 * c * width, true
	case "mean_rows":
		return 4 * (c + 1) * width, c * width, true
	case "selection_cache":
		return 4 * width, 6 * width, true
	case "paged_dot":
		return n*row + 4*heads*n, 2 * heads * n * d, true
	case "score_stats": // both of the ones around it
		if t := cfg.Index; t != kernels.IndexNone {
			row = 4 * int64(t.KeyWords(s.KVHeads, s.D)+t.ScaleWords(s.KVHeads, s.D))
		}
		return n*row + 4*heads*n, 2*heads*n*d + 3*heads*n, true
	case "vote_stats":
		return 4 * heads * n, 3 * heads * n, true
	case "soft_vote", "soft_vote_hist":
		return 4*heads*n + 4*n, 3 * heads * n, true
	case "vote_bound":
		return 4*heads*n + 4*n, 2 * heads * n, true
	case "vote_some": // what it reads of the scores depends on them
		return 4 * n, 0, true
	case "choose":
		return 4 * int64(cfg.K), 0, true
	case "top_k_hist", "top_k_count", "top_k_write", "top_k_border", "top_k_take":
		return 4 * n, 0, true
	case "gather_rows": // read and written, keys and values
		return 4 * attended * row, 0, true
	case "attention_decode":
		return 2 * attended * row, 4 * heads * attended * d, true
	case "attention_merge":
		return 4 * width, 0, true
	case "attention_chunk":
		// Causal: of the chunk's own rows half the pairs count.
		pairs := c*(attended-c) + c*(c+1)/2
		return 2*attended*row + 8*c*width, 4 * heads * pairs * d, true
	}
	return 0, 0, false
}
