// Package mass sums up where the attention of decode steps lies: which share of it
// the rows hold that a policy selected, how near those are to the best ones, and how
// single tokens compare with blocks of them.
package mass

import (
	"tokenselect/engine/record"
	"tokenselect/engine/selection"
	"tokenselect/engine/trace"
)

// Found is what became of attention mass in decode steps, averaged over them.
type Found struct {
	Steps   int             `json:"steps"`
	Recall  [][]float64     `json:"recall"`            // [layer][head], share of dense attention's mass, keys at their true distances
	Near    [][]float64     `json:"near"`              // likewise, distances cut to n_local, at which candidates are scored
	Overlap []float64       `json:"overlap,omitempty"` // [layer], Jaccard index of the selection with the k rows of most mass of its heads, at cut distances; none where nothing is selected
	Cosine  []float64       `json:"cosine"`            // [layer], of a query and the one before it
	Blocks  map[int]float64 `json:"blocks,omitempty"`  // by size: share of the candidates' mass that the best blocks hold at a budget of k rows
}

// Mean is the recall of all layers and heads.
func (f Found) Mean() float64 { return mean(f.Recall) }

// MeanNear is that at cut distances.
func (f Found) MeanNear() float64 { return mean(f.Near) }

func mean(values [][]float64) float64 {
	sum, n := 0.0, 0
	for _, row := range values {
		for _, v := range row {
			sum += v
			n++
		}
	}
	return sum / float64(max(1, n))
}

// Look sums up steps.
type Look struct {
	cfg    selection.Config
	long   int             // steps with more candidates than rows to select
	chosen map[int]int     // of each layer, those in which it selected
	close  map[int]float64 // and the overlaps of those
	f      Found
}

// NewLook looks at steps of a policy.
func NewLook(cfg selection.Config) *Look {
	return &Look{cfg: cfg, chosen: map[int]int{}, close: map[int]float64{}}
}

// Seen is told of each layer before its step is added, for record.Options: it
// compares what was selected with the rows of most mass.
func (l *Look) Seen(layer int, s *record.Step, near [][]float32) {
	lo, hi := l.cfg.NInit, s.N-s.C-l.cfg.NLocal
	if hi-lo <= l.cfg.K || len(s.Lists[0].Mid) == 0 {
		return
	}
	group := len(near) / len(s.Lists) // heads of a list
	for j, list := range s.Lists {
		l.close[layer] += record.Jaccard(list.Mid, record.Best(near[j*group:][:group], lo, hi, l.cfg.K)) / float64(len(s.Lists))
	}
	l.chosen[layer]++
}

// Add takes a step in, of which the mass was recorded.
func (l *Look) Add(layers []trace.Layer) {
	if l.f.Recall == nil {
		heads := len(layers[0].Mass)
		l.f.Recall, l.f.Near = square(len(layers), heads), square(len(layers), heads)
		l.f.Cosine, l.f.Blocks = make([]float64, len(layers)), map[int]float64{}
	}
	l.f.Steps++
	selecting := 0 // layers; one with a sliding window has nothing to select
	for _, layer := range layers {
		if layer.Blocks != nil {
			selecting++
		}
	}
	for i, layer := range layers {
		for h, m := range layer.Mass {
			l.f.Recall[i][h] += 1 - float64(m[3])
			l.f.Near[i][h] += float64(layer.Near[h])
		}
		l.f.Cosine[i] += float64(layer.Turn)
		if layer.Blocks == nil {
			continue
		}
		for j, share := range layer.Blocks {
			l.f.Blocks[trace.BlockSizes[j]] += float64(share) / float64(selecting)
		}
	}
	if selecting > 0 {
		l.long++
	}
}

// Found is the averages of what was taken in.
func (l *Look) Found() Found {
	f := l.f
	for i := range f.Recall {
		for h := range f.Recall[i] {
			f.Recall[i][h] /= float64(f.Steps)
			f.Near[i][h] /= float64(f.Steps)
		}
		f.Cosine[i] /= float64(max(1, f.Steps-1)) // the first has none before it
		if len(l.chosen) > 0 {
			f.Overlap = append(f.Overlap, l.close[i]/float64(max(1, l.chosen[i])))
		}
	}
	for size := range f.Blocks {
		f.Blocks[size] /= float64(l.long)
	}
	return f
}

// Average is the mean of what was found in several cases, each counting alike.
// Overlaps and blocks are averaged over those that have them.
func Average(found []Found) Found {
	var a Found
	add := func(sum *[]float64, values []float64, share float64) {
		if *sum == nil {
			*sum = make([]float64, len(values))
		}
		for i, v := range values {
			(*sum)[i] += v * share
		}
	}
	overlaps := 0.0
	blocks := map[int]float64{} // cases that have each size
	for _, f := range found {
		if f.Overlap != nil {
			overlaps++
		}
		for size := range f.Blocks {
			blocks[size]++
		}
	}
	for i, f := range found {
		share := 1 / float64(len(found))
		a.Steps += f.Steps
		if i == 0 {
			a.Recall, a.Near = make([][]float64, len(f.Recall)), make([][]float64, len(f.Near))
			a.Blocks = map[int]float64{}
		}
		for l := range f.Recall {
			add(&a.Recall[l], f.Recall[l], share)
			add(&a.Near[l], f.Near[l], share)
		}
		add(&a.Cosine, f.Cosine, share)
		if f.Overlap != nil {
			add(&a.Overlap, f.Overlap, 1/overlaps)
		}
		for size, v := range f.Blocks {
			a.Blocks[size] += v / blocks[size]
		}
	}
	return a
}

func square(rows, columns int) [][]float64 {
	s := make([][]float64, rows)
	for i := range s {
		s[i] = make([]float64, columns)
	}
	return s
}
