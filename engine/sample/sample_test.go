package sample_test

import (
	"fmt"
	"math"
	"testing"

	"tokenselect/engine/sample"
)

func ExampleSampler_Next() {
	s, err := sample.New(sample.Options{}) // greedy
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Next([]float32{0.1, 2.5, -1}))
	// Output: 1
}

func draw(t *testing.T, o sample.Options, logits []float32, n int) []float64 {
	t.Helper()
	s, err := sample.New(o)
	if err != nil {
		t.Fatal(err)
	}
	share := make([]float64, len(logits))
	for range n {
		share[s.Next(logits)] += 1 / float64(n)
	}
	return share
}

// TestDistribution draws many tokens and compares their shares with the
// probabilities that the options call for.
func TestDistribution(t *testing.T) {
	logits := []float32{1, 3, 2, float32(math.Inf(-1)), 0}
	softmax := func(temperature float64, keep ...int) []float64 {
		p, sum := make([]float64, len(logits)), 0.0
		for _, i := range keep {
			p[i] = math.Exp(float64(logits[i]) / temperature)
			sum += p[i]
		}
		for i := range p {
			p[i] /= sum
		}
		return p
	}
	for _, c := range []struct {
		name string
		opt  sample.Options
		want []float64
	}{
		{"greedy", sample.Options{}, []float64{0, 1, 0, 0, 0}},
		{"plain", sample.Options{Temperature: 1, Seed: 1}, softmax(1, 0, 1, 2, 4)},
		{"warm", sample.Options{Temperature: 2.5, Seed: 2}, softmax(2.5, 0, 1, 2, 4)},
		{"top 2", sample.Options{Temperature: 1, TopK: 2, Seed: 3}, softmax(1, 1, 2)},
		// 3 alone has 0.64, 3 and 2 together 0.88.
		{"top-p 0.6", sample.Options{Temperature: 1, TopP: 0.6, Seed: 4}, softmax(1, 1)},
		{"top-p 0.7", sample.Options{Temperature: 1, TopP: 0.7, Seed: 5}, softmax(1, 1, 2)},
	} {
		got := draw(t, c.opt, logits, 20000)
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 0.015 {
				t.Errorf("%s: token %d drawn %.3f of the time, expected %.3f", c.name, i, got[i], c.want[i])
			}
		}
	}
}

func TestPenalty(t *testing.T) {
	s, err := sample.New(sample.Options{Penalty: 2})
	if err != nil {
		t.Fatal(err)
	}
	s.Saw(3)
	var got []int
	for range 4 {
		got = append(got, s.Next([]float32{4, 3, -1, 5}))
	}
	// 3 counts 2.5, so 0 comes first; then it counts 2, and 1 has 3; then 1
	// counts 1.5 and 3 is the largest with 2.5.
	if fmt.Sprint(got) != "[0 1 3 3]" {
		t.Errorf("picked %v, expected [0 1 3 3]", got)
	}
}

// TestAmong: only tokens of the set are picked, whatever the others' logits and
// those of the set are.
func TestAmong(t *testing.T) {
	nan, low := float32(math.NaN()), float32(math.Inf(-1))
	logits := make([]float32, 130)
	for i := range logits {
		logits[i] = 9
	}
	logits[1], logits[70], logits[71] = 2, 3, nan
	set := []uint64{1 << 1, 1<<(70-64) | 1<<(71-64)} // 1, 70, 71; ids from 128 on are beyond it
	for _, o := range []sample.Options{{}, {Penalty: 1.5}, {Temperature: 1, TopK: 1}, {Temperature: 0.1, TopP: 0.5}} {
		s, _ := sample.New(o)
		if id := s.Among(logits, set); id != 70 {
			t.Errorf("%+v: picked %d, expected 70", o, id)
		}
	}
	logits[1], logits[70] = low, nan
	for _, o := range []sample.Options{{}, {Temperature: 1}} {
		s, _ := sample.New(o)
		if id := s.Among(logits, set); id != 1 {
			t.Errorf("%+v, nothing likely in the set: picked %d, expected its first, 1", o, id)
		}
	}
}

func TestSeedAndTies(t *testing.T) {
	flat := make([]float32, 50)
	a, _ := sample.New(sample.Options{Temperature: 1, Seed: 7})
	b, _ := sample.New(sample.Options{Temperature: 1, Seed: 7})
	other, _ := sample.New(sample.Options{Temperature: 1, Seed: 8})
	same := 0
	for range 100 {
		x := a.Next(flat)
		if y := b.Next(flat); x != y {
			t.Fatalf("one seed gave %d and %d", x, y)
		}
		if x == other.Next(flat) {
			same++
		}
	}
	if same > 20 {
		t.Errorf("two seeds agreed %d times of 100", same)
	}
	for _, o := range []sample.Options{{}, {Temperature: 1, TopK: 1}} {
		s, _ := sample.New(o)
		if id := s.Next(flat); id != 0 {
			t.Errorf("all equal, %+v: picked %d, expected 0", o, id)
		}
	}
	nan := []float32{float32(math.NaN()), -5, float32(math.NaN())}
	for _, o := range []sample.Options{{}, {Temperature: 1}} {
		s, _ := sample.New(o)
		if id := s.Next(nan); id != 1 {
			t.Errorf("NaN around it, %+v: picked %d, expected 1", o, id)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, o := range []sample.Options{
		{Temperature: -1}, {Temperature: math.NaN()}, {Temperature: math.Inf(1)}, {TopK: -1},
		{TopP: 1.5}, {TopP: math.NaN()}, {Penalty: -2}, {Penalty: math.NaN()},
	} {
		if _, err := sample.New(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
