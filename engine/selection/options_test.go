//go:build !lean

package selection_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/selection"
)

// improved is what TokenSelect selects with options, for each list: an order and how
// many of it.
func (t *text) improved(cfg selection.Config, n int, q [][][]float32) (of []want, k []int) {
	s, c := t.shape, len(q)
	lo, hi := cfg.NInit, n-c-cfg.NLocal
	group, candidates := s.Heads/s.KVHeads, hi-lo
	lists := [][]int{nil} // heads of each
	if cfg.PerKeyHead {
		lists = make([][]int, s.KVHeads)
	}
	for h := range s.Heads {
		l := h / group % len(lists)
		lists[l] = append(lists[l], h)
	}
	parts := min(max(1, cfg.Probes), c)
	probes, mean := t.probes(q, parts, cfg.NLocal), t.probes(q, 1, cfg.NLocal)[0]
	for _, heads := range lists {
		mass := make([]float64, candidates)
		for _, probe := range probes {
			for _, h := range heads {
				for i, v := range softmax(t.scores(probe[h], h/group, lo, hi, cfg.Tau)) {
					mass[i] += v
				}
			}
		}
		value := slices.Clone(mass)
		for i := range value {
			for j := max(0, i-cfg.Pool/2); j <= min(candidates-1, i+cfg.Pool/2); j++ {
				value[i] = max(value[i], mass[j])
			}
		}
		for _, h := range heads {
			for _, i := range best(byValue(t.scores(mean[h], h/group, lo, hi, cfg.Tau)), candidates)[:cfg.Floor] {
				if value[i] < 1e3 { // not raised by another head
					value[i] += 1e3
				}
			}
		}
		w := want{lo, best(byValue(value), candidates), value, 1e-5, 1}
		if cfg.Floor > 0 {
			w.near = 1e-9 // beside what raises it a vote is small
		}
		take := cfg.K
		if cfg.TopP > 0 && cfg.TopP < 1 {
			var sum float64
			take = 0
			for take < cfg.K && (sum < cfg.TopP*float64(parts*len(heads)) || take < cfg.KMin || value[w.order[take]] == value[w.order[take-1]]) {
				sum += mass[w.order[take]]
				take++
			}
		}
		of, k = append(of, w), append(k, take)
	}
	return of, k
}

// way is a way for TokenSelect to choose.
type way struct {
	selection.Options
	pool int
}

// ways are options each by itself, and several.
var ways = map[string]way{
	"two probes":             {selection.Options{Probes: 2}, 0},
	"five probes":            {selection.Options{Probes: 5}, 0},
	"a probe for each query": {selection.Options{Probes: 16}, 0},
	"per key head":           {selection.Options{PerKeyHead: true}, 0},
	"floor":                  {selection.Options{Floor: 5}, 0},
	"a fifth of the mass":    {selection.Options{TopP: 0.2}, 0},
	"a third of it":          {selection.Options{TopP: 1.0 / 3, KMin: 30}, 0},
	"little of it":           {selection.Options{TopP: 0.01, KMin: 9}, 0},
	"pool":                   {selection.Options{}, 5},
	"all":                    {selection.Options{Probes: 3, PerKeyHead: true, Floor: 2, TopP: 0.25, KMin: 4}, 3},
	"all but lists":          {selection.Options{Probes: 4, Floor: 2, TopP: 0.25}, 3},
}

func TestOptionsCPU(t *testing.T)  { optionSets(t, onCPU(t)) }
func TestOptionsWGPU(t *testing.T) { optionSets(t, gputest.WGPU(t)) }

func optionSets(t *testing.T, dev gpu.Device) {
	for i, shape := range shapes {
		text := newText(shape, 700, uint64(i))
		asks := []ask{{n: 300, q: text.queries(16)}, {n: 700, q: text.queries(3)}, {n: 641, q: text.queries(1)}}
		sets := map[string]string{}
		for name, o := range ways {
			cfg := small(selection.TokenSelect)
			cfg.Options, cfg.Pool = o.Options, o.pool
			chosen := text.selected(t, dev, cfg, asks...)
			for j, a := range asks {
				name := fmt.Sprintf("%s, %s, %d queries", name, shapeName(shape), len(a.q))
				got := chosen[j][0]
				lists := got.Lists
				if !o.PerKeyHead {
					lists = [][]int{got.Rows}
				}
				of, k := text.improved(cfg, a.n, a.q)
				if len(lists) != len(of) {
					t.Errorf("%s: %d lists, expected %d", name, len(lists), len(of))
					continue
				}
				for l := range of {
					of[l].check(t, fmt.Sprintf("%s, list %d", name, l), lists[l], k[l])
				}
				if most := cfg.NInit + slices.Max(k) + cfg.NLocal + len(a.q); got.Attended != most {
					t.Errorf("%s: %d rows attended to, expected %d", name, got.Attended, most)
				}
			}
			set := fmt.Sprint(chosen[0][0])
			if other, found := sets[set]; found && shape.KVHeads > 1 {
				t.Errorf("%s and %s select the same of %s: the text tells them not apart", name, other, shapeName(shape))
			}
			sets[set] = name
		}
	}
}

func TestPoolCPU(t *testing.T)  { poolSets(t, onCPU(t)) }
func TestPoolWGPU(t *testing.T) { poolSets(t, gputest.WGPU(t)) }

// poolSets: with windows, too, the few kernels of the default select what the plain
// ones do, which an option brings in that changes nothing.
func poolSets(t *testing.T, dev gpu.Device) {
	for i, shape := range shapes {
		text := newText(shape, 700, uint64(20+i))
		asks := []ask{{n: 300, q: text.queries(16)}, {n: 700, q: text.queries(5)}, {n: 90, q: text.queries(1)}, {n: 641, q: text.queries(1)}}
		sets := map[string]int{}
		for _, pool := range []int{0, 3, 5, 17} {
			cfg := small(selection.TokenSelect)
			cfg.Pool = pool
			got := text.selected(t, dev, cfg, asks...)
			cfg.TopP = math.Nextafter(1, 0)
			want := text.selected(t, dev, cfg, asks...)
			for j, a := range asks {
				if !slices.Equal(got[j][0].Rows, want[j][0].Rows) || got[j][0].Attended != want[j][0].Attended {
					t.Errorf("pool %d, %s, %d queries, %d rows: %v, expected %v", pool, shapeName(shape), len(a.q), a.n, got[j][0], want[j][0])
				}
			}
			set := fmt.Sprint(got[1][0].Rows)
			if other, found := sets[set]; found {
				t.Errorf("pools of %d and %d select the same of %s: the text tells them not apart", pool, other, shapeName(shape))
			}
			sets[set] = pool
		}
	}
}

// TestNeutral: options that have nothing to do select what there is without them.
func TestNeutral(t *testing.T) {
	dev := onCPU(t)
	for i, shape := range shapes {
		text := newText(shape, 500, uint64(i))
		for _, a := range []ask{{n: 500, q: text.queries(1)}, {n: 480, q: text.queries(9)}} {
			cfg := small(selection.TokenSelect)
			want := text.selected(t, dev, cfg, a)[0][0]
			for name, o := range map[string]selection.Options{
				"at their first values":           {Probes: 1, TopP: 1, ShareLayers: 1},
				"several probes of one query":     {Probes: 4},
				"one key head":                    {PerKeyHead: true},
				"a floor that the vote has found": {Floor: 1},
				"more mass than there is":         {TopP: math.Nextafter(1, 0)},
			} {
				cfg.Options = o
				if o.Probes > 1 && len(a.q) > 1 || o.PerKeyHead && shape.KVHeads > 1 || o.Floor > 0 && shape.Heads > 1 {
					continue
				}
				got := text.selected(t, dev, cfg, a)[0][0]
				if !slices.Equal(got.Rows, want.Rows) || got.Attended != want.Attended {
					t.Errorf("%s, %s, %d queries: %v, expected %v", name, shapeName(shape), len(a.q), got, want)
				}
			}
		}
	}
}

// TestShareLayers: of layers that share, the first selects.
func TestShareLayers(t *testing.T) {
	shape := shapes[0]
	shape.Layers = 5
	text := newText(shape, 400, 6)
	a, b := ask{n: 350}, ask{n: 351}
	for range shape.Layers {
		a.layers = append(a.layers, text.queries(16))
		b.layers = append(b.layers, text.queries(1))
	}
	for name, o := range map[string]selection.Options{"one list": {}, "a list for each key head": {PerKeyHead: true}} {
		cfg := small(selection.TokenSelect)
		cfg.Options = o
		own := text.selected(t, onCPU(t), cfg, a, b)
		cfg.ShareLayers = 2
		shared := text.selected(t, onCPU(t), cfg, a, b)
		for step := range own {
			for layer := range shape.Layers {
				if got, want := fmt.Sprint(shared[step][layer]), fmt.Sprint(own[step][layer-layer%2]); got != want {
					t.Errorf("%s, step %d: layer %d has %v, expected %v", name, step, layer, got, want)
				}
				if layer%2 == 1 && slices.Equal(own[step][layer].Rows, own[step][layer-1].Rows) {
					t.Errorf("%s, step %d: layers %d and %d select the same by themselves", name, step, layer-1, layer)
				}
			}
		}
	}
}

// TestDenseUntil: nothing is left out while all rows fit.
func TestDenseUntil(t *testing.T) {
	text := newText(shapes[0], 400, 7)
	for _, p := range []selection.Policy{selection.TokenSelect, selection.Window, selection.TopK} {
		cfg := small(p)
		cfg.DenseUntil = 300
		chosen := text.selected(t, onCPU(t), cfg, ask{n: 300, q: text.queries(16)}, ask{n: 301, q: text.queries(1)})
		if all := chosen[0][0]; all.Rows != nil || all.Attended != 300 {
			t.Errorf("%s: of 300 rows %+v, expected all", p, all)
		}
		if some := chosen[1][0]; some.Attended != cfg.NInit+cfg.K+cfg.NLocal+1 {
			t.Errorf("%s: of 301 rows %d are attended to, expected the budget", p, some.Attended)
		}
		if positions := cfg.Positions(1000); positions < 300 {
			t.Errorf("%s: %d positions for 1000 rows, expected at least the 300 of dense attention", p, positions)
		}
	}
}

// TestCacheCentred: what queries have in common is no reason to reuse a selection.
func TestCacheCentred(t *testing.T) {
	text := newText(shapes[0], 400, 8)
	for h := range text.base {
		for e := range text.base[h] {
			text.base[h][e] *= 5
		}
	}
	first, q, other := text.queries(16), text.queries(1), text.queries(1)
	for _, centred := range []bool{false, true} {
		cfg := small(selection.TokenSelect)
		cfg.Theta, cfg.CacheCentred = 0.9, centred
		chosen := text.selected(t, onCPU(t), cfg, ask{n: 16, q: first}, ask{n: 350, q: q}, ask{n: 351, q: q}, ask{n: 352, q: other})
		if !chosen[2][0].Hit || chosen[3][0].Hit == centred {
			t.Errorf("centred %t: hits %t and %t with cosines %g and %g, expected true and %t", centred, chosen[2][0].Hit, chosen[3][0].Hit, chosen[2][0].Cosine, chosen[3][0].Cosine, !centred)
		}
	}
}

// TestReuseLists: lists of all lengths get the rows that have left the window.
func TestReuseLists(t *testing.T) {
	text := newText(shapes[0], 400, 9)
	q := text.queries(1)
	for name, o := range map[string]selection.Options{"per key head": {PerKeyHead: true}, "a fifth of the mass": {TopP: 0.2}, "both": {PerKeyHead: true, TopP: 0.2}} {
		cfg := small(selection.TokenSelect)
		cfg.Options, cfg.Theta = o, 0.9
		chosen := text.selected(t, onCPU(t), cfg, ask{n: 300, q: q}, ask{n: 303, q: q}, ask{n: 304, q: q})
		lists := func(c selection.Chosen) [][]int {
			if o.PerKeyHead {
				return c.Lists
			}
			return [][]int{c.Rows}
		}
		for step, slid := range [][]int{nil, {275, 276, 277}, {275, 276, 277, 278}} {
			for l, rows := range lists(chosen[step][0]) {
				if want := slices.Concat(lists(chosen[0][0])[l], slid); !slices.Equal(rows, want) {
					t.Errorf("%s: step %d, list %d has %v, expected %v", name, step, l, rows, want)
				}
			}
			if o.TopP > 0 && len(lists(chosen[step][0])[0]) >= cfg.K {
				t.Errorf("%s: step %d: %d rows, expected less than k", name, step, len(lists(chosen[step][0])[0]))
			}
			if chosen[step][0].Hit != (step > 0) {
				t.Errorf("%s: step %d: a hit is %t", name, step, chosen[step][0].Hit)
			}
		}
	}
}

func TestValidateOptions(t *testing.T) {
	for _, c := range []struct {
		want string
		o    selection.Options
	}{
		{"", selection.Options{Probes: 256, PerKeyHead: true, Floor: 64, TopP: 0.5, KMin: 512, ShareLayers: 8, CacheCentred: true, DenseUntil: 2048}},
		{"probes is 257, expected 0 to 256", selection.Options{Probes: 257}},
		{"probes is -1", selection.Options{Probes: -1}},
		{"floor is 513, expected 0 to 512", selection.Options{Floor: 513}},
		{"k min is 513", selection.Options{KMin: 513}},
		{"top p is 1.1", selection.Options{TopP: 1.1}},
		{"top p is NaN", selection.Options{TopP: math.NaN()}},
		{"share layers is -1", selection.Options{ShareLayers: -1}},
		{"dense until is -1", selection.Options{DenseUntil: -1}},
	} {
		cfg := selection.Default(2048)
		cfg.Options = c.o
		if err := cfg.Validate(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, expected %q in it", c.o, err, c.want)
		}
	}
	// Of how many heads there are to each list, the model decides.
	cfg := selection.Default(2048)
	cfg.Floor = 65
	if _, err := selection.New(onCPU(t), cfg, selection.Shape{Layers: 1, Heads: 8, KVHeads: 2, HeadDim: 64}); err == nil || !strings.Contains(err.Error(), "floor of 65 tokens for each of 8 heads, expected at most 512 for all") {
		t.Errorf("a floor above k: %v", err)
	}
}
