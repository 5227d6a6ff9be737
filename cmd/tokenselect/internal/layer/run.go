package layer

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// Config is what Run measures.
type Config struct {
	Shapes   []Shape
	Depths   []int              // rows of the cache, the step's own included
	Policies []selection.Policy // of Measured, dense first where ratios are wanted; nil: Default
	Budgets  selection.Config   // whose policy does not count
	Cache    kernels.CacheType
	Ceilings Ceilings
	Kernels  bool // each by itself, too
	Progress func(what string)
	Done     func(rows []Row) error // if not nil, is told of the rows of each shape as soon as they are there
}

// Row is the time of one layer's selection and attention.
type Row struct {
	Shape  Shape   `json:"shape"`
	Depth  int     `json:"depth"`
	Chunk  int     `json:"chunk"` // queries; 1: decode
	Policy string  `json:"policy"`
	US     float64 `json:"us"`
	// The dense time of this run at this depth over this one.
	ToDense float64 `json:"to_dense,omitempty"`
	// Why there is no time: the device has not the memory.
	Skipped string   `json:"skipped,omitempty"`
	Kernels []Kernel `json:"kernels,omitempty"`
}

// Kernel is one kernel of a layer, all of its calls together.
type Kernel struct {
	Name       string  `json:"name"` // of the shader that ran, which may be a variant
	Calls      int     `json:"calls"`
	US         float64 `json:"us"`
	Bytes      int64   `json:"bytes"`               // that it must read and write
	Operations int64   `json:"operations"`          // float32, a multiply-add being two
	Uncounted  bool    `json:"uncounted,omitempty"` // how many of both is not known
	// Of the ceiling that bounds it, of reading or of multiplying and adding: the
	// larger share.
	Share float64 `json:"share_of_ceiling,omitempty"`
	Bound string  `json:"bound,omitempty"`
}

// Run measures every shape at every depth, for decode and for a chunk.
func Run(ctx context.Context, dev gpu.Device, c Config) ([]Row, error) {
	var rows []Row
	for _, s := range c.Shapes {
		before := len(rows)
		for _, depth := range c.Depths {
			if c.Progress != nil {
				c.Progress(s.String() + " at " + tokens(depth))
			}
			some, err := c.depth(ctx, dev, s, depth)
			if errors.Is(err, gpu.ErrLimit) || errors.Is(err, gpu.ErrOutOfMemory) {
				some, err = []Row{{Shape: s, Depth: depth, Skipped: err.Error()}}, nil
			}
			if err != nil {
				return rows, err
			}
			rows = append(rows, some...)
		}
		if c.Done != nil {
			if err := c.Done(rows[before:]); err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

func (c Config) depth(ctx context.Context, dev gpu.Device, s Shape, depth int) ([]Row, error) {
	b, err := newBed(dev, s, c.Cache, depth, min(c.Budgets.Chunk, depth))
	if err != nil {
		return nil, err
	}
	defer b.close()
	var rows []Row
	for _, queries := range []int{1, b.chunk} {
		dense := 0.0
		for _, w := range c.ways(b.chunk, queries) {
			if w.cfg.Index.Fits(s.D) != nil {
				continue
			}
			if err := b.use(w.cfg); err != nil {
				return rows, err
			}
			if err := b.read(ctx, queries); err != nil {
				return rows, err
			}
			if err := b.warm(ctx); err != nil {
				return rows, err
			}
			add := func(name string, record func(r *gpu.Recording, i int)) error {
				took, err := b.measure(ctx, func(r *gpu.Recording, i int) { record(r, i%len(b.k)) })
				if err != nil {
					return err
				}
				row := Row{Shape: s, Depth: depth, Chunk: queries, Policy: name, US: us(took)}
				if w.cfg.Policy == selection.Dense {
					dense = row.US
				} else {
					row.ToDense = dense / row.US
				}
				if c.Kernels {
					if row.Kernels, err = b.kernels(ctx, queries, c.Ceilings, record); err != nil {
						return err
					}
				}
				rows = append(rows, row)
				return nil
			}
			step := func(r *gpu.Recording, i int) {
				b.rewind(r, i, queries)
				b.record(r, i, queries)
			}
			if err := add(w.name, step); err != nil {
				return rows, err
			}
			if w.cfg.Policy != selection.TokenSelect || w.cfg.Theta > 0 || w.cfg.Index != kernels.IndexNone {
				continue
			}
			if err := b.bothReads(ctx, queries, add); err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

// bothReads measures attention alone, over a selection that has been made, in the
// two ways of the paper's figure 5: selected rows are read where they are in the
// cache, and they are gathered into memory of their own, over which attention is
// dense. Nothing where a cache of this depth is attended to as a whole.
func (b *bed) bothReads(ctx context.Context, c int, add func(name string, record func(r *gpu.Recording, i int)) error) error {
	var r gpu.Recording
	sel := make([]kernels.Selection, len(b.k))
	for i := range sel {
		sel[i] = b.selection(&r, i, b.rows, c)
	}
	if !sel[0].UseMid {
		return nil
	}
	if err := b.dev.Submit(&r); err != nil {
		return err
	}
	length := sel[0].NInit + sel[0].MaxMid + sel[0].NLocal + c
	size := length * b.shape.rowBytes(b.cache)
	if b.gathered[0] == nil || b.gathered[0].Size < size {
		for i := range b.gathered {
			made, err := b.buffer(size)
			if err != nil {
				return err
			}
			b.gathered[i] = made
		}
	}
	keys, values := b.gathered[0], b.gathered[1]
	if err := add("paged", func(r *gpu.Recording, i int) { b.attend(r, b.k[i], b.v[i], sel[i], b.rows, c) }); err != nil {
		return err
	}
	return add("gather, then attention", func(r *gpu.Recording, i int) {
		s := sel[i]
		kernels.GatherRows(r, b.cache, gpu.All(b.k[i]), gpu.All(b.v[i]), s.Sel, s.State, gpu.All(keys), gpu.All(values), b.shape.KVHeads, b.shape.D, b.rows, c, s.Attended)
		s.Attended = kernels.Attended{NLocal: length - c}
		b.attend(r, keys, values, s, length, c)
	})
}

// stored is how a kernel's name ends that reads keys stored in several ways.
var stored = regexp.MustCompile(`_(f16|f32|i8|i4)$`)

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// together are commands that are nothing by themselves, by the name of the first: they
// leave the histogram ready for each other.
var together = map[string]struct {
	n    int
	name string
}{
	"soft_vote_hist": {3, "soft_vote_hist, top_k_border, top_k_take"},
	"top_k_hist":     {5, "top_k_hist, top_k_count, top_k_write"},
}

// kernels measures each command of a layer's recording by itself.
func (b *bed) kernels(ctx context.Context, queries int, top Ceilings, record func(r *gpu.Recording, i int)) ([]Kernel, error) {
	recordings := make([]gpu.Recording, len(b.k))
	for i := range recordings {
		record(&recordings[i], i)
		if err := recordings[i].Err(); err != nil {
			return nil, err
		}
	}
	var list []Kernel
	for all := recordings[0].Commands(); len(all) > 0; {
		at, n, name := recordings[0].Len()-len(all), 1, "copy"
		if k := all[0].Kernel; k != nil {
			name = k.Shaders(b.dev.Info())[0].Name
		}
		if some, ok := together[name]; ok {
			n, name = some.n, some.name
		}
		took, err := b.measure(ctx, func(r *gpu.Recording, i int) {
			for _, c := range recordings[i%len(recordings)].Commands()[at : at+n] {
				r.Add(c)
			}
		})
		if err != nil {
			return nil, err
		}
		if len(list) == 0 || list[len(list)-1].Name != name {
			list = append(list, Kernel{Name: name})
		}
		k := &list[len(list)-1]
		k.Calls, k.US = k.Calls+n, k.US+us(took)
		for _, c := range all[:n] {
			bytes, operations, known := b.cost(c, queries)
			if strings.HasSuffix(name, "_dot") {
				operations = 0 // they are of whole numbers, of which the ceiling says nothing
			}
			k.Bytes, k.Operations, k.Uncounted = k.Bytes+bytes, k.Operations+operations, k.Uncounted || !known
		}
		all = all[n:]
	}
	for i := range list {
		list[i].hold(top)
	}
	return list, nil
}

// hold says which share of a ceiling a kernel reaches.
func (k *Kernel) hold(top Ceilings) {
	seconds := k.US * 1e-6
	if seconds == 0 || k.Bytes == 0 || k.Uncounted {
		return
	}
	k.Share, k.Bound = float64(k.Bytes)/seconds/top.Read, "reading"
	if top.MultiplyAdd == 0 {
		return
	}
	if arithmetic := float64(k.Operations) / seconds / top.MultiplyAdd; arithmetic > k.Share {
		k.Share, k.Bound = arithmetic, "multiply-add"
	}
}
