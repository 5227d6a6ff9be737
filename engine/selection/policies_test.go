//go:build !lean

package selection_test

import (
	"fmt"
	"slices"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/selection"
)

// compared are the policies that select one set for all heads.
var compared = []selection.Policy{selection.TokenSelect, selection.TopK, selection.HeadVote, selection.Paper, selection.Oracle}

func small(p selection.Policy) selection.Config {
	return selection.Config{Policy: p, NInit: 4, NLocal: 24, K: 40, Chunk: 16}
}

func onCPU(t *testing.T) gpu.Device {
	dev := cpudev.New(cpudev.Options{})
	t.Cleanup(dev.Close)
	return dev
}

func TestPolicySetsCPU(t *testing.T)  { policySets(t, onCPU(t)) }
func TestPolicySetsWGPU(t *testing.T) { policySets(t, gputest.WGPU(t)) }

// policySets holds what each policy selects to its definition, for a chunk, a part of
// one and a token.
func policySets(t *testing.T, dev gpu.Device) {
	for i, shape := range shapes {
		text := newText(shape, 700, uint64(i))
		asks := []ask{{n: 300, q: text.queries(16)}, {n: 700, q: text.queries(5)}, {n: 641, q: text.queries(1)}}
		sets := map[string]selection.Policy{}
		for _, p := range compared {
			cfg := small(p)
			chosen := text.selected(t, dev, cfg, asks...)
			for j, a := range asks {
				name := fmt.Sprintf("%s, %s, %d queries", p, shapeName(shape), len(a.q))
				text.reference(cfg, a.n, a.q).check(t, name, chosen[j][0].Rows, cfg.K)
				attended := cfg.NInit + cfg.K + cfg.NLocal + len(a.q)
				if p == selection.Paper {
					attended -= len(a.q)
				}
				if chosen[j][0].Attended != attended {
					t.Errorf("%s: %d rows attended to, expected %d", name, chosen[j][0].Attended, attended)
				}
			}
			// With one head, sums and counts are in the order of the softmax.
			if set := fmt.Sprint(chosen[0][0].Rows); shape.Heads > 1 {
				if other, found := sets[set]; found {
					t.Errorf("%s selects what %s does of %s: the text tells them not apart", p, other, shapeName(shape))
				}
				sets[set] = p
			}
		}
	}
}

// TestOneHead: with one head and one query the ways to add up heads are one.
func TestOneHead(t *testing.T) {
	dev, text := onCPU(t), newText(selection.Shape{Layers: 1, Heads: 1, KVHeads: 1, HeadDim: 32}, 500, 3)
	one, chunk := ask{n: 500, q: text.queries(1)}, ask{n: 450, q: text.queries(16)}
	set := func(p selection.Policy, a ask) []int { return text.selected(t, dev, small(p), a)[0][0].Rows }
	for _, p := range []selection.Policy{selection.TopK, selection.HeadVote} {
		for _, a := range []ask{one, chunk} {
			if got, want := set(p, a), set(selection.TokenSelect, a); !slices.Equal(got, want) {
				t.Errorf("%s with one head and %d queries: %v, expected %v", p, len(a.q), got, want)
			}
		}
	}
	if got, want := set(selection.Oracle, one), set(selection.TokenSelect, one); !slices.Equal(got, want) {
		t.Errorf("the oracle of one query of one head: %v, expected %v", got, want)
	}
}

// TestSmallCache: while no more than k are candidates, all is attended to; of the
// paper's release the candidates are those of its own window.
func TestSmallCache(t *testing.T) {
	dev, text := onCPU(t), newText(shapes[0], 200, 4)
	for _, p := range compared {
		cfg := small(p)
		last := cfg.NInit + cfg.K + cfg.NLocal // rows, besides those of a step
		if p != selection.Paper {
			last += 16
		}
		q := text.queries(16)
		chosen := text.selected(t, dev, cfg, ask{n: last, q: q}, ask{n: last + 1, q: q})
		if all := chosen[0][0]; all.Rows != nil || all.Attended != last {
			t.Errorf("%s over %d rows: %+v, expected all of them", p, last, all)
		}
		if k := chosen[1][0]; len(k.Rows) != cfg.K {
			t.Errorf("%s over %d rows: %+v, expected %d selected", p, last+1, k, cfg.K)
		}
	}
}

// TestReuse: policies select anew or reuse as they are made to.
func TestReuse(t *testing.T) {
	dev, text := onCPU(t), newText(shapes[0], 400, 5)
	q := text.queries(1)
	for _, p := range compared {
		cfg := small(p)
		cfg.Theta = 0.9
		chosen := text.selected(t, dev, cfg, ask{n: 300, q: q}, ask{n: 303, q: q})
		hit := p != selection.Paper && p != selection.Oracle
		if chosen[1][0].Hit != hit {
			t.Errorf("%s: a hit is %t, expected %t", p, chosen[1][0].Hit, hit)
		}
		want := slices.Concat(chosen[0][0].Rows, []int{275, 276, 277}) // which have left the window
		if got := chosen[1][0].Rows; hit && !slices.Equal(got, want) {
			t.Errorf("%s: reuses %v, expected %v", p, got, want)
		}
	}
}

// TestPaperRounds: candidates whose scores differ by less than bfloat16 tells apart
// are selected in order of place.
func TestPaperRounds(t *testing.T) {
	text := newText(shapes[0], 400, 10)
	for i := range text.keys[1:] {
		key := text.values(shapes[0].KVHeads, 1e-6)
		for kv := range key {
			for e := range key[kv] {
				key[kv][e] += text.keys[0][kv][e]
			}
		}
		text.keys[i+1] = key
	}
	a := ask{n: 400, q: text.queries(16)}
	first := make([]int, small(selection.Paper).K)
	for i := range first {
		first[i] = small(selection.Paper).NInit + i
	}
	if got := text.selected(t, onCPU(t), small(selection.Paper), a)[0][0].Rows; !slices.Equal(got, first) {
		t.Errorf("paper selects %v of candidates that are nearly alike, expected %v", got, first)
	}
	if got := text.selected(t, onCPU(t), small(selection.TokenSelect), a)[0][0].Rows; slices.Equal(got, first) {
		t.Error("tokenselect does not tell them apart either")
	}
}
