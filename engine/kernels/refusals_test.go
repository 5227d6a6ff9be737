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
	topK := func(n, k, counts int) func(r *gpu.Recording) {
		return func(r *gpu.Recording) {
			kernels.TopK(r, words(100), words(64), words(kernels.HistWords), words(kernels.CutWords), words(counts), words(100), n, k, 0)
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
		{"paged_dot: as many heads as may be", "", dot(8, 1, 128, 4)},
		{"paged_dot: nine to a key head", "9 heads over 1 key heads", dot(9, 1, 64, 4)},
		{"paged_dot: uneven", "5 heads over 2 key heads", dot(5, 2, 64, 4)},
		{"paged_dot: no key head", "4 heads over 0 key heads", dot(4, 0, 64, 4)},
		{"paged_dot: fewer than key heads", "2 heads over 4 key heads", dot(2, 4, 64, 4)},
		{"paged_dot: head size", "heads of size 12", dot(2, 1, 12, 4)},
		{"paged_dot: large head", "heads of size 256", dot(2, 1, 256, 4)},
		{"paged_dot: no head", "heads of size 0", dot(2, 1, 0, 4)},
		{"paged_dot: keys", "k holds 4096 words", dot(1, 1, 64, 129)},
		{"attention_decode: head size", "heads of size 12", decode(2, 1, 12, 9, 4096, kernels.Attended{})},
		{"attention_decode: no head", "heads of size 0", decode(2, 1, 0, 9, 4096, kernels.Attended{})},
		{"attention_decode: heads", "16 heads over 1 key heads", decode(16, 1, 16, 9, 4096, kernels.Attended{})},
		{"attention_decode: more rows than there are", "5 first, 4 local and 1 new rows of 9", decode(2, 1, 16, 9, 4096, kernels.Attended{NInit: 5, NLocal: 4})},
		{"attention_decode: all rows", "", decode(2, 1, 16, 10, 4096, kernels.Attended{NInit: 5, NLocal: 4})},
		{"attention_decode: part", "part holds 35 words, expected at least 36", decode(2, 1, 16, 10, 35, kernels.Attended{NInit: 5, NLocal: 4})},
		{"attention_decode: selection", "sel holds 100 words, expected at least 101", decode(2, 1, 16, 200, 4096, kernels.Attended{UseMid: true, MaxMid: 101})},
		{"attention_chunk: head size", "heads of size 136", chunk(2, 1, 136, 9, 2, kernels.Attended{})},
		{"attention_chunk: heads", "3 heads over 2 key heads", chunk(3, 2, 16, 9, 2, kernels.Attended{})},
		{"attention_chunk: more rows than there are", "0 first, 8 local and 2 new rows of 9", chunk(2, 1, 16, 9, 2, kernels.Attended{NLocal: 8})},
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
