//go:build !lean

package selection

import (
	"context"
	"slices"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// lists is the rows that a policy selects for each of n lists: one for all heads,
// for each key head or for each head.
type lists struct {
	*Selector
	n      int
	stride int         // rows that a list has room for
	rowsOf *gpu.Buffer // of each layer, at multiples of 256 bytes, [n][stride]
	counts *gpu.Buffer // likewise, [n]
	tail   int         // rows in front of the step's own that the last step attended to besides
}

func (l *lists) memory() []buffer {
	return []buffer{{&l.rowsOf, l.shape.Layers * align(4*l.n*l.stride)}, {&l.counts, l.shape.Layers * align(4*l.n)}}
}

// of is the lists of a layer, attended to besides the first nInit rows and the last
// nLocal in front of the step's own.
func (l *lists) of(layer, nLocal int, place kernels.Place) kernels.Lists {
	l.tail = nLocal
	return kernels.Lists{
		Attended: kernels.Attended{NInit: l.cfg.NInit, NLocal: nLocal, UseMid: true, MaxMid: l.stride},
		N:        l.n, Stride: l.stride, Place: place,
		Sel: l.layer(l.rowsOf, align(4*l.n*l.stride), layer), Counts: l.layer(l.counts, align(4*l.n), layer),
	}
}

// chosenLists has the rows that any list has, and in Lists each list's own.
func (l *lists) chosenLists(ctx context.Context) ([]Chosen, error) {
	rows, err := l.words(ctx, l.rowsOf)
	if err != nil {
		return nil, err
	}
	counts, err := l.words(ctx, l.counts)
	if err != nil {
		return nil, err
	}
	chosen := make([]Chosen, l.shape.Layers)
	for i := range chosen {
		c, most := &chosen[i], 0
		for list := range l.n {
			own := make([]int, counts[i*align(4*l.n)/4+list])
			for j := range own {
				own[j] = int(rows[i*align(4*l.n*l.stride)/4+list*l.stride+j])
			}
			most = max(most, len(own))
			c.Lists = append(c.Lists, own)
			c.Rows = append(c.Rows, own...)
		}
		slices.Sort(c.Rows)
		c.Rows = slices.Compact(c.Rows)
		c.Attended = l.cfg.NInit + most + l.tail + l.last.c
	}
	return chosen, nil
}
