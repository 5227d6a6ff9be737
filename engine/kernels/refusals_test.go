package kernels_test

import (
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// TestRefusals: sizes that a shader cannot take, or that buffers do not hold,
// fail the recording with words that say which.
func TestRefusals(t *testing.T) {
	words := func(n int) gpu.Range { return gpu.All(&gpu.Buffer{Label: "buffer", Size: 4 * n}) }
	dot := func(heads, kvHeads, d, n int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.PagedDot(r, kernels.CacheF16, words(4096), words(4096), words(64), words(4096), heads, kvHeads, d, 0, n, 1)
		}
	}
	index := func(t kernels.IndexType, d, units, scales int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			x := kernels.Index{Type: t, Tile: 1, Keys: words(units), Scale: words(scales)}
			kernels.ScoreStats(r, kernels.CacheF16, words(4096), words(4096), gpu.Range{}, x, words(64), words(4096), words(4096), 2, 1, d, 0, 64, 0, false, 1)
		}
	}
	newKeys := func(t kernels.IndexType, units, scales, kOffset int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.KeyIndex(r, kernels.Index{Type: t, Tile: 1, Keys: words(units), Scale: words(scales)}, words(1024), words(4096), 4, 256, kOffset, 2, 128, 0)
		}
	}
	topK := func(n, k, counts int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.TopK(r, words(100), words(64), words(kernels.HistWords), words(kernels.CutWords), words(counts), words(100), n, k, 0)
		}
	}
	count := func(heads, n, vote int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.VoteSum(r, kernels.VoteCount, words(4096), words(600), words(64), words(vote), heads, n, false)
		}
	}
	probes := func(rows, heads, kvHeads, probes, per, y int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.Probes(r, words(4096), words(y), rows, heads, kvHeads, 8, probes, per, 16, false)
		}
	}
	decode := func(heads, kvHeads, d, n, part int, a kernels.Attended) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.AttentionDecode(r, kernels.CacheF16, words(4096), words(4096), words(4096), words(100), words(64), words(1<<16), words(part), words(4096), heads, kvHeads, d, n, a)
		}
	}
	chunk := func(heads, kvHeads, d, n, c int, a kernels.Attended) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.AttentionChunk(r, kernels.CacheF16, words(4096), words(4096), words(4096), words(100), words(64), words(1<<16), words(4096), words(4096), heads, kvHeads, d, n, c, a, 1)
		}
	}
	gather := func(kvHeads, d, n, c, keys int, a kernels.Attended) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.GatherRows(r, kernels.CacheF16, words(4096), words(4096), words(100), words(64), words(keys), words(4096), kvHeads, d, n, c, a)
		}
	}
	lists := func(l kernels.Lists, n, c, stride, table int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			l.Sel, l.Counts = words(64), words(4)
			kernels.AttentionLists(r, kernels.CacheF16, words(4096), words(4096), words(4096), words(table), words(4096), 4, 2, 16, n, c, stride, l)
		}
	}
	top := func(lists, k, stride, sel int, p kernels.Pages) func(r *gpu.Recording) {
		return func(r *gpu.Recording) { kernels.TopLists(r, words(64), words(sel), words(4), lists, k, stride, p) }
	}
	hist := func(half int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.SoftVoteHist(r, words(64), words(64), words(64), words(64), words(kernels.VoteHistWords), 2, 8, 2, half)
		}
	}
	// Weights of 4 rows of 32 values, Q8_0: 32 words and 2 of scales.
	shard := func(data, scale int) kernels.Weight {
		return kernels.Weight{Type: kernels.Q8_0, Rows: 4, Cols: 32, Shards: []kernels.Shard{{Rows: 4, Data: words(data), Scale: words(scale)}}}
	}
	embed := func(data, scale int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) { kernels.Embed(r, shard(data, scale), words(1), words(64), 1) }
	}
	project := func(gain, bias, y int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.NormMatMul(r, kernels.Norm{X: words(32), Gain: words(gain)}, shard(32, 2), words(bias), words(32), words(y), 1)
		}
	}
	some := kernels.Attended{NInit: 2, NLocal: 3, UseMid: true, MaxMid: 8}
	for _, c := range []struct {
		name, want string // want "" where nothing is wrong
		record     func(r *gpu.Recording)
	}{
		{"top_k: none", "0 of 100 candidates", topK(100, 0, 2)},
		{"top_k: less than none", "-1 of 100 candidates", topK(100, -1, 2)},
		{"top_k: more than there are", "100 of 99 candidates", topK(99, 100, 2)},
		{"top_k: of none", "0 of 0 candidates", topK(0, 0, 2)},
		{"top_k: all", "", topK(100, 100, 2)},
		{"top_k: counts", "counts holds 1 words, expected at least 2", topK(100, 100, 1)},
		{"top_k: votes", "vote holds 100 words, expected at least 101", topK(101, 1, 2)},
		{"embed: all rows", "", embed(32, 2)},
		{"embed: weights", "w holds 31 words, expected at least 32", embed(31, 2)},
		{"embed: scales", "w_scale holds 1 words, expected at least 2", embed(32, 1)},
		{"norm_matvec: all", "", project(32, 4, 4)},
		{"norm_matvec: gain", "gain holds 31 words, expected at least 32", project(31, 4, 4)},
		{"norm_matvec: bias", "bias holds 3 words, expected at least 4", project(32, 3, 4)},
		{"norm_matvec: products", "y holds 3 words, expected at least 4", project(32, 4, 3)},
		{"paged_dot: as many heads as may be", "", dot(8, 1, 128, 4)},
		{"paged_dot: nine to a key head", "9 heads over 1 key heads", dot(9, 1, 64, 4)},
		{"paged_dot: uneven", "5 heads over 2 key heads", dot(5, 2, 64, 4)},
		{"paged_dot: no key head", "4 heads over 0 key heads", dot(4, 0, 64, 4)},
		{"paged_dot: fewer than key heads", "2 heads over 4 key heads", dot(2, 4, 64, 4)},
		{"paged_dot: head size", "heads of size 12", dot(2, 1, 12, 4)},
		{"paged_dot: large head", "heads of size 256", dot(2, 1, 256, 4)},
		{"paged_dot: no head", "heads of size 0", dot(2, 1, 0, 4)},
		{"paged_dot: keys", "k holds 4096 words", dot(1, 1, 64, 129)},
		{"score_stats: index", "", index(kernels.IndexI8, 16, 256, 64)},
		{"score_stats: index of other heads", "int4 key index of heads of size 96, expected a multiple of 64 up to 128", index(kernels.IndexI4, 96, 4096, 4096)},
		{"score_stats: keys", "k holds 255 words, expected at least 256", index(kernels.IndexI8, 16, 255, 64)},
		{"score_stats: scales", "key_scale holds 63 words, expected at least 64", index(kernels.IndexI4, 64, 512, 63)},
		{"key_index: all", "", newKeys(kernels.IndexI8, 256, 8, 0)},
		{"key_index: keys", "keys holds 127 words, expected at least 128", newKeys(kernels.IndexI4, 127, 16, 0)},
		{"key_index: scales", "scale holds 7 words, expected at least 8", newKeys(kernels.IndexI8, 256, 7, 0)},
		{"key_index: values", "qkv holds 1024 words, expected at least 1028", newKeys(kernels.IndexI8, 256, 8, 4)},
		{"key_index: odd place", "keys at 2 of rows of 256 values, expected multiples of 4", newKeys(kernels.IndexI8, 256, 8, 2)},
		{"key_index: large heads", "int8 key index of heads of size 256, expected a multiple of 16 up to 128", func(r *gpu.Recording) {
			kernels.KeyIndex(r, kernels.Index{Type: kernels.IndexI8, Tile: 1, Keys: words(4096), Scale: words(64)}, words(1024), words(1024), 1, 256, 0, 1, 256, 0)
		}},
		{"key_index: none", "no key index, expected int8 or int4", newKeys(kernels.IndexNone, 256, 8, 0)},
		{"head_cut: more than there are", "the largest 9 of 8 scores, expected 1 to 8", func(r *gpu.Recording) { kernels.HeadCut(r, words(64), words(64), words(64), 2, 8, 9) }},
		{"head_stats: of_head", "of_head holds 5 words, expected at least 6", func(r *gpu.Recording) { kernels.HeadStats(r, words(64), words(64), words(5), 3, 8, 2) }},
		{"vote_sum: most heads", "", count(254, 16, 16)},
		{"vote_sum: heads", "255 heads to count, expected at most 254", count(255, 16, 16)},
		{"vote_sum: votes", "vote holds 15 words, expected at least 16", count(2, 16, 15)},
		{"probes: more than rows", "5 of 4 rows in batches of 1, expected 1 to 4", probes(4, 2, 1, 5, 1, 64)},
		{"probes: batches", "16 values from batch to batch, expected at least 32", probes(4, 2, 1, 3, 2, 64)},
		{"probes: heads", "3 heads over 2 key heads, expected a multiple", probes(4, 3, 2, 1, 1, 64)},
		{"probes: y", "y holds 31 words, expected at least 32", probes(4, 2, 1, 2, 1, 31)},
		{"soft_vote_hist: widest window", "", hist(8)},
		{"soft_vote_hist: window", "soft_vote_hist: a window of 9 candidates to each side, expected 0 to 8", hist(9)},
		{"soft_vote_hist: no window", "a window of -1 candidates", hist(-1)},
		{"choose: window", "choose: a window of 9 candidates to each side, expected 0 to 8", func(r *gpu.Recording) {
			w := words(4096)
			kernels.Choose(r, w, w, w, w, w, w, w, w, w, 2, 2, 8, 3, 0, 9)
		}},
		{"max_pool: pooled", "pooled holds 15 words, expected at least 16", func(r *gpu.Recording) { kernels.MaxPool(r, words(16), words(15), 8, 2, 1) }},
		{"round_bf16: x", "x holds 7 words, expected at least 8", func(r *gpu.Recording) { kernels.RoundBF16(r, words(7), 8) }},
		{"attention_decode: head size", "heads of size 12", decode(2, 1, 12, 9, 4096, kernels.Attended{})},
		{"attention_decode: no head", "heads of size 0", decode(2, 1, 0, 9, 4096, kernels.Attended{})},
		{"attention_decode: heads", "16 heads over 1 key heads", decode(16, 1, 16, 9, 4096, kernels.Attended{})},
		{"attention_decode: more rows than there are", "5 first, 4 local and 1 new rows of 9", decode(2, 1, 16, 9, 4096, kernels.Attended{NInit: 5, NLocal: 4})},
		{"attention_decode: all rows", "", decode(2, 1, 16, 10, 4096, kernels.Attended{NInit: 5, NLocal: 4})},
		{"attention_decode: part", "part holds 35 words, expected at least 36", decode(2, 1, 16, 10, 35, kernels.Attended{NInit: 5, NLocal: 4})},
		{"attention_decode: selection", "sel holds 100 words, expected at least 101", decode(2, 1, 16, 200, 4096, kernels.Attended{UseMid: true, MaxMid: 101})},
		{"attention_decode: beyond the window", "sliding window of 8 rows, expected 0 (none) or as many as one query attends to: 10", decode(2, 1, 16, 10, 4096, kernels.Attended{NLocal: 9, Sliding: 8})},
		{"attention_decode: the window", "", decode(2, 1, 16, 10, 4096, kernels.Attended{NLocal: 7, Sliding: 8})},
		{"attention_chunk: negative window", "sliding window of -1 rows", chunk(2, 1, 16, 9, 2, kernels.Attended{Sliding: -1})},
		{"attention_chunk: head size", "heads of size 136", chunk(2, 1, 136, 9, 2, kernels.Attended{})},
		{"attention_chunk: heads", "3 heads over 2 key heads", chunk(3, 2, 16, 9, 2, kernels.Attended{})},
		{"attention_chunk: more rows than there are", "0 first, 8 local and 2 new rows of 9", chunk(2, 1, 16, 9, 2, kernels.Attended{NLocal: 8})},
		{"attention_lists: all", "", lists(kernels.Lists{Attended: some, N: 4, Stride: 8}, 20, 2, 64, 240)},
		{"attention_lists: lists", "3 lists for 4 heads on 2 key heads, expected 1, 2 or 4", lists(kernels.Lists{Attended: some, N: 3, Stride: 8}, 20, 2, 64, 240)},
		{"attention_lists: rule", "rule of distances 4", lists(kernels.Lists{Attended: some, N: 4, Stride: 8, Place: 4}, 20, 2, 64, 240)},
		{"attention_lists: group", "window of 3 and groups of 0 rows", lists(kernels.Lists{Attended: some, N: 4, Stride: 8, Place: kernels.PlaceGrouped, Window: 3}, 20, 2, 64, 240)},
		{"attention_lists: overlap", "lists of up to 8 rows, 7 words apart", lists(kernels.Lists{Attended: some, N: 4, Stride: 7}, 20, 2, 64, 240)},
		{"attention_lists: queries", "rows of 62 values, expected a multiple of 4 from 64 on", lists(kernels.Lists{Attended: some, N: 4, Stride: 8}, 20, 2, 62, 240)},
		{"attention_lists: more rows than there are", "2 first, 3 local and 2 new rows of 6", lists(kernels.Lists{Attended: some, N: 4, Stride: 8}, 6, 2, 64, 240)},
		{"attention_lists: table", "table holds 239 words, expected at least 240", lists(kernels.Lists{Attended: some, N: 4, Stride: 8}, 20, 2, 64, 239)},
		{"attention_lists: table of a window", "", lists(kernels.Lists{Attended: some, N: 4, Stride: 8, Place: kernels.PlaceClipped, Window: 4}, 20, 2, 64, 80)},
		{"top_lists: all", "", top(3, 4, 20, 60, kernels.Pages{Lo: 2, Hi: 52, Page: 5})},
		{"top_lists: no page", "0 pages for 3 lists", top(3, 0, 20, 60, kernels.Pages{Lo: 2, Hi: 52, Page: 5})},
		{"top_lists: no rows", "pages of 5 rows from row 52 to 52", top(3, 4, 20, 60, kernels.Pages{Lo: 52, Hi: 52, Page: 5})},
		{"top_lists: overlap", "lists of 20 rows, 19 words apart", top(3, 4, 19, 60, kernels.Pages{Lo: 2, Hi: 52, Page: 5})},
		{"top_lists: sel", "sel holds 59 words, expected at least 60", top(3, 4, 20, 59, kernels.Pages{Lo: 2, Hi: 52, Page: 5})},
		{"follow_scores: ring", "rows 0 to 9 in a ring of 8 rows", func(r *gpu.Recording) {
			kernels.FollowScores(r, kernels.CacheF16, kernels.Ring{Queries: words(4096), Rows: 8, Stride: 64, End: 9}, words(4096), words(4096), words(64), 4, 2, 16, 0, 4, 4, 2)
		}},
		{"representatives: more than a block has", "5 of blocks of 4 keys", func(r *gpu.Recording) { kernels.Representatives(r, words(64), words(64), 2, 0, 3, 4, 5, 0) }},
		{"window_mass: rows of the window", "rows 0 to 17 by 4 queries before row 20", func(r *gpu.Recording) {
			kernels.WindowMass(r, kernels.CacheF16, kernels.Ring{Queries: words(4096), Rows: 8, Stride: 64, First: 12, End: 20}, words(4096), words(4096), words(64), words(64), 4, 2, 16, 4, 0, 17)
		}},
		{"gather_rows: all rows", "", gather(1, 8, 10, 1, 40, kernels.Attended{NInit: 5, NLocal: 4})},
		{"gather_rows: more rows than there are", "5 first, 4 local and 1 new rows of 9", gather(1, 8, 9, 1, 40, kernels.Attended{NInit: 5, NLocal: 4})},
		{"gather_rows: keys", "keys holds 39 words, expected at least 40", gather(1, 8, 10, 1, 39, kernels.Attended{NInit: 5, NLocal: 4})},
		{"gather_rows: half a vector", "rows of 2 words, expected a multiple of 4", gather(1, 4, 10, 1, 40, kernels.Attended{})},
		{"gather_rows: cache", "k holds 4096 words, expected at least 4100", gather(1, 8, 1025, 1, 40, kernels.Attended{})},
		{"attention_chunk: queries", "q holds 4096 words", chunk(2, 1, 16, 200, 129, kernels.Attended{})},
	} {
		var r gpu.Recording
		c.record(&r)
		err := r.Err()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q in it", c.name, err, c.want)
		}
	}
}
