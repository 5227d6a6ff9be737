package selection_test

import (
	"math"
	"slices"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
)

// TestSnapKV: a key head keeps the rows that the queries of the prompt's last window
// pay most attention to, pooled over neighbours, for all that is generated.
func TestSnapKV(t *testing.T) {
	onDevices(t, func(t *testing.T, dev gpu.Device) {
		cfg, shape := rival(selection.SnapKV)
		cfg.Rivals.Window, cfg.Rivals.Pool = 6, 5
		b, selected, end := newBed(t, dev, cfg, shape, 200), 0, 0
		var want [2][2][]int // of each layer and key head
		b.run(func(name string, c int, results [][]float32) {
			n := len(b.qkv[0])
			if c > 1 {
				end = n
			}
			lo, hi := cfg.NInit, end-6
			for layer, chosen := range b.chosen() {
				if c > 1 {
					if chosen.Rows != nil || chosen.Attended != n {
						t.Fatalf("%s: %+v, expected all rows", name, chosen)
					}
					continue
				}
				for kv := range shape.KVHeads {
					if n == end+1 {
						mass := make([]float64, hi-lo)
						for query := hi; query < end; query++ {
							for h := 3 * kv; h < 3*kv+3; h++ {
								weights, sum := make([]float64, query+1), 0.0
								for row := range weights {
									weights[row] = math.Exp(dot(b.query(layer, query, h, query-row), b.key(layer, row, h)) / 4)
									sum += weights[row]
								}
								for i := range mass {
									mass[i] += weights[lo+i] / sum
								}
							}
						}
						pooled := make([]float64, len(mass))
						for i := range mass {
							pooled[i] = slices.Max(mass[max(0, i-2):min(i+3, len(mass))])
						}
						want[layer][kv] = top(pooled, lo, cfg.K+cfg.NLocal-6)
					}
					selected++
					if !slices.Equal(chosen.Lists[kv], want[layer][kv]) {
						t.Fatalf("%s, layer %d, key head %d: %v, expected %v", name, layer, kv, chosen.Lists[kv], want[layer][kv])
					}
					for h := 3 * kv; h < 3*kv+3; h++ {
						y := b.attention(layer, n-1, h, slices.Concat(upTo(0, lo), want[layer][kv], upTo(hi, n)), func(row int) int { return n - 1 - row })
						near(t, name, results[layer][h*shape.HeadDim:], y)
					}
				}
			}
		})
		if selected < 10 {
			t.Errorf("%d selections were looked at", selected)
		}
	})
}

// TestSnapKVKeepsAll: where everything is kept, it is the dense policy.
func TestSnapKVKeepsAll(t *testing.T) {
	onDevices(t, func(t *testing.T, dev gpu.Device) {
		cfg, shape := rival(selection.SnapKV)
		cfg.K, cfg.Rivals.Window = 200, 5
		dense := cfg
		dense.Policy = selection.Dense
		snap, decoded := newBed(t, dev, cfg, shape, 200), 0
		like(t, snap, newBed(t, dev, dense, shape, 200), func(name string, n, layer int, got, want []float32) {
			if len(got) == shape.Heads*shape.HeadDim {
				decoded++
			}
			if chosen := snap.chosen()[layer]; chosen.Rows != nil || chosen.Attended != n {
				t.Fatalf("%s: %+v, expected all %d rows", name, chosen, n)
			}
			for i := range want {
				if d := math.Abs(float64(got[i] - want[i])); !(d < 1e-4) {
					t.Fatalf("%s, layer %d: value %d is %v, dense %v", name, layer, i, got[i], want[i])
				}
			}
		})
		if decoded < 10 {
			t.Errorf("%d steps of one token were looked at", decoded)
		}
	})
}
