// Package stat is the statistics of comparing policies on the same cases:
// intervals and paired tests. What is drawn at random is drawn from a fixed seed,
// so that a report says the same each time.
package stat

import (
	"math"
	"math/rand/v2"
	"slices"
)

// rounds is how often resampling draws.
const rounds = 10000

// Mean is the average, 0 of nothing.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	if len(values) == 0 {
		return 0
	}
	return sum / float64(len(values))
}

// Median is the middle value, the upper of two, 0 of nothing.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// Wilson is the 95 % interval of a proportion by Wilson's score method. mean may
// also be the mean of values between 0 and 1: their variance is never more than
// that of a proportion, so the interval is at least as wide as need be.
func Wilson(mean float64, n int) (lo, hi float64) {
	if n == 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	f := float64(n)
	centre := mean + z*z/(2*f)
	half := z * math.Sqrt(mean*(1-mean)/f+z*z/(4*f*f))
	scale := 1 + z*z/f
	return max(0, (centre-half)/scale), min(1, (centre+half)/scale)
}

// McNemar is the exact two-sided test of paired outcomes that are right or wrong:
// how likely a split of the pairs that differ, at least as uneven as a against b,
// is where neither side is better.
func McNemar(a, b int) (p float64) {
	n := a + b
	logHalf := float64(n) * math.Log(0.5)
	choose := func(k int) float64 {
		top, _ := math.Lgamma(float64(n + 1))
		x, _ := math.Lgamma(float64(k + 1))
		y, _ := math.Lgamma(float64(n - k + 1))
		return top - x - y
	}
	for k := 0; k <= min(a, b); k++ {
		p += math.Exp(choose(k) + logHalf)
	}
	return min(1, 2*p)
}

// Strata are paired differences in groups of which each counts alike, whatever its
// size: the tasks of a comparison.
type Strata [][]float64

// Mean is the mean of the groups' means. Empty groups do not count.
func (s Strata) Mean() float64 {
	var means []float64
	for _, g := range s {
		if len(g) > 0 {
			means = append(means, Mean(g))
		}
	}
	return Mean(means)
}

// rng is the same for the same strata sizes.
func rng() *rand.Rand { return rand.New(rand.NewPCG(14, 95)) }

// Permutation is the two-sided test of whether the mean of s is 0: how often it is
// at least as far from 0 when each pair is swapped or not by the toss of a coin,
// which changes nothing where neither side is better.
func (s Strata) Permutation() (p float64) {
	r, observed, extreme := rng(), math.Abs(s.Mean()), 0
	groups := 0
	for _, g := range s {
		if len(g) > 0 {
			groups++
		}
	}
	if groups == 0 || observed == 0 {
		return 1
	}
	for range rounds {
		mean := 0.0
		for _, g := range s {
			sum := 0.0
			for _, d := range g {
				if d == 0 {
					continue
				}
				if r.Uint64()&1 == 0 {
					d = -d
				}
				sum += d
			}
			if len(g) > 0 {
				mean += sum / float64(len(g))
			}
		}
		if math.Abs(mean/float64(groups)) >= observed-1e-12 {
			extreme++
		}
	}
	return float64(extreme+1) / float64(rounds+1)
}

// Bootstrap is the 95 % interval of the mean of s by percentiles, cases drawn anew
// within each group. Drawn from n values, means spread less than those of n new
// cases would by sqrt(n/(n-1)), which matters where groups are small: they are
// spread by as much.
func (s Strata) Bootstrap() (lo, hi float64) {
	r := rng()
	var groups Strata
	for _, g := range s {
		if len(g) > 0 {
			groups = append(groups, g)
		}
	}
	if len(groups) == 0 {
		return 0, 0
	}
	centre := groups.Mean()
	means := make([]float64, rounds)
	for i := range means {
		off := 0.0
		for _, g := range groups {
			sum, n := 0.0, float64(len(g))
			for range g {
				sum += g[r.IntN(len(g))]
			}
			off += (sum/n - Mean(g)) * math.Sqrt(n/max(1, n-1))
		}
		means[i] = centre + off/float64(len(groups))
	}
	slices.Sort(means)
	return means[rounds*25/1000], means[rounds*975/1000-1]
}
