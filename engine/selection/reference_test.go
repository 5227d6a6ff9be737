//go:build !lean

package selection_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// text is keys and queries of one layer, made up: some keys stand several times, as
// those of equal tokens do in the first layer.
type text struct {
	shape  selection.Shape
	keys   [][][]float32 // [row][key head][d], before RoPE
	base   [][]float32   // [head][d], what a text's queries have in common
	angles []float32     // of a pair a position
	rng    *rand.Rand
}

func newText(shape selection.Shape, rows int, seed uint64) *text {
	t := &text{shape: shape, rng: rand.New(rand.NewPCG(seed, 7))}
	for i := range rows {
		if i > 8 && t.rng.IntN(4) == 0 {
			t.keys = append(t.keys, t.keys[t.rng.IntN(i)])
			continue
		}
		t.keys = append(t.keys, t.values(shape.KVHeads, 1))
	}
	t.base = t.values(shape.Heads, 0.3)
	for i := range shape.HeadDim / 2 {
		t.angles = append(t.angles, float32(math.Pow(100, -2*float64(i)/float64(shape.HeadDim))))
	}
	return t
}

func (t *text) values(heads int, sigma float64) [][]float32 {
	v := make([][]float32, heads)
	for h := range v {
		for range t.shape.HeadDim {
			v[h] = append(v[h], float32(sigma*t.rng.NormFloat64()))
		}
	}
	return v
}

// queries are c of them, [c][head][d].
func (t *text) queries(c int) [][][]float32 {
	q := make([][][]float32, c)
	for i := range q {
		q[i] = t.values(t.shape.Heads, 0.2)
		for h := range q[i] {
			for e := range q[i][h] {
				q[i][h][e] += t.base[h][e]
			}
		}
	}
	return q
}

func flat(x [][][]float32, gap int) (v []float32) {
	for _, row := range x {
		for _, head := range row {
			v = append(v, head...)
		}
		for range gap {
			v = append(v, float32(math.NaN())) // keys and values of the row, which nobody may read here
		}
	}
	return v
}

// selected plays steps with a selector on dev, each of queries that are the last of
// so many rows, and returns what each chose.
func (t *text) selected(tb testing.TB, dev gpu.Device, cfg selection.Config, steps ...ask) (chosen [][]selection.Chosen) {
	tb.Helper()
	ctx := context.Background()
	s, err := selection.New(dev, cfg, t.shape)
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close()
	buffer := func(v []float32) *gpu.Buffer {
		b, err := dev.NewBuffer("test", 4*len(v))
		if err != nil {
			tb.Fatal(err)
		}
		raw := make([]byte, 0, 4*len(v))
		for _, f := range v {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
		}
		if err := dev.Write(b, 0, raw); err != nil {
			tb.Fatal(err)
		}
		return b
	}
	rows := len(t.keys)
	keys, table := buffer(flat(t.keys, 0)), buffer(kernels.RopeTable(t.angles, s.Positions(rows), 1))
	defer dev.Free(keys)
	defer dev.Free(table)
	if err := s.Reserve(rows, gpu.All(table)); err != nil {
		tb.Fatal(err)
	}
	gap := 2 * t.shape.KVHeads * t.shape.HeadDim
	for _, step := range steps {
		var r gpu.Recording
		for layer := range t.shape.Layers {
			qkv := buffer(flat(step.q, gap))
			defer dev.Free(qkv)
			s.Select(&r, kernels.Query{Layer: layer, N: step.n, C: len(step.q), QKV: gpu.All(qkv), Stride: t.shape.Heads*t.shape.HeadDim + gap, Keys: gpu.All(keys), Cache: kernels.CacheF32})
		}
		if r.Err() != nil {
			tb.Fatal(r.Err())
		}
		if err := dev.Submit(&r); err != nil {
			tb.Fatal(err)
		}
		of, err := s.Chosen(ctx)
		if err != nil {
			tb.Fatal(err)
		}
		chosen = append(chosen, slices.Clone(of))
	}
	return chosen
}

// ask is a step: its queries, the same for all layers, are the last of n rows.
type ask struct {
	n int
	q [][][]float32
}

// turned is query i of a step, head h, as if it stood distance after every key.
func (t *text) turned(q []float32, distance int) []float64 {
	half := len(q) / 2
	out := make([]float64, len(q))
	for i := range half {
		sin, cos := math.Sincos(float64(float32(distance) * t.angles[i]))
		a, b := float64(q[i]), float64(q[half+i])
		out[i], out[half+i] = a*cos-b*sin, b*cos+a*sin
	}
	return out
}

// probes are the means of parts of the queries, [parts][head][d], turned.
func (t *text) probes(q [][][]float32, parts, nLocal int) [][][]float64 {
	out := make([][][]float64, parts)
	for j := range out {
		from, to := j*len(q)/parts, (j+1)*len(q)/parts
		out[j] = make([][]float64, t.shape.Heads)
		for h := range out[j] {
			mean := make([]float64, t.shape.HeadDim)
			for i := from; i < to; i++ {
				for e, v := range t.turned(q[i][h], nLocal+i) {
					mean[e] += v / float64(to-from)
				}
			}
			out[j][h] = mean
		}
	}
	return out
}

// scores of a probe of a head with a key head, for candidates lo to hi.
func (t *text) scores(probe []float64, kv, lo, hi int, tau float64) (s []float64) {
	for row := lo; row < hi; row++ {
		var sum float64
		for e, v := range t.keys[row][kv] {
			sum += probe[e] * float64(v)
		}
		s = append(s, sum/tau)
	}
	return s
}

func softmax(s []float64) []float64 {
	m, sum, out := slices.Max(s), 0.0, make([]float64, len(s))
	for i, v := range s {
		out[i] = math.Exp(v - m)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// best is the order of candidates, the first the best: by their values, then by
// place.
func best(less func(a, b int) int, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, less)
	return order
}

// byValue orders by one value, the largest first.
func byValue(v []float64) func(a, b int) int {
	return func(a, b int) int { return cmp.Compare(v[b], v[a]) }
}

// want is what a policy selects: an order of the candidates from row lo on, of
// which the first k count, and a value that says how near to the border each is.
type want struct {
	lo    int
	order []int
	value []float64
	near  float64 // values that are closer to the border's, in proportion to it, may be rounded to the other side
	few   int     // as many at most
}

// rows are the first k of the order.
func (w want) rows(k int) []int {
	rows := make([]int, k)
	for i, c := range w.order[:k] {
		rows[i] = w.lo + c
	}
	slices.Sort(rows)
	return rows
}

// check compares what was selected. Candidates whose values are equal are told apart
// by their places, so that where none is near the border but equal to it, all must
// be right.
func (w want) check(t testing.TB, name string, got []int, k int) {
	t.Helper()
	if len(got) != k || !slices.IsSorted(got) {
		t.Errorf("%s: %d rows, in order: %t, expected %d", name, len(got), slices.IsSorted(got), k)
		return
	}
	rows, border := w.rows(k), w.value[w.order[k-1]]
	near := func(c int) bool {
		return w.value[c] != border && math.Abs(w.value[c]-border) <= w.near*math.Abs(border)
	}
	if slices.Equal(got, rows) {
		return
	}
	wrong := 0
	for _, row := range got {
		c := row - w.lo
		if c < 0 || c >= len(w.value) {
			t.Errorf("%s: row %d is no candidate", name, row)
			return
		}
		if _, found := slices.BinarySearch(rows, row); !found {
			if wrong++; math.Abs(w.value[c]-border) > w.near*math.Abs(border) {
				t.Errorf("%s: row %d of value %g is selected, the border is %g", name, row, w.value[c], border)
			}
		}
	}
	some := false
	for c := range w.value {
		some = some || near(c)
	}
	if !some || wrong > w.few {
		t.Errorf("%s: %d of %d rows are wrong, near the border: %t, expected at most %d if there are any", name, wrong, k, some, w.few)
	}
}

// reference is what a policy selects with queries that are the last of n rows,
// computed in the plainest way.
func (t *text) reference(cfg selection.Config, n int, q [][][]float32) want {
	s, c := t.shape, len(q)
	lo, hi := cfg.NInit, n-c-cfg.NLocal
	group := s.Heads / s.KVHeads
	candidates := hi - lo
	sum := make([]float64, candidates)
	switch cfg.Policy {
	case selection.TopK:
		for h, probe := range t.probes(q, 1, cfg.NLocal)[0] {
			for i, v := range t.scores(probe, h/group, lo, hi, 1) {
				sum[i] += v
			}
		}
	case selection.HeadVote:
		count, mass := make([]int, candidates), make([]float64, candidates)
		for h, probe := range t.probes(q, 1, cfg.NLocal)[0] {
			score := t.scores(probe, h/group, lo, hi, 1)
			for _, i := range best(byValue(score), candidates)[:cfg.K] {
				count[i]++
			}
			for i, v := range softmax(score) {
				mass[i] += v
			}
		}
		order := best(func(a, b int) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(mass[b], mass[a])) }, candidates)
		for i := range sum {
			sum[i] = mass[i] + 1e6*float64(count[i])
		}
		// Beside a number of votes the mass is small.
		return want{lo, order, sum, 1e-10, 1}
	case selection.Paper:
		hi = n - cfg.NLocal
		candidates = hi - lo
		sum = make([]float64, candidates)
		for h, probe := range t.probes(q, 1, cfg.NLocal)[0] {
			score := t.scores(probe, h%s.KVHeads, lo, hi, 1)
			for i, v := range score {
				score[i] = bf16(v)
			}
			for i, v := range softmax(score) {
				sum[i] += bf16(v)
			}
		}
		for i, v := range sum {
			sum[i] = bf16(v)
		}
		return want{lo, best(byValue(sum), candidates), sum, 1.0 / 128, 2}
	case selection.Oracle:
		for _, probes := range t.probes(q, c, cfg.NLocal) {
			for h, probe := range probes {
				for i, v := range softmax(t.scores(probe, h/group, lo, hi, math.Sqrt(float64(s.HeadDim)))) {
					sum[i] += v
				}
			}
		}
	default:
		for h, probe := range t.probes(q, 1, cfg.NLocal)[0] {
			for i, v := range softmax(t.scores(probe, h/group, lo, hi, 1)) {
				sum[i] += v
			}
		}
		vote := slices.Clone(sum)
		for i := range sum {
			sum[i] = slices.Max(vote[max(0, i-cfg.Pool/2):min(candidates, i+cfg.Pool/2+1)])
		}
	}
	return want{lo, best(byValue(sum), candidates), sum, 1e-5, 1}
}

// bf16 rounds to 8 bits of mantissa, ties to even.
func bf16(x float64) float64 {
	if x == 0 {
		return 0
	}
	_, e := math.Frexp(x)
	unit := math.Ldexp(1, e-8)
	return math.RoundToEven(x/unit) * unit
}

// shapes are several ways in which heads share key heads.
var shapes = []selection.Shape{
	{Layers: 1, Heads: 8, KVHeads: 2, HeadDim: 64},
	{Layers: 1, Heads: 4, KVHeads: 4, HeadDim: 16},
	{Layers: 1, Heads: 7, KVHeads: 1, HeadDim: 80},
	{Layers: 1, Heads: 6, KVHeads: 3, HeadDim: 24},
	{Layers: 1, Heads: 1, KVHeads: 1, HeadDim: 32},
}

func shapeName(s selection.Shape) string {
	return fmt.Sprintf("%d heads of %d on %d", s.Heads, s.HeadDim, s.KVHeads)
}
