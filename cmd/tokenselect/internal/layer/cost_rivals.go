package layer

import (
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// costOfRivals is cost for the kernels that only policies have which TokenSelect is
// compared with. What a call of them works on is not the same for all steps of a
// policy, as with pages that are new: it is what the call says.
func (b *bed) costOfRivals(command gpu.Command, kernel string) (bytes, operations int64, known bool) {
	stored := int64(b.cache.Bytes()) // of a value of the cache
	switch kernel {
	case "probes":
		p := paramsOf[kernels.ProbesParams](command)
		width := int64(p.Heads * p.D)
		return 4 * int64(p.Rows+p.Probes) * width, int64(p.Rows) * width, true
	case "round_bf16": // bits, not values
		return 8 * int64(paramsOf[kernels.RoundParams](command).N), 0, true
	case "head_stats":
		p := paramsOf[kernels.VoteParams](command)
		return 8 * int64(p.Heads*p.Blocks), 3 * int64(p.Heads*p.Blocks), true
	case "head_cut":
		p := paramsOf[kernels.HeadCutParams](command)
		return 4 * int64(p.Heads) * int64(p.N), 0, true
	case "vote_sum":
		p := paramsOf[kernels.VoteSumParams](command)
		n, scores := int64(p.N), int64(p.Heads)*int64(p.N)
		switch p.Mode {
		case kernels.VoteScores:
			return 4*scores + 4*n, scores, true
		case kernels.VoteCount: // the votes are read too
			return 4*scores + 8*n, 0, true
		}
		return 4*scores + 4*n, 3 * scores, true
	case "page_bounds":
		p := paramsOf[kernels.PageBoundsParams](command)
		width, from := 4*int64(p.Width), int64(p.Lo)+int64(p.First)*int64(p.Page)
		rows := min(int64(p.Hi), from+int64(p.Pages)*int64(p.Page)) - from
		return rows*width*stored + 8*int64(p.Pages)*width, 2 * rows * width, true
	case "page_scores":
		p := paramsOf[kernels.PageScoresParams](command)
		pages, d := int64(p.Pages), 4*int64(p.Vecs)
		return 8*pages*int64(p.KVHeads)*d + 4*int64(p.Heads)*pages, 4 * int64(p.Heads) * pages * d, true
	case "top_lists":
		p := paramsOf[kernels.TopListsParams](command)
		return 4 * int64(p.Lists) * (int64(p.Pages) + int64(min(p.NSelect, p.Pages))*int64(p.Page)), 0, true
	case "follow_scores":
		p := paramsOf[kernels.FollowScoresParams](command)
		heads, d, keys := int64(p.Heads), 4*int64(p.Vecs), int64(p.Keys)
		var pairs int64 // of a key and a query behind it
		for row := p.Lo; row < p.Lo+p.Keys; row++ {
			pairs += max(0, int64(min(row+p.Follow+1, p.End))-int64(max(row+1, p.First)))
		}
		queries := max(0, int64(min(p.Lo+p.Keys+p.Follow, p.End))-int64(max(p.Lo+1, p.First)))
		// A query is rotated and added for each key.
		return keys*int64(p.KVHeads)*d*stored + 4*heads*(queries*d+keys), heads * d * (4*pairs + 2*keys), true
	case "representatives":
		p := paramsOf[kernels.RepresentativesParams](command)
		return 4 * int64(p.Blocks) * int64(p.Heads) * int64(p.Block+p.R), 0, true
	case "block_scores":
		p := paramsOf[kernels.BlockScoresParams](command)
		chosen, d := int64(p.Blocks)*int64(p.Heads)*int64(p.R), 4*int64(p.Vecs)
		return chosen*(4+d*stored) + 4*int64(p.Blocks), 2 * chosen * d, true
	case "attention_lists":
		p := paramsOf[kernels.AttentionListsParams](command)
		heads, kvHeads, d, c := int64(p.Heads), int64(p.KVHeads), int64(b.shape.D), int64(p.C)
		mid, beside := int64(p.UseMid)*int64(p.SelStride), int64(p.NInit+p.NLocal+p.C)
		// Heads that share a key head but not a list read rows of their own of it.
		rows := beside*kvHeads + mid*max(kvHeads, int64(p.Lists))
		pairs := c*(beside+mid-c) + c*(c+1)/2 // causal
		return 2*rows*d*stored + 8*c*heads*d, 4 * heads * pairs * d, true
	}
	return 0, 0, false
}

// paramsOf is the Params struct of a command, of which its recorder has checked the
// size.
func paramsOf[P any](command gpu.Command) *P {
	return (*P)(unsafe.Pointer(unsafe.SliceData(command.Params)))
}
