package selection_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
)

// rival is a policy with budgets for some hundred rows, and what its bed has.
func rival(p selection.Policy) (selection.Config, selection.Shape) {
	cfg := selection.Default(2048)
	cfg.Policy, cfg.NInit, cfg.K, cfg.NLocal, cfg.Chunk = p, 3, 24, 20, 32
	return cfg, selection.Shape{Layers: 2, Heads: 6, KVHeads: 2, HeadDim: 16}
}

// prompts are steps that read a prompt, decode, cut it, and read another.
var prompts = []int{32, 32, 32, 9, 1, 1, 1, -70, 32, 5, 1, 1}

// run calls check after each of the steps.
func (b *bed) run(check func(name string, c int, results [][]float32)) {
	for i, c := range prompts {
		if c < 0 {
			b.cut(-c)
			continue
		}
		results := b.step(c)
		check(fmt.Sprintf("step %d, %d of %d rows", i, c, len(b.qkv[0])), c, results)
	}
}

// TestQuestTokens: with pages of one token a head has the k tokens of the largest
// scores, and attends to them, the first and the last at contiguous positions.
func TestQuestTokens(t *testing.T) {
	onDevices(t, func(t *testing.T, dev gpu.Device) {
		cfg, shape := rival(selection.Quest)
		cfg.Rivals.Page = 1
		b := newBed(t, dev, cfg, shape, 200)
		selected := 0
		b.run(func(name string, c int, results [][]float32) {
			n := len(b.qkv[0])
			lo, hi := cfg.NInit, n-c-cfg.NLocal
			for layer, chosen := range b.chosen() {
				if hi-lo <= cfg.K {
					if chosen.Rows != nil || chosen.Attended != n {
						t.Fatalf("%s: %+v, expected all rows", name, chosen)
					}
					continue
				}
				selected++
				for h := range shape.Heads {
					probe, scores := b.probe(layer, h, c), make([]float64, hi-lo)
					for i := range scores {
						scores[i] = dot(probe, b.key(layer, lo+i, h))
					}
					want := top(scores, lo, cfg.K)
					if !slices.Equal(chosen.Lists[h], want) {
						t.Fatalf("%s, layer %d, head %d: %v, expected %v", name, layer, h, chosen.Lists[h], want)
					}
					list := slices.Concat(upTo(0, lo), want, upTo(hi, n))
					for j := range c {
						seen := list[:len(list)-c+j+1]
						y := b.attention(layer, n-c+j, h, seen, func(row int) int { return len(seen) - 1 - slices.Index(seen, row) })
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

// TestQuestPages: with pages of several tokens a head has whole pages, of which no
// other has a larger bound, within k tokens; bounds are of those rows alone that
// are candidates.
func TestQuestPages(t *testing.T) {
	onDevices(t, func(t *testing.T, dev gpu.Device) {
		cfg, shape := rival(selection.Quest)
		cfg.Rivals.Page = 7
		b := newBed(t, dev, cfg, shape, 200)
		b.run(func(name string, c int, _ [][]float32) {
			lo, hi := cfg.NInit, len(b.qkv[0])-c-cfg.NLocal
			if hi-lo <= cfg.K {
				return
			}
			for layer, chosen := range b.chosen() {
				for h := range shape.Heads {
					probe := b.probe(layer, h, c)
					var bounds []float64
					for from := lo; from < hi; from += 7 {
						bound := 0.0
						for j, q := range probe {
							most := math.Inf(-1)
							for row := from; row < min(from+7, hi); row++ {
								most = max(most, q*b.key(layer, row, h)[j])
							}
							bound += most
						}
						bounds = append(bounds, bound)
					}
					var want []int
					for _, page := range top(bounds, 0, cfg.K/7) {
						want = append(want, upTo(lo+7*page, min(lo+7*page+7, hi))...)
					}
					if !slices.Equal(chosen.Lists[h], want) {
						t.Fatalf("%s, layer %d, head %d: %v, expected %v", name, layer, h, chosen.Lists[h], want)
					}
				}
			}
		})
	})
}
