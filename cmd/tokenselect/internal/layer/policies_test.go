package layer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// TestPolicies measures every policy that there is, over a cache that is attended to
// as a whole and over one that is selected from: each runs its own kernels, all of
// which are counted, and of what it makes of a text only what is new at a step.
func TestPolicies(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	c := Config{
		Shapes:   []Shape{{"tiny", 4, 2, 64}},
		Depths:   []int{40, 512},
		Policies: Measured,
		Budgets: selection.Config{NInit: 4, K: 32, NLocal: 32, Chunk: 32,
			Rivals: selection.Rivals{Page: 8, Block: 16, Representatives: 2, Window: 8, Pool: 3}},
		Cache: kernels.CacheF16, Ceilings: Ceilings{Read: 1e10}, Kernels: true,
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	rows, err := Run(t.Context(), dev, c)
	if err != nil {
		t.Fatal(err)
	}
	// What a policy runs besides attention where it selects, and the bytes of what
	// depends on the step.
	const votes = ", top_k_hist, top_k_count, top_k_write"
	attention := map[int]string{1: "attention_decode_f16, attention_merge", 32: "rope, attention_chunk_f16"}
	for _, want := range []struct {
		policy  selection.Policy
		queries int
		kernels string
		bytes   map[string]int64
	}{
		{selection.TopK, 1, "score_stats_f16, vote_sum" + votes + ", " + attention[1],
			map[string]int64{"vote_sum": 4 * (4 + 1) * 475, "attention_decode_f16": 2 * (4 + 32 + 32 + 1) * 256}},
		{selection.TopK, 32, "rope, mean_rows, score_stats_f16, vote_sum" + votes + ", " + attention[32], nil},
		{selection.HeadVote, 1, "score_stats_f16, head_stats, vote_sum, head_cut, vote_sum" + votes + ", " + attention[1],
			map[string]int64{"head_cut": 4 * 4 * 475}},
		{selection.HeadVote, 32, "rope, mean_rows, score_stats_f16, head_stats, vote_sum, head_cut, vote_sum" + votes + ", " + attention[32], nil},
		{selection.Paper, 1, "rope, probes, score_stats_f16, round_bf16, vote_stats, head_stats, vote_sum" + votes + ", " + attention[1],
			map[string]int64{"round_bf16": 8 * 4 * 476, "attention_decode_f16": 2 * (4 + 32 + 31 + 1) * 256}},
		{selection.Paper, 32, "rope, probes, score_stats_f16, round_bf16, vote_stats, head_stats, vote_sum" + votes + ", " + attention[32],
			map[string]int64{"round_bf16": 8 * 4 * 476}},
		// Three rows of the last page are there; in a chunk the rest of a page of four
		// and four pages more.
		{selection.Quest, 1, "page_bounds_f16, rope, page_scores, top_lists, attention_lists_f16",
			map[string]int64{"page_bounds_f16": 3*256 + 8*128}},
		{selection.Quest, 32, "page_bounds_f16, rope, mean_rows, page_scores, top_lists, attention_lists_f16",
			map[string]int64{"page_bounds_f16": (4+32)*256 + 5*8*128}},
		// A chunk is two blocks; decode has 11 rows that make none yet.
		{selection.InfLLM, 1, "copy, rope, block_scores_f16, top_lists, attention_lists_f16",
			map[string]int64{"attention_lists_f16": 2*(4+32+32+11+1)*256 + 8*256, "copy": 8 * 512}},
		{selection.InfLLM, 32, "follow_scores_f16, representatives, copy, rope, mean_rows, block_scores_f16, top_lists, attention_lists_f16",
			map[string]int64{"representatives": 4 * 2 * 4 * (16 + 2), "copy": 32 * 8 * 512}},
		{selection.SnapKV, 1, "copy, attention_lists_f16",
			map[string]int64{"attention_lists_f16": 2*(4+(32+32-8)+8+1)*256 + 8*256}},
	} {
		found := false
		for _, r := range rows {
			if r.Depth != 512 || r.Policy != string(want.policy) || r.Chunk != want.queries {
				continue
			}
			found = true
			var names []string
			for _, k := range r.Kernels {
				names = append(names, k.Name)
				if bytes, ok := want.bytes[k.Name]; ok && k.Bytes != bytes {
					t.Errorf("%s, %d queries: %d bytes of %s, expected %d", want.policy, want.queries, k.Bytes, k.Name, bytes)
				}
			}
			if got := strings.Join(names, ", "); got != want.kernels {
				t.Errorf("%s, %d queries: %s, expected %s", want.policy, want.queries, got, want.kernels)
			}
		}
		if !found {
			t.Errorf("no row of %s with %d queries", want.policy, want.queries)
		}
	}
	// SnapKV has no row of its own for a chunk; TokenSelect has six for decode and five
	// for a chunk where it selects, two less where it does not.
	if n := 2*(9+8) + (5 + 4) + (3 + 2); len(rows) != n {
		t.Errorf("%d rows, expected %d", len(rows), n)
	}
	for _, r := range rows {
		for _, k := range r.Kernels {
			if k.Uncounted || k.US <= 0 {
				t.Errorf("%s at %d, %d queries: %+v", r.Policy, r.Depth, r.Chunk, k)
			}
		}
		if (r.Policy == "dense") != (r.ToDense == 0) {
			t.Errorf("%s at %d is compared with dense: %v", r.Policy, r.Depth, r.ToDense)
		}
	}
	if n := dev.Buffers(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
}

// clocked is a device with a clock that times no copies.
type clocked struct{ gpu.Device }

func (c clocked) Time(ctx context.Context, r *gpu.Recording) (time.Duration, error) {
	for _, x := range r.Commands() {
		if x.Kernel == nil {
			return 0, errors.New("a copy is to be timed")
		}
	}
	began := time.Now()
	err := c.Submit(r)
	return time.Since(began), err
}

// TestCopies measures policies that copy queries on a device whose clock times none.
func TestCopies(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	c := Config{
		Shapes: []Shape{{"tiny", 4, 2, 64}}, Depths: []int{200},
		Policies: []selection.Policy{selection.InfLLM, selection.SnapKV},
		Budgets: selection.Config{NInit: 4, K: 32, NLocal: 32, Chunk: 32,
			Rivals: selection.Rivals{Block: 16, Representatives: 2, Window: 8, Pool: 3}},
		Cache: kernels.CacheF16, Kernels: true,
	}
	if rows, err := Run(t.Context(), clocked{dev}, c); err != nil || len(rows) != 3 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// TestKept: the decode step that is measured has the rows that SnapKV keeps; finding
// them is the first one's.
func TestKept(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	b, err := newBed(dev, Shape{"tiny", 4, 2, 64}, kernels.CacheF16, 200, 32)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	cfg := selection.Default(256)
	cfg.Policy = selection.SnapKV
	if err := b.use(cfg); err != nil {
		t.Fatal(err)
	}
	if err := b.read(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	var r gpu.Recording
	b.record(&r, 0, 1)
	if r.Err() != nil || r.Len() != 2 || r.Commands()[1].Kernel.Name != "attention_lists_f16" {
		t.Errorf("%d commands, %v, expected a copy and attention", r.Len(), r.Err())
	}
}

// TestCheck refuses policies that are not measured and budgets that one cannot have.
func TestCheck(t *testing.T) {
	budgets := selection.Default(2048)
	for _, x := range []struct {
		policy selection.Policy
		change func(*selection.Config)
		want   string
	}{
		{selection.NTK, nil, `"ntk", expected of dense`},
		{"none", nil, `"none", expected of dense`},
		{selection.Paper, func(c *selection.Config) { c.Chunk = 512 }, "chunk is 512"},
		{selection.InfLLM, func(c *selection.Config) { c.K = 64 }, "infllm block is 128"},
	} {
		c := Config{Policies: []selection.Policy{selection.Dense, x.policy}, Budgets: budgets}
		if x.change != nil {
			x.change(&c.Budgets)
		}
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v, expected %q", err, x.want)
		}
	}
}

// TestUncounted prints a kernel of unknown cost with its time and without a share.
func TestUncounted(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	b, err := newBed(dev, Shape{"tiny", 4, 2, 64}, kernels.CacheF16, 40, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if err := b.use(selection.Default(64)); err != nil {
		t.Fatal(err)
	}
	if _, _, known := b.cost(gpu.Command{Kernel: &gpu.Kernel{Name: "unheard_of_f16"}}, 1); known {
		t.Error("the cost of a kernel that there is not is known")
	}
	k := Kernel{Name: "unheard_of_f16", US: 5, Bytes: 100, Uncounted: true}
	k.hold(Ceilings{Read: 1e9})
	if cells := strings.Join(k.cells(), "|"); cells != "5.0|?|?|not counted" || k.Share != 0 {
		t.Errorf("%s, a share of %v", cells, k.Share)
	}
}
