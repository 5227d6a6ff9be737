package record

import (
	"context"
	"math"

	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
	"tokenselect/engine/trace"
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

// Step fills in what was recorded of the last step. Of one that read a chunk of a
// prompt it is what the chunk's last token did, by which the next one is found; votes
// are the whole chunk's. It waits for the device, and takes as long as dense
// attention would on the host where its mass is asked for.
func (r *Recorder) Step(ctx context.Context, layers []trace.Layer) error {
	o := &r.opt
	keys := o.Mass || o.Heads > 0 || len(o.Scores) > 0
	return r.Look(ctx, keys, func(i int, s *Step) {
		l, cfg := &layers[i], r.Config()
		if r.last[i] != nil {
			l.Turn = share(Cosine(s.Query, r.last[i]))
		}
		r.last[i] = s.Query
		if s.Scores != nil {
			elect(l, s, r.shape.Heads, cfg.Pool/2, cfg.K)
		}
		if o.Heads > 0 && s.places {
			r.heaviest(s, l)
		}
		var near [][]float32
		if keys {
			near = r.toAll(s, cfg.NLocal)
		}
		for _, h := range o.Scores {
			if h.Layer == i {
				l.Scores = append(l.Scores, scores(h.Head, near[h.Head]))
				r.product(s, &l.Scores[len(l.Scores)-1], near[h.Head])
			}
		}
		if o.Mass {
			s.slide(near)
			softmax(near)
			r.mass(s, l, near)
		}
		if o.Seen != nil {
			o.Seen(i, s, near)
		}
	})
}

// slide takes from logits what a layer's sliding window hides: dense attention of such
// a layer does not look there either.
func (s *Step) slide(heads [][]float32) {
	if s.window == 0 {
		return
	}
	for _, logits := range heads {
		for t := range max(0, s.N-s.window) {
			logits[t] = float32(math.Inf(-1))
		}
	}
}

// regions is where the first rows end and the local ones begin, as a step tells it.
func (r *Recorder) regions(s *Step) (first, local int) {
	cfg := r.Config()
	local = max(0, s.N-s.C-cfg.Recent())
	return min(cfg.NInit, local), local
}

// mass shares out dense attention.
func (r *Recorder) mass(s *Step, l *trace.Layer, near [][]float32) {
	cfg, heads := r.Config(), r.shape.Heads
	far := r.toAll(s, s.N-1)
	s.slide(far)
	softmax(far)
	first, local := r.regions(s)
	if s.window > 0 { // all of it is local
		first, local = 0, 0
	}
	kind := make([]uint8, s.N) // of each row the place of its share
	for h := range heads {
		if h%(heads/len(s.Lists)) == 0 {
			for t := range kind {
				kind[t] = 3
			}
			for _, t := range s.Lists[h*len(s.Lists)/heads].Rows {
				switch {
				case t < first:
					kind[t] = 0
				case t < local:
					kind[t] = 1
				default:
					kind[t] = 2
				}
			}
		}
		var true, cut [4]float64
		for t, k := range kind {
			true[k] += float64(far[h][t])
			cut[k] += float64(near[h][t])
		}
		l.Mass = append(l.Mass, []float32{share(true[0]), share(true[1]), share(true[2]), share(true[3])})
		l.Near = append(l.Near, share(1-cut[3]))
	}
	if lo, hi := cfg.NInit, s.N-s.C-cfg.NLocal; hi-lo > cfg.K && s.window == 0 {
		l.Blocks = &trace.Blocks{}
		for i, size := range trace.BlockSizes {
			l.Blocks[i] = share(BestBlocks(near, lo, hi, cfg.K, size))
		}
	}
}

// heaviest finds the rows with the most weight.
func (r *Recorder) heaviest(s *Step, l *trace.Layer) {
	rows := s.Lists[0].Rows
	weights := r.toList(s, rows)
	softmax(weights)
	first, local := r.regions(s)
	from, to := 0, len(rows)
	for from < to && rows[from] < first {
		from++
	}
	for to > from && rows[to-1] >= local {
		to--
	}
	for _, w := range weights {
		w = w[from:to]
		top := Largest(w, r.opt.Heads)
		for i, p := range top {
			l.Weights = append(l.Weights, trace.Log8(float64(w[p])))
			top[i] = rows[from+p]
		}
		l.Top = append(l.Top, top)
	}
}

// scores is a head's scores on a scale from the least to the greatest.
func scores(head int, values []float32) trace.Scores {
	lo, hi := values[0], values[0]
	for _, v := range values {
		lo, hi = min(lo, v), max(hi, v)
	}
	s := trace.Scores{Head: head, Lo: float64(lo), Hi: float64(hi), Values: make([]byte, len(values))}
	if hi > lo {
		for i, v := range values {
			s.Values[i] = byte(math.Round(255 * float64((v-lo)/(hi-lo))))
		}
	}
	return s
}

// bestKeys are the keys that product keeps of the best candidates.
const bestKeys = 4

// product keeps what some of a head's scores are products of: those of the best
// candidates, and of the one in the middle for comparison.
func (r *Recorder) product(s *Step, of *trace.Scores, values []float32) {
	cfg, d := r.Config(), r.shape.HeadDim
	lo, hi := cfg.NInit, s.N-s.C-cfg.NLocal
	if hi <= lo || s.window > 0 {
		return
	}
	candidates := values[lo:hi]
	rows := Largest(candidates, bestKeys)
	half := best(candidates, (hi-lo+1)/2)
	middle := half[0]
	for _, t := range half {
		if candidates[t] < candidates[middle] {
			middle = t
		}
	}
	rows = append(rows, middle)
	of.Query = make([]float32, d)
	r.angles.turn(of.Query, s.Query[of.Head*d:][:d], min(cfg.NLocal, s.N-1))
	kv := of.Head / (r.shape.Heads / r.shape.KVHeads)
	for _, t := range rows {
		k := trace.Key{Row: lo + t, Values: make([]float32, d)}
		r.angles.turn(k.Values, s.Keys[(k.Row*r.shape.KVHeads+kv)*d:][:d], 0)
		for i, v := range k.Values {
			k.Values[i] = share(float64(v))
		}
		of.Keys = append(of.Keys, k)
	}
	for i, v := range of.Query {
		of.Query[i] = share(float64(v))
	}
}
