package gputest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"

	"tokenselect/engine/kernels"
)

func init() { register(fuzzCases) }

// fuzzEach is the number of random cases of each generator, unless
// TOKENSELECT_FUZZ says another.
const fuzzEach = 3

// fuzzCases are cases of random shapes, the same on every run of one
// TOKENSELECT_FUZZ_SEED (1 by default): a kernel's case n is drawn as soon as
// TOKENSELECT_FUZZ exceeds n. A case's name has its shape, so that it can become
// a case of the table.
func fuzzCases() (cases []Case) {
	each, seed := number("TOKENSELECT_FUZZ", fuzzEach), number("TOKENSELECT_FUZZ_SEED", 1)
	for _, g := range generators {
		h := fnv.New64a()
		h.Write([]byte(g.name))
		d := draw{rand.New(rand.NewPCG(uint64(seed), h.Sum64()))}
		for i := range each {
			c := g.make(d)
			c.Name = fmt.Sprintf("fuzz %s, seed %d, %d: %s", g.name, seed, i, c.Name)
			cases = append(cases, c)
		}
	}
	return cases
}

// number is what an environment variable says, 0 or more.
func number(name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		panic(fmt.Sprintf("%s=%s, expected a number from 0 on", name, text))
	}
	return n
}

// draw draws shapes.
type draw struct{ *rand.Rand }

// edges are sizes at which kernels go from one workgroup, lane or tile to two.
var edges = []int{1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513,
	1023, 1024, 1025, 2047, 2048, 2049, 4095, 4096, 4097, 8191, 8192, 8193}

// size is from 1 to most, an edge more often than not.
func (d draw) size(most int) int {
	if d.IntN(3) > 0 {
		end, _ := slices.BinarySearch(edges, most+1)
		return edges[d.IntN(end)]
	}
	return 1 + d.IntN(most)
}

// upTo is from 0 to most.
func (d draw) upTo(most int) int {
	if most == 0 || d.IntN(4) == 0 {
		return 0
	}
	return d.size(most)
}

func (d draw) one(of ...int) int { return of[d.IntN(len(of))] }

// head is a head size that the kernels take.
func (d draw) head() int {
	if d.IntN(2) == 0 {
		return d.one(64, 128)
	}
	return 8 * (1 + d.IntN(16))
}

func (d draw) cache() kernels.CacheType {
	return []kernels.CacheType{kernels.CacheF16, kernels.CacheF32}[d.IntN(2)]
}

func (d draw) pattern(of []pattern) pattern { return of[d.IntN(len(of))] }

// matrix has at most values values.
func (d draw) matrix(kind kernels.WeightType, values int) matrix {
	cols := d.size(min(4096, values))
	if inBlocks(kind) {
		cols = (cols + 31) / 32 * 32
	}
	m := matrix{kind: kind, rows: d.size(max(1, min(2048, values/cols))), cols: cols}
	m.shards = []int{m.rows}
	if m.rows > 1 && d.IntN(3) == 0 {
		first := 1 + d.IntN(m.rows-1)
		m.shards = []int{first, m.rows - first}
	}
	return m
}

// attended is what attention over n rows, the last c of them new, may attend to:
// everything, or some selected rows of those in between.
func (d draw) attended(n, c int) (a kernels.Attended, mid int) {
	past := n - c
	switch d.IntN(4) {
	case 0:
		return kernels.Attended{NLocal: past}, 0
	case 1:
		a.NInit = d.upTo(past)
		a.NLocal = d.upTo(past - a.NInit)
		return a, 0
	}
	a.NInit = d.upTo(past / 3)
	a.NLocal = d.upTo(past / 3)
	a.UseMid = true
	a.MaxMid = d.upTo(past - a.NInit - a.NLocal)
	return a, d.upTo(a.MaxMid)
}
