package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"tokenselect/cmd/tokenselect/internal/layer"
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// partFlags are those of bench -attention and bench -matvec, which measure parts
// of models.
type partFlags struct {
	attention, matvec, kernels bool
	shapes                     string
}

func (f *partFlags) add(fs *flag.FlagSet) {
	var names []string
	for _, s := range layer.Shapes {
		names = append(names, s.Model)
	}
	fs.BoolVar(&f.attention, "attention", false, "measure selection and attention by themselves: one layer of the shape of a known model over a synthetic cache; \"paged\" is attention alone, over rows that are selected already, and \"gather, then attention\" the same after copying them; -policies names others, which do their part over a text that they have read: for a chunk quest bounds the new pages and infllm finds the representatives of the new blocks, a decode step completes no block, and snapkv decodes over the rows that it has kept (it reads a chunk as dense does); ntk and selfextend, dense at other positions, and oracle are not measured; budgets are the paper's (n_init 128, k 2048, n_local 512, chunk 512), depths 1024 to 1048576, unless given")
	fs.BoolVar(&f.kernels, "kernels", false, "with -attention: each kernel by itself too, against the device's ceilings of reading and of multiplying and adding")
	fs.BoolVar(&f.matvec, "matvec", false, "measure the products with a model's weights by themselves, for one token and for a chunk (512 unless given), with random weights of 8 bits, of 4 bits and of float16, against the device's ceilings; \"all\" is their sum, and below it stand those that one token goes through together with the norm before them and the bias or gate after them, and embed, rms_norm, kv_append and argmax")
	fs.StringVar(&f.shapes, "shapes", "", "with -attention and -matvec: comma-separated `models`; default: "+strings.Join(names, ",")+" for -attention, "+strings.Join(linearShapes, ",")+" for -matvec")
}

// measuredPolicies are those of bench -attention, in words.
func measuredPolicies() string {
	var names []string
	for _, p := range layer.Measured {
		names = append(names, string(p))
	}
	return strings.Join(names, ",")
}

// named are the models of -shapes, or of otherwise where that was left alone.
func (f *partFlags) named(otherwise ...string) []string {
	if f.shapes == "" {
		return otherwise
	}
	names := strings.Split(f.shapes, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// partReport is what parts of models were measured on.
type partReport struct {
	Device   string           `json:"device"`
	Adapter  string           `json:"adapter"`
	Driver   string           `json:"driver"`
	Config   selection.Config `json:"selection"`
	OS       string           `json:"os"`
	Cores    int              `json:"cores"`
	Ceilings layer.Ceilings   `json:"ceilings"`
}

// attentionReport is what bench -attention measured.
type attentionReport struct {
	partReport
	Cache string      `json:"kv"`
	Rows  []layer.Row `json:"rows"`
}

// paperBudgets are those of the paper's experiments with models of 7 billion
// weights and more (section 4), and of the policies that TokenSelect is compared with
// what their papers have, but for what depends on a model's trained context.
var paperBudgets = selection.Config{NInit: 128, K: 2048, NLocal: 512, Chunk: 512, Rivals: selection.Default(0).Rivals}

// part begins the report of a device: it measures the device's ceilings.
func (b *bench) part(ctx context.Context, dev gpu.Device) (partReport, error) {
	info := dev.Info()
	r := partReport{Device: info.Device, Adapter: info.Name, Driver: info.Driver, OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU()}
	bytes := 1 << 30
	if !info.Kind.Real() || runtime.GOOS == "js" { // a browser may refuse as much, and is often on a telephone
		bytes = 256 << 20
	}
	var err error
	if r.Config, err = b.budgets.over(paperBudgets); err == nil {
		r.Ceilings, err = layer.Measure(ctx, dev, bytes)
	}
	return r, err
}

// cacheOf is how keys and values are stored on a device, and that in words.
func (b *bench) cacheOf(info gpu.Info) (name string, t kernels.CacheType, err error) {
	name = "f16"
	if info.Kind == gpu.CPU {
		name = "f32"
	}
	if b.cache != "" {
		name = b.cache
	}
	if t, err = kernels.ParseCacheType(name); err != nil {
		err = usageError{err}
	}
	return name, t, err
}

// attention measures selection and attention on each device.
func (b *bench) attention(ctx context.Context, f partFlags) error {
	cfg := layer.Config{Depths: []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10, 512 << 10, 1 << 20}, Kernels: f.kernels}
	if b.set["depths"] {
		cfg.Depths = b.depths
	}
	var all []string
	for _, s := range layer.Shapes {
		all = append(all, s.Model)
	}
	for _, want := range f.named(all...) {
		i := slices.IndexFunc(all, func(name string) bool { return strings.EqualFold(name, want) })
		if i < 0 {
			return usagef("-shapes %q: %q, expected of %s", f.shapes, want, strings.Join(all, ", "))
		}
		cfg.Shapes = append(cfg.Shapes, layer.Shapes[i])
	}
	if b.set["policies"] {
		cfg.Policies = b.policies
		if i := slices.Index(cfg.Policies, selection.Dense); i > 0 { // first, as the others are compared with it
			cfg.Policies = slices.Insert(slices.Delete(cfg.Policies, i, i+1), 0, selection.Dense)
		}
	}
	var err error
	if cfg.Budgets, err = b.budgets.over(paperBudgets); err != nil {
		return err
	}
	if err := cfg.Check(); err != nil {
		return usageError{fmt.Errorf("-policies: %w", err)}
	}
	var reports []attentionReport
	err = b.each(func(dev gpu.Device) error {
		info := dev.Info()
		var r attentionReport
		var err error
		if r.Cache, cfg.Cache, err = b.cacheOf(info); err != nil {
			return err
		}
		if r.partReport, err = b.part(ctx, dev); err != nil {
			return err
		}
		cfg.Ceilings, cfg.Progress = r.Ceilings, b.progress(info)
		if !b.asJSON {
			b.progressed()
			fmt.Fprintf(b.std.out, "%s: %s, cache %s; %s; selection and attention of one layer\n", r.Device, r.Adapter, r.Cache, budgets(r.Config))
			r.Ceilings.Print(b.std.out)
			cfg.Done = func(rows []layer.Row) error {
				b.progressed()
				return layer.Print(b.std.out, rows, b.markdown)
			}
		}
		if r.Rows, err = layer.Run(ctx, dev, cfg); err != nil {
			return err
		}
		b.progressed()
		reports = append(reports, r)
		if b.asJSON {
			return nil
		}
		_, err = fmt.Fprintln(b.std.out)
		return err
	})
	if err != nil || !b.asJSON {
		return err
	}
	return b.json(reports)
}

// budgets are those of a selection in words.
func budgets(c selection.Config) string {
	return fmt.Sprintf("n_init %d, k %d, n_local %d, chunk %d", c.NInit, c.K, c.NLocal, c.Chunk)
}
