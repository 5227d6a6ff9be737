package weights

import (
	"fmt"
	"math"
)

// The ways of scaling rotary positions that are known.
const (
	// RopeLinear divides every frequency by the factor (position interpolation,
	// arXiv 2306.15595).
	RopeLinear = "linear"
	// RopeLlama3 divides the frequencies below a band by the factor, and those within
	// it by something in between (Llama 3.1).
	RopeLlama3 = "llama3"
	// RopeYaRN does so with a band that is told in turns over the original context,
	// and multiplies cosines and sines by a factor besides (arXiv 2309.00071).
	RopeYaRN = "yarn"
)

// RopeScaling is how a model was made to take longer texts than it was first
// trained on. Its frequencies are part of what the model has learned: they hold for
// every way of attending, also where positions are assigned anew.
type RopeScaling struct {
	Type            string
	Factor          float64
	LowFreqFactor   float64 // llama3
	HighFreqFactor  float64 // llama3
	OriginalContext int     // llama3 and yarn: tokens of the texts it was first trained on
	BetaFast        float64 // yarn: turns over the original context from which a frequency is kept,
	BetaSlow        float64 // and up to which it is divided
	Attention       float64 // yarn: what cosines and sines are multiplied by
	Fractional      bool    // yarn: the ends of the band are not rounded to whole pairs
}

// The betas of YaRN's paper, section 3.2, for models of the Llama family.
const (
	yarnFast = 32
	yarnSlow = 1
)

// yarnAttention is the factor of cosines and sines that YaRN recommends for a
// scale (arXiv 2309.00071, eq. 22: sqrt(1/t)), with a multiplier of its logarithm.
func yarnAttention(scale, multiplier float64) float64 {
	if scale <= 1 {
		return 1
	}
	return 0.1*multiplier*math.Log(scale) + 1
}

// InvFreq is the angle by which a position turns each of the HeadDim/2 pairs,
// in float32 steps as transformers computes it.
func (c Config) InvFreq() []float32 {
	f := make([]float32, c.HeadDim/2)
	for i := range f {
		f[i] = 1 / float32(math.Pow(c.RopeTheta, float64(float32(2*i)/float32(c.HeadDim))))
	}
	if c.RopeScaling != nil {
		c.RopeScaling.apply(f, c.RopeTheta)
	}
	for i, divisor := range c.FreqFactors {
		f[i] /= divisor
	}
	return f
}

// RopeAttention is what the cosines and sines of all positions are multiplied by:
// 1 but with YaRN.
func (c Config) RopeAttention() float32 {
	if c.RopeScaling == nil || c.RopeScaling.Type != RopeYaRN {
		return 1
	}
	return float32(c.RopeScaling.Attention)
}

// apply scales the frequencies of all pairs.
func (s RopeScaling) apply(f []float32, theta float64) {
	for i := range f {
		switch s.Type {
		case RopeLinear:
			f[i] /= float32(s.Factor)
		case RopeLlama3:
			f[i] = s.llama3(f[i])
		}
	}
	if s.Type == RopeYaRN {
		s.yarn(f, theta)
	}
}

func (s RopeScaling) llama3(f float32) float32 {
	wave := float32(2*math.Pi) / f
	low := float32(float64(s.OriginalContext) / s.LowFreqFactor)
	high := float32(float64(s.OriginalContext) / s.HighFreqFactor)
	switch {
	case wave > low:
		return f / float32(s.Factor)
	case wave < high:
		return f
	}
	smooth := (float32(s.OriginalContext)/wave - float32(s.LowFreqFactor)) / float32(s.HighFreqFactor-s.LowFreqFactor)
	return (1-smooth)*(f/float32(s.Factor)) + smooth*f
}

// yarn blends each frequency with itself divided by the factor, by a ramp over the
// pairs (arXiv 2309.00071, eq. 17 and 18).
func (s RopeScaling) yarn(f []float32, theta float64) {
	low, high := s.band(2*len(f), theta)
	if low == high {
		high += 0.001 // a step, and no division by zero
	}
	for i := range f {
		ramp := min(1, max(0, (float32(i)-float32(low))/float32(high-low)))
		f[i] = f[i]/float32(s.Factor)*ramp + f[i]*(1-ramp)
	}
}

// band is the pairs of a head of size d between which the ramp goes: those that
// turn BetaFast and BetaSlow times over the original context.
func (s RopeScaling) band(d int, theta float64) (low, high float64) {
	pair := func(turns float64) float64 {
		return float64(d) * math.Log(float64(s.OriginalContext)/(turns*2*math.Pi)) / (2 * math.Log(theta))
	}
	low, high = pair(s.BetaFast), pair(s.BetaSlow)
	if !s.Fractional {
		low, high = math.Floor(low), math.Ceil(high)
	}
	return min(max(low, 0), float64(d)), min(high, float64(d-1))
}

// validate checks what apply relies on.
func (s RopeScaling) validate() error {
	positive := func(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
	turns := func(v float64) bool { return v >= 1e-6 && v <= 1e6 }
	switch {
	case !(s.Factor >= 1 && s.Factor <= 1e6):
		return fmt.Errorf("%s rope scaling: factor is %v, expected at least 1 and at most 1e6", s.Type, s.Factor)
	case s.Type == RopeLinear:
		return nil
	case s.OriginalContext < 1 || s.OriginalContext > maxContext:
		return fmt.Errorf("%s rope scaling: the original context is %d, expected 1 to %d", s.Type, s.OriginalContext, maxContext)
	case s.Type == RopeLlama3 && (!positive(s.LowFreqFactor) || !positive(s.HighFreqFactor) || s.LowFreqFactor >= s.HighFreqFactor):
		return fmt.Errorf("%s rope scaling: the frequency factors are %v (low) and %v (high), expected 0 < low < high", s.Type, s.LowFreqFactor, s.HighFreqFactor)
	case s.Type == RopeYaRN && (!turns(s.BetaFast) || !turns(s.BetaSlow) || s.BetaSlow > s.BetaFast):
		return fmt.Errorf("%s rope scaling: beta_fast is %v and beta_slow %v, expected 0 < slow <= fast", s.Type, s.BetaFast, s.BetaSlow)
	case s.Type == RopeYaRN && !(s.Attention >= 1e-3 && s.Attention <= 1e3):
		return fmt.Errorf("%s rope scaling: the attention factor is %v, expected 0.001 to 1000", s.Type, s.Attention)
	}
	return nil
}

// reach is the tokens that a model of context tokens takes with s: files of YaRN
// models give the original context or the scaled one.
func (s RopeScaling) reach(context int) int {
	if s.Type != RopeYaRN {
		return context
	}
	return max(context, int(min(s.Factor*float64(s.OriginalContext), maxContext)))
}
