package kernels_test

import (
	"cmp"
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
	half           int
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

// TestChoosePooled: what is chosen is exactly the k largest of the soft votes' maxima
// in windows, of equal ones the lower rows.
func TestChoosePooled(t *testing.T) {
	far := func(rng *rand.Rand, _, _ int) float64 { return rng.NormFloat64() * 6 }
	ties := func(rng *rand.Rand, _, t int) float64 { return float64(t * t % 7) } // the same in every head
	// High ones beside every border of what vote_some takes at once.
	borders := func(rng *rand.Rand, _, t int) float64 {
		return far(rng, 0, 0) + 30*float64(max(0, 3-min(t%16384, 16384-t%16384)))
	}
	var cases []chosen
	for _, half := range []int{0, 1, 2, kernels.MaxHalf} {
		for name, score := range map[string]func(rng *rand.Rand, h, t int) float64{"scores of 6": far, "ties": ties, "borders": borders,
			"equal":       func(*rand.Rand, int, int) float64 { return 3 },
			"one of them": func(_ *rand.Rand, _, t int) float64 { return -1000 * float64(min(1, max(t-60, 60-t))) },
			"not numbers": func(*rand.Rand, int, int) float64 { return math.NaN() }} {
			for _, c := range [][3]int{{1, 1, 1}, {3, 5, 2}, {4, 9, 9}, {8, 700, 512}, {3, 70, 70}, {9, 5000, 40}, {4, 50000, 300}} {
				cases = append(cases, chosen{name: name, heads: c[0], n: c[1], k: c[2], half: half, score: score})
			}
		}
	}
	dev := cpudev.New(cpudev.Options{Workers: 3})
	defer dev.Close()
	for i, c := range cases {
		t.Run(fmt.Sprintf("%s, %d of %d by %d, %d to each side", c.name, c.k, c.n, c.heads, c.half), func(t *testing.T) {
			const lo = 16
			score, stats := c.scores(rand.New(rand.NewPCG(2, uint64(i))))
			votes := c.votes(t, dev, score, stats)
			pooled, order := make([]float32, c.n), make([]int, c.n)
			for i := range pooled {
				order[i] = i
				pooled[i] = slices.Max(votes[max(0, i-c.half):min(c.n, i+c.half+1)])
			}
			slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(pooled[b], pooled[a]) })
			want := make([]uint32, c.k)
			for i, row := range order[:c.k] {
				want[i] = uint32(lo + row)
			}
			slices.Sort(want)
			if got := c.choose(t, dev, score, stats, lo); !slices.Equal(got, want) {
				t.Errorf("rows %v, expected %v", got, want)
			}
		})
	}
}

// scores are those of the case and their stats, of which every block of a head has the
// largest score of all of them: so sums come out the same however they are merged.
func (c chosen) scores(rng *rand.Rand) (score, stats []float32) {
	blocks := kernels.ChooseBlocks(c.n)
	score, stats = make([]float32, c.heads*c.n), make([]float32, 2*c.heads*blocks)
	for h := range c.heads {
		of := score[h*c.n:][:c.n]
		for i := range of {
			of[i] = float32(c.score(rng, h, i))
		}
		most := slices.Max(of)
		for b := range blocks {
			sum := 0.0
			for _, v := range of[b*c.n/blocks : (b+1)*c.n/blocks] {
				sum += math.Exp(float64(v) - float64(most))
			}
			stats[2*(h*blocks+b)], stats[2*(h*blocks+b)+1] = most, float32(sum)
		}
	}
	return score, stats
}

// votes are the soft votes of all candidates.
func (c chosen) votes(t *testing.T, dev gpu.Device, score, stats []float32) []float32 {
	t.Helper()
	vote := buffer(t, dev, c.n, nil)
	var r gpu.Recording
	kernels.SoftVote(&r, buffer(t, dev, len(score), score), buffer(t, dev, len(stats), stats), buffer(t, dev, kernels.StateBytes/4, nil), vote,
		c.heads, c.n, kernels.ChooseBlocks(c.n))
	votes := make([]float32, c.n)
	for i, v := range submitted(t, dev, &r, vote) {
		votes[i] = math.Float32frombits(v)
	}
	return votes
}

// choose records the call and reads the selection.
func (c chosen) choose(t *testing.T, dev gpu.Device, score, stats []float32, lo int) []uint32 {
	t.Helper()
	words := func(n int) gpu.Range { return buffer(t, dev, n, nil) }
	sel := words(c.k)
	var r gpu.Recording
	kernels.Choose(&r, buffer(t, dev, len(score), score), buffer(t, dev, len(stats), stats), words(kernels.StateBytes/4),
		words(c.n), words(kernels.PeakWords(c.n)), words(c.n), words(c.n), words(kernels.SomeWords(c.n)), sel,
		c.heads, c.heads, c.n, c.k, lo, c.half)
	return submitted(t, dev, &r, sel)
}

// buffer is one of so many words, with data if there are any.
func buffer(t *testing.T, dev gpu.Device, words int, data []float32) gpu.Range {
	t.Helper()
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

// submitted is what a recording leaves in a buffer.
func submitted(t *testing.T, dev gpu.Device, r *gpu.Recording, of gpu.Range) []uint32 {
	t.Helper()
	if err := dev.Submit(r); err != nil {
		t.Fatal(err)
	}
	raw, words := make([]byte, of.Size), make([]uint32, of.Size/4)
	if err := dev.Read(context.Background(), of.Buffer, 0, raw); err != nil {
		t.Fatal(err)
	}
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return words
}
