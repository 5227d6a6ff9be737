package layer

import (
	"context"
	"errors"
	"strings"
	"time"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// Config is what Run measures.
type Config struct {
	Shapes   []Shape
	Depths   []int            // rows of the cache, the step's own included
	Budgets  selection.Config // whose policy does not count
	Cache    kernels.CacheType
	Ceilings Ceilings
	Kernels  bool // each by itself, too
	Progress func(what string)
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
	Name       string  `json:"name"`
	Calls      int     `json:"calls"`
	US         float64 `json:"us"`
	Bytes      int64   `json:"bytes"`      // that it must read and write
	Operations int64   `json:"operations"` // float32, a multiply-add being two
	// Of the ceiling that bounds it, of reading or of multiplying and adding: the
	// larger share.
	Share float64 `json:"share_of_ceiling,omitempty"`
	Bound string  `json:"bound,omitempty"`
}

// a way is a policy as it is measured.
type way struct {
	name string
	cfg  selection.Config
}

// ways are the policies for steps of c queries. A repeated query always hits the
// Selection Cache where there is one.
func ways(b selection.Config, c int) []way {
	with := func(p selection.Policy, theta float64) selection.Config {
		cfg := b
		cfg.Policy, cfg.Theta, cfg.Chunk = p, theta, max(c, 1)
		return cfg
	}
	list := []way{{"dense", with(selection.Dense, 0)}, {"tokenselect", with(selection.TokenSelect, 0)}}
	if c == 1 {
		list = append(list, way{"tokenselect, reused", with(selection.TokenSelect, 0.9)})
	}
	return append(list, way{"window", with(selection.Window, 0)})
}

// Run measures every shape at every depth, for decode and for a chunk.
func Run(ctx context.Context, dev gpu.Device, c Config) ([]Row, error) {
	var rows []Row
	for _, s := range c.Shapes {
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
		for _, w := range ways(c.Budgets, queries) {
			if err := b.use(w.cfg); err != nil {
				return rows, err
			}
			if err := b.warm(ctx); err != nil {
				return rows, err
			}
			took, err := b.measure(ctx, func(r *gpu.Recording, i int) { b.record(r, i%len(b.k), queries) })
			if err != nil {
				return rows, err
			}
			row := Row{Shape: s, Depth: depth, Chunk: queries, Policy: w.name, US: us(took)}
			if w.cfg.Policy == selection.Dense {
				dense = row.US
			} else {
				row.ToDense = dense / row.US
			}
			if c.Kernels {
				if row.Kernels, err = b.kernels(ctx, w.cfg, queries, c.Ceilings); err != nil {
					return rows, err
				}
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// kernels measures each command of a layer's recording by itself.
func (b *bed) kernels(ctx context.Context, cfg selection.Config, queries int, top Ceilings) ([]Kernel, error) {
	recordings := make([]gpu.Recording, len(b.k))
	for i := range recordings {
		b.record(&recordings[i], i, queries)
		if err := recordings[i].Err(); err != nil {
			return nil, err
		}
	}
	var list []Kernel
	for at, command := range recordings[0].Commands() {
		took, err := b.measure(ctx, func(r *gpu.Recording, i int) { r.Add(recordings[i%len(recordings)].Commands()[at]) })
		if err != nil {
			return nil, err
		}
		name := command.Kernel.Name
		if len(list) == 0 || list[len(list)-1].Name != name {
			list = append(list, Kernel{Name: name})
		}
		k := &list[len(list)-1]
		bytes, operations := b.cost(cfg, strings.TrimSuffix(strings.TrimSuffix(name, "_f16"), "_f32"), queries)
		k.Calls, k.US, k.Bytes, k.Operations = k.Calls+1, k.US+us(took), k.Bytes+bytes, k.Operations+operations
	}
	for i := range list {
		list[i].hold(top)
	}
	return list, nil
}

// hold says which share of a ceiling a kernel reaches.
func (k *Kernel) hold(top Ceilings) {
	seconds := k.US * 1e-6
	if seconds == 0 || k.Bytes == 0 {
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
