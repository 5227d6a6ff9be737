package record

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
)

// Recorder looks at the steps of one sequence, one after the other.
type Recorder struct {
	*Watcher
	opt    Options
	angles *angles
	last   [][]float32 // queries of the step before
}

// New records what a selector's layers do; the selector stays its owner's. It goes
// in the selector's place.
func New(dev gpu.Device, sel *selection.Selector, s selection.Shape, o Options) (*Recorder, error) {
	if err := o.Fits(s); err != nil {
		return nil, err
	}
	w, err := Watch(dev, sel, s, o.Votes)
	if err != nil {
		return nil, err
	}
	return &Recorder{Watcher: w, opt: o, angles: newAngles(s), last: make([][]float32, s.Layers)}, nil
}

// Fits says what o asks for that a model of that shape does not have.
func (o Options) Fits(s selection.Shape) error {
	for _, h := range o.Scores {
		if h.Layer < 0 || h.Layer >= s.Layers || h.Head < 0 || h.Head >= s.Heads {
			return fmt.Errorf("record: scores of layer %d, head %d, expected layers 0 to %d and heads 0 to %d", h.Layer, h.Head, s.Layers-1, s.Heads-1)
		}
	}
	return nil
}

// Step is what the layers did in the last step. It waits for the device, and for as
// long as it takes to compute what dense attention would have done where that is
// asked for.
func (r *Recorder) Step(ctx context.Context) ([]Layer, error) {
	layers := make([]Layer, r.shape.Layers)
	keys := r.opt.Mass || r.opt.Heads > 0 || len(r.opt.Scores) > 0
	err := r.Look(ctx, keys, func(i int, s *Step) error {
		r.layer(i, s, &layers[i])
		return nil
	})
	return layers, err
}

func (r *Recorder) layer(i int, s *Step, l *Layer) {
	cfg := r.Config()
	if r.opt.Votes {
		if s.Scores != nil {
			l.elect(s.Scores, r.shape.Heads, cfg.Pool/2, s.Lo, cfg.K, s.Chosen.Rows)
		}
	}
	if r.last[i] != nil {
		l.Turn = Cosine(s.Query, r.last[i])
	}
	r.last[i] = s.Query
	if r.opt.Mass {
		r.mass(s, l)
	}
	if r.opt.Heads > 0 && s.places {
		r.heaviest(s, l)
	}
	var near [][]float32
	for _, h := range r.opt.Scores {
		if h.Layer != i {
			continue
		}
		if near == nil {
			near = toAll(s, r.shape, r.angles, cfg.NLocal)
		}
		l.Scores = append(l.Scores, HeadScores{h.Head, near[h.Head]})
	}
}

// regions is where the first rows end and the local ones begin, as a step tells it.
func regions(cfg selection.Config, s *Step) (first, local int) {
	near := cfg.NLocal
	if cfg.Policy == selection.Window {
		near += cfg.K // the same budget, all of it recent
	}
	local = max(0, s.N-s.C-near)
	return min(cfg.NInit, local), local
}

func (r *Recorder) mass(s *Step, l *Layer) {
	cfg := r.Config()
	far, near := toAll(s, r.shape, r.angles, s.N-1), toAll(s, r.shape, r.angles, cfg.NLocal)
	softmax(far)
	softmax(near)
	first, local := regions(cfg, s)
	group := r.shape.Heads / len(s.Lists) // heads of a list
	for h := range r.shape.Heads {
		rows := s.Lists[h/group].Rows
		var parts [3]float64
		for _, t := range rows {
			switch {
			case t < first:
				parts[0] += float64(far[h][t])
			case t < local:
				parts[1] += float64(far[h][t])
			default:
				parts[2] += float64(far[h][t])
			}
		}
		l.Mass = append(l.Mass, Mass{float32(parts[0]), float32(parts[1]), float32(parts[2]), float32(max(0, 1-parts[0]-parts[1]-parts[2]))})
		l.Near = append(l.Near, float32(Recall(near[h], rows)))
	}
	l.Overlap = -1
	lo, hi := cfg.NInit, s.N-s.C-cfg.NLocal
	if hi-lo <= cfg.K {
		return
	}
	l.Blocks = map[int]float32{}
	for _, size := range BlockSizes {
		l.Blocks[size] = float32(Blocks(near, lo, hi, cfg.K, size))
	}
	if len(s.Lists[0].Mid) > 0 {
		l.Overlap = 0
		for j, list := range s.Lists {
			l.Overlap += Jaccard(list.Mid, Best(near[j*group:][:group], lo, hi, cfg.K)) / float64(len(s.Lists))
		}
	}
}

// heaviest finds the rows with the most weight.
func (r *Recorder) heaviest(s *Step, l *Layer) {
	rows := s.Lists[0].Rows
	weights := toList(s, r.shape, r.angles, rows)
	softmax(weights)
	first, local := regions(r.Config(), s)
	from, _ := slices.BinarySearch(rows, first)
	to, _ := slices.BinarySearch(rows, local)
	for _, w := range weights {
		mid := make([]float64, to-from)
		for i := range mid {
			mid[i] = float64(w[from+i])
		}
		places := best(mid, r.opt.Heads)
		slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(mid[b], mid[a]) })
		top, heavy := make([]int, len(places)), make([]float32, len(places))
		for i, p := range places {
			top[i], heavy[i] = rows[from+p], w[from+p]
		}
		l.Top, l.Weights = append(l.Top, top), append(l.Weights, heavy)
	}
}

// Recalled is the share of dense attention's mass that was attended to, mean of the
// heads of all layers.
func Recalled(layers []Layer) float64 {
	sum, n := 0.0, 0
	for _, l := range layers {
		for _, m := range l.Mass {
			sum += 1 - float64(m.Rest)
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}
