package main

import (
	"context"
	"encoding/json"
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

// attentionFlags are those of bench -attention.
type attentionFlags struct {
	on, kernels bool
	shapes      string
}

func (f *attentionFlags) add(fs *flag.FlagSet) {
	var names []string
	for _, s := range layer.Shapes {
		names = append(names, s.Model)
	}
	fs.BoolVar(&f.on, "attention", false, "measure selection and attention by themselves: one layer of the shape of a known model over a synthetic cache; budgets are the paper's (n_init 128, k 2048, n_local 512, chunk 512), depths 1024 to 1048576, unless given")
	fs.BoolVar(&f.kernels, "kernels", false, "with -attention: each kernel by itself too, against the device's ceilings of reading and of multiplying and adding")
	fs.StringVar(&f.shapes, "shapes", strings.Join(names, ","), "with -attention: comma-separated `models`")
}

// attentionReport is what bench -attention measured, and on what.
type attentionReport struct {
	Device   string           `json:"device"`
	Adapter  string           `json:"adapter"`
	Driver   string           `json:"driver"`
	Config   selection.Config `json:"selection"`
	Cache    string           `json:"kv"`
	OS       string           `json:"os"`
	Cores    int              `json:"cores"`
	Ceilings layer.Ceilings   `json:"ceilings"`
	Rows     []layer.Row      `json:"rows"`
}

// attentionBudgets are the paper's, but for those that were given.
func (b *bench) attentionBudgets(set map[string]bool) (selection.Config, error) {
	c := selection.Config{Policy: selection.TokenSelect, NInit: 128, K: 2048, NLocal: 512, Chunk: 512, Tau: b.budgets.tau}
	for _, g := range []struct {
		name string
		from int
		to   *int
	}{{"n-init", b.budgets.nInit, &c.NInit}, {"n-local", b.budgets.nLocal, &c.NLocal}, {"k", b.budgets.k, &c.K}, {"chunk", b.budgets.chunk, &c.Chunk}} {
		if set[g.name] {
			*g.to = g.from
		}
	}
	if err := c.Validate(); err != nil {
		return c, usageError{err}
	}
	return c, nil
}

// attention measures one device.
func (b *bench) attention(ctx context.Context, name string, f attentionFlags, set map[string]bool) (*attentionReport, error) {
	cfg := layer.Config{Depths: []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10, 512 << 10, 1 << 20}, Kernels: f.kernels}
	if set["depths"] {
		cfg.Depths = b.depths
	}
	for _, want := range strings.Split(f.shapes, ",") {
		i := slices.IndexFunc(layer.Shapes, func(s layer.Shape) bool { return strings.EqualFold(s.Model, strings.TrimSpace(want)) })
		if i < 0 {
			return nil, usagef("-shapes %q: %q, expected of %v", f.shapes, want, layer.Shapes)
		}
		cfg.Shapes = append(cfg.Shapes, layer.Shapes[i])
	}
	var err error
	if cfg.Budgets, err = b.attentionBudgets(set); err != nil {
		return nil, err
	}
	dev, _, err := (&deviceFlags{name, b.flags.dawnLib}).open()
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	info := dev.Info()
	kind := "f16"
	if info.Kind == gpu.CPU {
		kind = "f32"
	}
	if b.cache != "" {
		kind = b.cache
	}
	if cfg.Cache, err = kernels.ParseCacheType(kind); err != nil {
		return nil, usageError{err}
	}
	bytes := 1 << 30
	if info.Kind == gpu.CPU || info.Kind == gpu.Software {
		bytes = 256 << 20
	}
	if cfg.Ceilings, err = layer.Measure(ctx, dev, bytes); err != nil {
		return nil, err
	}
	if b.std.errTerminal {
		cfg.Progress = func(what string) { fmt.Fprintf(b.std.err, "\r%s: %s          ", info.Device, what) }
	}
	rows, err := layer.Run(ctx, dev, cfg)
	if b.std.errTerminal {
		fmt.Fprintf(b.std.err, "\r%60s\r", "")
	}
	return &attentionReport{Device: info.Device, Adapter: info.Name, Driver: info.Driver, Config: cfg.Budgets, Cache: kind,
		OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Ceilings: cfg.Ceilings, Rows: rows}, err
}

func (b *bench) attentions(ctx context.Context, devices []string, f attentionFlags, asJSON bool, set map[string]bool) error {
	var reports []*attentionReport
	for _, name := range devices {
		r, err := b.attention(ctx, strings.TrimSpace(name), f, set)
		if err != nil {
			return err
		}
		reports = append(reports, r)
		if asJSON {
			continue
		}
		fmt.Fprintf(b.std.out, "%s: %s, cache %s; n_init %d, k %d, n_local %d, chunk %d; selection and attention of one layer\n",
			r.Device, r.Adapter, r.Cache, r.Config.NInit, r.Config.K, r.Config.NLocal, r.Config.Chunk)
		if err := layer.Print(b.std.out, r.Ceilings, r.Rows); err != nil {
			return err
		}
		fmt.Fprintln(b.std.out)
	}
	if !asJSON {
		return nil
	}
	enc := json.NewEncoder(b.std.out)
	enc.SetIndent("", "  ")
	return enc.Encode(reports)
}
