package selection_test

import (
	"slices"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
)

// TestInfLLMTokens: with blocks of one token and one representative the rows are
// the k that all heads together make most of (TokenSelect's paper, eq. 5), and what
// is further than the local window stands at its end.
func TestInfLLMTokens(t *testing.T) {
	onDevices(t, func(t *testing.T, dev gpu.Device) {
		cfg, shape := rival(selection.InfLLM)
		cfg.Rivals.Block, cfg.Rivals.Representatives = 1, 1
		b, selected := newBed(t, dev, cfg, shape, 200), 0
		b.run(func(name string, c int, results [][]float32) {
			n := len(b.qkv[0])
			lo, hi := cfg.NInit, n-c-cfg.NLocal
			if hi-lo <= cfg.K {
				return
			}
			for layer, chosen := range b.chosen() {
				selected++
				scores := make([]float64, hi-lo)
				for h := range shape.Heads {
					probe := b.probe(layer, h, c)
					for i := range scores {
						scores[i] += dot(probe, b.key(layer, lo+i, h))
					}
				}
				want := top(scores, lo, cfg.K)
				if !slices.Equal(chosen.Rows, want) || chosen.Attended != n-(hi-lo)+cfg.K {
					t.Fatalf("%s, layer %d: %v and %d in all, expected %v", name, layer, chosen.Rows, chosen.Attended, want)
				}
				list := slices.Concat(upTo(0, lo), want, upTo(hi, n))
				for j := range c {
					row := n - c + j
					for h := range shape.Heads {
						y := b.attention(layer, row, h, list[:len(list)-c+j+1], func(at int) int { return min(row-at, cfg.NLocal) })
						near(t, name, results[layer][(j*shape.Heads+h)*shape.HeadDim:], y)
					}
				}
			}
		})
		if selected < 10 {
			t.Errorf("%d selections were looked at", selected)
		}
	})
}

// TestInfLLMBlocks: a block's representatives are, for each head, the keys that the
// queries of the rows behind them made most of, however the text came, and blocks are
// chosen by them.
func TestInfLLMBlocks(t *testing.T) {
	onDevices(t, func(t *testing.T, dev gpu.Device) {
		cfg, shape := rival(selection.InfLLM)
		cfg.Rivals.Block, cfg.Rivals.Representatives = 8, 3
		b, selected := newBed(t, dev, cfg, shape, 200), 0
		for i, c := range []int{32, 32, 20, 1, 1, 32, 1, 32, 7, 1} {
			b.step(c)
			n := len(b.qkv[0])
			lo, hi := cfg.NInit, n-c-cfg.NLocal
			if hi-lo <= cfg.K {
				continue
			}
			blocks := (hi - lo) / 8
			for layer, chosen := range b.chosen() {
				selected++
				scores := make([]float64, blocks)
				for h := range shape.Heads {
					probe := b.probe(layer, h, c)
					for block := range scores {
						first, follow := lo+8*block, make([]float64, 8)
						for t := range follow {
							for j := 1; j <= cfg.NLocal; j++ {
								follow[t] += dot(b.query(layer, first+t+j, h, j), b.key(layer, first+t, h))
							}
						}
						for _, row := range top(follow, first, 3) {
							scores[block] += dot(probe, b.key(layer, row, h))
						}
					}
				}
				var want []int
				for _, block := range top(scores, 0, cfg.K/8) {
					want = append(want, upTo(lo+8*block, lo+8*block+8)...)
				}
				if rest := (hi - lo) % 8; !slices.Equal(chosen.Rows, want) || chosen.Attended != n-(hi-lo)+cfg.K+rest {
					t.Fatalf("step %d, layer %d: %v and %d in all, expected %v", i, layer, chosen.Rows, chosen.Attended, want)
				}
			}
		}
		if selected < 10 {
			t.Errorf("%d selections were looked at", selected)
		}
	})
}
