// Package record looks at what the layers of a step did: which rows they voted
// for and attended to, where the mass of dense attention lies, what single heads
// look at. A Watcher in the place of a selector keeps copies of queries and scores
// on the device, and changes nothing of what is computed; what is made of them is
// computed on the host, after the step.
package record

import (
	"fmt"
	"math"

	"tokenselect/engine/selection"
	"tokenselect/engine/trace"
)

// Options say what is looked at.
type Options struct {
	trace.Record

	// Seen, if not nil, is called with each layer and, with Record.Mass, the weights
	// of dense attention at distances cut to n_local, [heads][n]: for those who
	// measure more.
	Seen func(layer int, s *Step, near [][]float32)
}

// Fits says what o asks for that a model of that shape does not have.
func (o *Options) Fits(s selection.Shape) error {
	for _, h := range o.Scores {
		if h.Layer >= s.Layers || h.Head >= s.Heads {
			return fmt.Errorf("record: scores of layer %d, head %d, expected layers 0 to %d and heads 0 to %d", h.Layer, h.Head, s.Layers-1, s.Heads-1)
		}
	}
	return o.Check()
}

// Recalled is the share of dense attention's mass that was attended to, mean of the
// heads of all layers.
func Recalled(layers []trace.Layer) float64 {
	sum, n := 0.0, 0
	for _, l := range layers {
		for _, m := range l.Mass {
			sum += 1 - float64(m[3])
			n++
		}
	}
	return sum / float64(max(1, n))
}

// share is v in ten thousandths: digits that mean nothing take room in a recording.
func share(v float64) float32 { return float32(math.Round(v*1e4) / 1e4) }
