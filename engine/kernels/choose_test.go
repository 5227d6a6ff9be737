package kernels_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
)

// chosen is one call of Choose on given scores, [heads][n].
type chosen struct {
	name           string
	heads, n, k    int
	score          func(rng *rand.Rand, h, t int) float64
	allSame, empty bool // votes are equal, or there are none: the first k candidates
}

func chooseCases() (cases []chosen) {
	for _, sd := range []float64{0.01, 5, 30, 3000} {
		spread := func(rng *rand.Rand, h, t int) float64 { return rng.NormFloat64() * sd }
		for _, c := range []chosen{{heads: 1, n: 1, k: 1}, {heads: 3, n: 70, k: 70}, {heads: 8, n: 700, k: 512}, {heads: 9, n: 5000, k: 40}, {heads: 8, n: 20000, k: 512}} {
			c.name, c.score = fmt.Sprintf("scores of %g", sd), spread
			cases = append(cases, c)
		}
	}
	// Some candidates far above all others, and pairs of equal ones.
	cases = append(cases,
		chosen{name: "few above", heads: 4, n: 9000, k: 100, score: func(rng *rand.Rand, h, t int) float64 {
			return rng.NormFloat64() + 20*max(0, float64(10-t%1000))
		}},
		chosen{name: "rising", heads: 2, n: 9000, k: 600, score: func(_ *rand.Rand, h, t int) float64 { return float64(t) / 100 }},
		chosen{name: "equal", heads: 5, n: 3000, k: 200, allSame: true, score: func(*rand.Rand, int, int) float64 { return 3 }},
		chosen{name: "all but one vanish", heads: 2, n: 3000, k: 200, score: func(_ *rand.Rand, h, t int) float64 {
			return -1000 * float64(min(1, t))
		}, allSame: true},
		chosen{name: "not numbers", heads: 2, n: 3000, k: 200, empty: true, score: func(*rand.Rand, int, int) float64 { return math.NaN() }})
	return cases
}

// TestChoose: the candidates with the largest votes are chosen, however the work is
// shared out.
func TestChoose(t *testing.T) {
	for _, o := range []cpudev.Options{{Workers: 1}, {Workers: 3}} {
		dev := cpudev.New(o)
		defer dev.Close()
		for i, c := range chooseCases() {
			t.Run(fmt.Sprintf("%d workers/%s, %d of %d by %d", o.Workers, c.name, c.k, c.n, c.heads), func(t *testing.T) {
				c.run(t, dev, rand.New(rand.NewPCG(1, uint64(i))))
			})
		}
	}
}

func (c chosen) run(t *testing.T, dev gpu.Device, rng *rand.Rand) {
	const lo = 16
	score, votes := make([]float32, c.heads*c.n), make([]float64, c.n)
	blocks := kernels.ChooseBlocks(c.n)
	stats := make([]float32, 2*c.heads*blocks)
	for h := range c.heads {
		of := score[h*c.n:][:c.n]
		most, sum := math.Inf(-1), 0.0
		for i := range of {
			of[i] = float32(c.score(rng, h, i))
			most = max(most, float64(of[i]))
		}
		for _, v := range of {
			sum += math.Exp(float64(v) - most)
		}
		for i, v := range of {
			votes[i] += math.Exp(float64(v)-most) / sum
		}
		for b := range blocks {
			part := of[b*c.n/blocks : (b+1)*c.n/blocks] // any parts will do
			m, s := slices.Max(part), 0.0
			for _, v := range part {
				s += math.Exp(float64(v) - float64(m))
			}
			stats[2*(h*blocks+b)], stats[2*(h*blocks+b)+1] = m, float32(s)
		}
	}
	got := c.choose(t, dev, score, stats, lo)
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != c.k || got[0] < lo || int(got[c.k-1]) >= lo+c.n {
		t.Fatalf("rows %v, expected %d in order from %d on, below %d", got, c.k, lo, lo+c.n)
	}
	if c.allSame || c.empty {
		if int(got[c.k-1]) != lo+c.k-1 {
			t.Errorf("the last row is %d, expected %d: of equal votes the first", got[c.k-1], lo+c.k-1)
		}
		return
	}
	sorted := slices.Sorted(slices.Values(votes))
	cut := sorted[c.n-c.k]
	for row, v := range votes {
		_, in := slices.BinarySearch(got, uint32(lo+row))
		if in && v < cut*(1-1e-4) && v > 1e-38 || !in && v > cut*(1+1e-4) && v > 1e-37 {
			t.Fatalf("row %d with %v votes, the cut being %v: chosen %t", lo+row, v, cut, in)
		}
	}
}

// choose records the call and reads the selection.
func (c chosen) choose(t *testing.T, dev gpu.Device, score, stats []float32, lo int) []uint32 {
	t.Helper()
	buffer := func(words int, data []float32) gpu.Range {
		b, err := dev.NewBuffer("choose", 4*words)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 0 {
			if err := dev.Write(b, 0, unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data))); err != nil {
				t.Fatal(err)
			}
		}
		return gpu.All(b)
	}
	sel := buffer(c.k, nil)
	var r gpu.Recording
	kernels.Choose(&r, buffer(len(score), score), buffer(len(stats), stats), buffer(kernels.StateBytes/4, nil),
		buffer(c.n, nil), buffer(kernels.PeakWords(c.n), nil),
		buffer(c.n, nil), buffer(c.n, nil), buffer(kernels.SomeWords(c.n), nil), sel, c.heads, c.heads, c.n, c.k, lo)
	if err := dev.Submit(&r); err != nil {
		t.Fatal(err)
	}
	raw, rows := make([]byte, 4*c.k), make([]uint32, c.k)
	if err := dev.Read(context.Background(), sel.Buffer, 0, raw); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		rows[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return rows
}
