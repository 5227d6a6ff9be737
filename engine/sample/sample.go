// Package sample picks the next token from logits.
package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Options say how to pick. The zero value is greedy: the most likely token.
type Options struct {
	Temperature float64 // 0: greedy; else the logits are divided by it
	TopK        int     // only the K most likely tokens; 0: all
	TopP        float64 // only the most likely tokens that together reach this probability; 0 or 1: all
	Penalty     float64 // of tokens that occurred before: positive logits are divided by it, negative ones multiplied; 0 or 1: none
	Seed        uint64  // of the random numbers
}

// Greedy tells whether the options come to taking the largest logit.
func (o Options) Greedy() bool {
	return o.Temperature == 0 && (o.Penalty == 0 || o.Penalty == 1)
}

// Validate says what is wrong with o, naming the field.
func (o Options) Validate() error {
	switch {
	case !(o.Temperature >= 0) || math.IsInf(o.Temperature, 0):
		return fmt.Errorf("sample: temperature is %v, expected 0 or more", o.Temperature)
	case o.TopK < 0:
		return fmt.Errorf("sample: top-k is %d, expected 0 (all) or more", o.TopK)
	case !(o.TopP >= 0) || o.TopP > 1:
		return fmt.Errorf("sample: top-p is %v, expected 0 to 1", o.TopP)
	case o.Penalty != 0 && (!(o.Penalty > 0) || math.IsInf(o.Penalty, 0)):
		return fmt.Errorf("sample: repetition penalty is %v, expected more than 0", o.Penalty)
	}
	return nil
}

// Sampler picks tokens by its options, reproducibly for a seed.
type Sampler struct {
	opt  Options
	rng  *rand.Rand
	list []candidate
	seen map[int]bool
}

type candidate struct {
	id    int
	logit float64
}

// New makes a sampler.
func New(o Options) (*Sampler, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Sampler{opt: o, rng: rand.New(rand.NewPCG(o.Seed, 0)), seen: map[int]bool{}}, nil
}

// Saw tells the sampler of a token that occurred: of the prompt, or picked by
// someone else. Next counts its own picks itself.
func (s *Sampler) Saw(id int) {
	if s.opt.Penalty != 0 && s.opt.Penalty != 1 {
		s.seen[id] = true
	}
}

// Took tells the sampler of a token that it picked in another life, so that its
// random numbers go on from there.
func (s *Sampler) Took(id int) {
	if s.opt.Temperature != 0 {
		s.rng.Float64()
	}
	s.Saw(id)
}

// Next picks a token. Equal logits are ranked by id, lowest first; NaN is never
// picked while there is anything else.
func (s *Sampler) Next(logits []float32) int { return s.Among(logits, nil) }

// Among is Next from the tokens of a set only: bit id%64 of word id/64, at least
// one of them set; ids beyond its words are not in it. Nil is all.
func (s *Sampler) Among(logits []float32, set []uint64) int {
	s.list = s.list[:0]
	for id, l := range logits {
		if set != nil && (id>>6 >= len(set) || set[id>>6]>>(id&63)&1 == 0) {
			continue
		}
		v := float64(l)
		if v != v {
			v = math.Inf(-1)
		}
		if s.seen[id] {
			if v > 0 {
				v /= s.opt.Penalty
			} else {
				v *= s.opt.Penalty
			}
		}
		s.list = append(s.list, candidate{id, v})
	}
	id := s.pick()
	s.Saw(id)
	return id
}

func (s *Sampler) pick() int {
	if s.opt.Temperature == 0 {
		best := s.list[0]
		for _, c := range s.list {
			if c.logit > best.logit {
				best = c
			}
		}
		return best.id
	}
	slices.SortFunc(s.list, func(a, b candidate) int {
		switch {
		case a.logit > b.logit:
			return -1
		case a.logit < b.logit:
			return 1
		}
		return a.id - b.id
	})
	list := s.list
	if s.opt.TopK > 0 && s.opt.TopK < len(list) {
		list = list[:s.opt.TopK]
	}
	top, sum := list[0].logit, 0.0
	weight := func(c candidate) float64 { return math.Exp((c.logit - top) / s.opt.Temperature) }
	if math.IsInf(top, -1) { // nothing can be told apart
		return list[0].id
	}
	for _, c := range list {
		sum += weight(c)
	}
	if s.opt.TopP > 0 && s.opt.TopP < 1 {
		reached := 0.0
		for i, c := range list {
			if reached += weight(c); reached >= s.opt.TopP*sum {
				list, sum = list[:i+1], reached
				break
			}
		}
	}
	at := s.rng.Float64() * sum
	for _, c := range list {
		if at -= weight(c); at < 0 {
			return c.id
		}
	}
	return list[len(list)-1].id
}
