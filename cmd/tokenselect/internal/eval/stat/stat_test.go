package stat

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: %.6f, expected %.6f", what, got, want)
	}
}

func TestMedian(t *testing.T) {
	near(t, "of three", Median([]float64{9, 1, 2}), 2, 0)
	near(t, "of two", Median([]float64{9, 1}), 9, 0)
	near(t, "of nothing", Median(nil), 0, 0)
	near(t, "mean", Mean([]float64{9, 1, 2}), 4, 0)
	near(t, "mean of nothing", Mean(nil), 0, 0)
}

// TestWilson against values worked out by hand.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		mean   float64
		n      int
		lo, hi float64
	}{{0.5, 10, 0.2366, 0.7634}, {1, 10, 0.7225, 1}, {0, 10, 0, 0.2775}, {0.9, 50, 0.7864, 0.9565}} {
		lo, hi := Wilson(c.mean, c.n)
		near(t, "lo", lo, c.lo, 1e-4)
		near(t, "hi", hi, c.hi, 1e-4)
	}
	if lo, hi := Wilson(0, 0); lo != 0 || hi != 1 {
		t.Errorf("of nothing %g to %g, expected 0 to 1", lo, hi)
	}
}

// TestMcNemar against sums of binomial coefficients: 2 (C(10,0)+C(10,1)) / 2^10 and
// so on.
func TestMcNemar(t *testing.T) {
	near(t, "1 of 10", McNemar(1, 9), 22.0/1024, 1e-12)
	near(t, "9 of 10", McNemar(9, 1), 22.0/1024, 1e-12)
	near(t, "0 of 6", McNemar(0, 6), 2.0/64, 1e-12)
	near(t, "5 of 10", McNemar(5, 5), 1, 1e-12)
	near(t, "none", McNemar(0, 0), 1, 1e-12)
	near(t, "0 of 2000", McNemar(0, 2000), 0, 1e-300)
}

func TestPermutation(t *testing.T) {
	// Right or wrong in one group: the exact test's value.
	var one []float64
	for i := range 30 {
		one = append(one, []float64{0, 1, 0}[i%3])
	}
	one[0] = -1
	near(t, "1 of 11", Strata{one}.Permutation(), McNemar(1, 10), 0.003)
	if p := (Strata{{0, 0}, nil}).Permutation(); p != 1 {
		t.Errorf("no difference: p %g", p)
	}
	if p := (Strata{{1, -1, 1, -1}, {0.5, -0.5}}).Permutation(); p != 1 {
		t.Errorf("differences that cancel: p %g", p)
	}
	// All of eight pairs of two groups differ alike: of the 2^8 signs two are as far.
	near(t, "eight alike", Strata{{1, 1, 1, 1}, {1, 1, 1, 1}}.Permutation(), 2.0/256, 0.003)
}

func TestStrata(t *testing.T) {
	s := Strata{{1, 1, 1, 1}, {0}, nil}
	near(t, "mean", s.Mean(), 0.5, 0)
	if lo, hi := s.Bootstrap(); math.Abs(lo-0.5) > 1e-12 || math.Abs(hi-0.5) > 1e-12 {
		t.Errorf("without spread %g to %g, expected 0.5", lo, hi)
	}
	// The mean of n tosses of 0 and 1 spreads by 0.5/sqrt(n).
	var coin []float64
	for i := range 400 {
		coin = append(coin, float64(i%2))
	}
	lo, hi := Strata{coin}.Bootstrap()
	near(t, "lo", lo, 0.5-1.96*0.025, 0.006)
	near(t, "hi", hi, 0.5+1.96*0.025, 0.006)
	a, b := Strata{coin}.Bootstrap()
	if a != lo || b != hi {
		t.Error("one input gave two intervals")
	}
	if lo, hi := (Strata{}).Bootstrap(); lo != 0 || hi != 0 {
		t.Errorf("of nothing %g to %g", lo, hi)
	}
}
