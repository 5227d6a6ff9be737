package selection_test

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// onDevices runs a test on the CPU and on this machine's GPU.
func onDevices(t *testing.T, test func(t *testing.T, dev gpu.Device)) {
	t.Run("CPU", func(t *testing.T) {
		dev := cpudev.New(cpudev.Options{})
		t.Cleanup(dev.Close)
		test(t, dev)
	})
	t.Run("WGPU", func(t *testing.T) { test(t, gputest.WGPU(t)) })
}

// bed is the attention of a model of random queries, keys and values: what a
// selector sees of one.
type bed struct {
	t        *testing.T
	dev      gpu.Device
	shape    selection.Shape
	sel      *selection.Selector
	rng      *rand.Rand
	rows     int // that the cache has room for
	reserved int // of them, what the selector knows of
	table    *gpu.Buffer
	keys     []*gpu.Buffer // of each layer, float32 [rows][kvHeads][d]
	vals     []*gpu.Buffer

	qkv   [][][]float32 // of each layer, of each row
	ahead [][]float32   // rows that come next, instead of random ones
}

func newBed(t *testing.T, dev gpu.Device, cfg selection.Config, shape selection.Shape, rows int) *bed {
	b := &bed{t: t, dev: dev, shape: shape, rows: rows, rng: rand.New(rand.NewPCG(7, 7)), qkv: make([][][]float32, shape.Layers)}
	var err error
	if shape.InvFreq == nil {
		shape.InvFreq = invFreq(shape.HeadDim)
	}
	if b.sel, err = selection.New(dev, cfg, shape); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.sel.Close)
	b.table = b.floats(kernels.RopeTable(shape.InvFreq, b.sel.Positions(rows), 1))
	for range shape.Layers {
		b.keys = append(b.keys, b.floats(make([]float32, rows*shape.KVHeads*shape.HeadDim)))
		b.vals = append(b.vals, b.floats(make([]float32, rows*shape.KVHeads*shape.HeadDim)))
	}
	b.reserve(rows / 5)
	return b
}

func (b *bed) reserve(rows int) {
	if err := b.sel.Reserve(rows, gpu.All(b.table)); err != nil {
		b.t.Fatal(err)
	}
	b.reserved = rows
}

func invFreq(d int) []float32 { return frequencies(d, 1000) }

// frequencies are the angles of a position with a base.
func frequencies(d int, base float64) []float32 {
	freq := make([]float32, d/2)
	for i := range freq {
		freq[i] = float32(math.Pow(base, -2*float64(i)/float64(d)))
	}
	return freq
}

func (b *bed) floats(v []float32) *gpu.Buffer {
	buf, err := b.dev.NewBuffer("test", 4*len(v))
	if err == nil {
		err = b.dev.Write(buf, 0, gputest.Floats(v...))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.dev.Free(buf) })
	return buf
}

func (b *bed) width() int { return (b.shape.Heads + 2*b.shape.KVHeads) * b.shape.HeadDim }

// step reads c more rows, and returns for each layer what attention makes of their
// queries, [c][heads][d].
func (b *bed) step(c int) (results [][]float32) {
	heads, kvHeads, d := b.shape.Heads, b.shape.KVHeads, b.shape.HeadDim
	past, width := len(b.qkv[0]), b.width()
	for past+c > b.reserved { // as a cache grows
		b.reserve(min(b.rows, 2*b.reserved))
	}
	for layer := range b.shape.Layers {
		var all []float32
		for range c {
			row := make([]float32, width)
			for i := range row {
				row[i] = float32(b.rng.NormFloat64())
			}
			if len(b.ahead) > 0 {
				row, b.ahead = b.ahead[0], b.ahead[1:]
			}
			b.qkv[layer] = append(b.qkv[layer], row)
			all = append(all, row...)
		}
		qkv, y := gpu.All(b.floats(all)), gpu.All(b.floats(make([]float32, c*heads*d)))
		k, v, table := gpu.All(b.keys[layer]), gpu.All(b.vals[layer]), gpu.All(b.table)
		var r gpu.Recording
		kernels.KVAppend(&r, kernels.CacheF32, qkv, k, v, c, width, heads*d, (heads+kvHeads)*d, kvHeads*d, past)
		s := b.sel.Select(&r, kernels.Query{Layer: layer, N: past + c, C: c, QKV: qkv, Stride: width, Keys: k, Cache: kernels.CacheF32})
		if s.Table.Buffer != nil {
			table = s.Table
		}
		switch {
		case s.Lists.N > 0:
			kernels.AttentionLists(&r, kernels.CacheF32, qkv, k, v, table, y, heads, kvHeads, d, past+c, c, width, s.Lists)
		case c == 1:
			part := gpu.All(b.floats(make([]float32, kernels.PartWords(heads, kvHeads, d))))
			kernels.AttentionDecode(&r, kernels.CacheF32, qkv, k, v, s.Sel, s.State, table, part, y, heads, kvHeads, d, past+c, s.Attended)
		default:
			q := gpu.All(b.floats(make([]float32, c*heads*d)))
			kernels.Rope(&r, qkv, table, s.State, q, c, heads, d, width, s.NInit+s.NLocal, s.UseMid)
			kernels.AttentionChunk(&r, kernels.CacheF32, q, k, v, s.Sel, s.State, table, s.State, y, heads, kvHeads, d, past+c, c, s.Attended, 1)
		}
		if err := b.dev.Submit(&r); err != nil {
			b.t.Fatal(err)
		}
		results = append(results, b.read(y))
	}
	return results
}

// replay reads the rows of another bed.
func (b *bed) replay(from *bed) {
	for at := range from.qkv[0] {
		for layer := range from.qkv {
			b.ahead = append(b.ahead, from.qkv[layer][at])
		}
		b.step(1)
	}
}

func (b *bed) read(g gpu.Range) []float32 {
	raw := make([]byte, g.Size)
	if err := b.dev.Read(context.Background(), g.Buffer, g.Offset, raw); err != nil {
		b.t.Fatal(err)
	}
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}

// cut forgets all rows from n on.
func (b *bed) cut(n int) {
	for layer := range b.qkv {
		b.qkv[layer] = b.qkv[layer][:n]
	}
	if err := b.sel.Reset(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) chosen() []selection.Chosen {
	chosen, err := b.sel.Chosen(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return chosen
}

// query is head h of a row of layer's, turned by so many positions.
func (b *bed) query(layer, row, h, positions int) []float64 {
	return turn(b.qkv[layer][row][h*b.shape.HeadDim:][:b.shape.HeadDim], positions)
}

// key is the key of head h at a row, before RoPE; value its value.
func (b *bed) key(layer, row, h int) []float64 {
	d, kv := b.shape.HeadDim, h/(b.shape.Heads/b.shape.KVHeads)
	return plain(b.qkv[layer][row][(b.shape.Heads+kv)*d:][:d])
}

func (b *bed) value(layer, row, h int) []float64 {
	d, kv := b.shape.HeadDim, h/(b.shape.Heads/b.shape.KVHeads)
	return plain(b.qkv[layer][row][(b.shape.Heads+b.shape.KVHeads+kv)*d:][:d])
}

// turns are the sines and cosines of the pairs of a head of 16 at some positions.
var turns = func() (at [512][8][2]float64) {
	for p := range at {
		for i, f := range invFreq(16) {
			at[p][i][0], at[p][i][1] = math.Sincos(float64(float32(p) * f))
		}
	}
	return at
}()

func turn(x []float32, positions int) []float64 {
	y := plain(x)
	half := len(x) / 2
	if positions > 0 {
		at := &turns[positions]
		for i := range half {
			a, b := y[i], y[half+i]
			y[i], y[half+i] = a*at[i][1]-b*at[i][0], b*at[i][1]+a*at[i][0]
		}
	}
	return y
}

func plain(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// probe is the mean of head h's queries in the last c rows, each as if it stood
// nLocal and its place in the chunk after a key.
func (b *bed) probe(layer, h, c int) []float64 {
	mean, n := make([]float64, b.shape.HeadDim), len(b.qkv[layer])
	for i := range c {
		for j, x := range b.query(layer, n-c+i, h, b.sel.Config().NLocal+i) {
			mean[j] += x / float64(c)
		}
	}
	return mean
}

// attention is what softmax attention of head h's query at row makes of rows that
// stand so far behind it.
func (b *bed) attention(layer, row, h int, rows []int, distance func(row int) int) []float64 {
	scores, most, sum := make([]float64, len(rows)), math.Inf(-1), 0.0
	for i, r := range rows {
		scores[i] = dot(b.query(layer, row, h, distance(r)), b.key(layer, r, h)) / math.Sqrt(float64(b.shape.HeadDim))
		most = max(most, scores[i])
	}
	y := make([]float64, b.shape.HeadDim)
	for i, r := range rows {
		w := math.Exp(scores[i] - most)
		sum += w
		for j, x := range b.value(layer, r, h) {
			y[j] += w * x
		}
	}
	for j := range y {
		y[j] /= sum
	}
	return y
}

// near fails the test where got, float32, is not want.
func near(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	for i := range want {
		if d := math.Abs(float64(got[i]) - want[i]); !(d < 1e-4) {
			t.Fatalf("%s: value %d is %v, expected %v", what, i, got[i], want[i])
		}
	}
}

// top is the k of the rows from lo on with the largest scores, in order.
func top(scores []float64, lo, k int) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	order = order[:k]
	slices.Sort(order)
	for i := range order {
		order[i] += lo
	}
	return order
}

// upTo is the rows from lo to hi.
func upTo(lo, hi int) (rows []int) {
	for row := lo; row < hi; row++ {
		rows = append(rows, row)
	}
	return rows
}
