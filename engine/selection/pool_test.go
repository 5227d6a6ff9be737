//go:build !lean

package selection_test

import (
	"fmt"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/selection"
)

func TestPoolCPU(t *testing.T)  { poolSets(t, onCPU(t)) }
func TestPoolWGPU(t *testing.T) { poolSets(t, gputest.WGPU(t)) }

// poolSets holds what is selected with windows of neighbours to its definition.
func poolSets(t *testing.T, dev gpu.Device) {
	for i, shape := range shapes {
		text := newText(shape, 700, uint64(20+i))
		asks := []ask{{n: 300, q: text.queries(16)}, {n: 700, q: text.queries(5)}, {n: 90, q: text.queries(1)}, {n: 641, q: text.queries(1)}}
		sets := map[string]int{}
		for _, pool := range []int{0, 3, 5, 17} {
			cfg := small(selection.TokenSelect)
			cfg.Pool = pool
			chosen := text.selected(t, dev, cfg, asks...)
			for j, a := range asks {
				name, got := fmt.Sprintf("pool %d, %s, %d queries, %d rows", pool, shapeName(shape), len(a.q), a.n), chosen[j][0]
				text.reference(cfg, a.n, a.q).check(t, name, got.Rows, cfg.K)
				if all := cfg.NInit + cfg.K + cfg.NLocal + len(a.q); got.Attended != all {
					t.Errorf("%s: %d rows attended to, expected %d", name, got.Attended, all)
				}
			}
			set := fmt.Sprint(chosen[1][0].Rows)
			if other, found := sets[set]; found {
				t.Errorf("pools of %d and %d select the same of %s: the text tells them not apart", pool, other, shapeName(shape))
			}
			sets[set] = pool
		}
	}
}
