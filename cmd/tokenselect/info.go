package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
)

func runInfo(_ context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	length := fs.Int("context", 32768, "`tokens` to state the memory for")
	var cache string
	addCache(fs, &cache)
	budgets := addSelectionFlags(fs, true)
	devices := &deviceFlags{}
	addLibraryFlag(fs, devices)
	addFeaturesFlag(fs, devices)
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 1 {
		return usagef("%d arguments, expected a MODEL or none", fs.NArg())
	}
	if fs.NArg() == 1 && fs.Arg(0) == "" {
		return usagef("MODEL is empty, expected its path or name, or no argument for the built-in one")
	}
	if *length < 1 || *length > mostTokens {
		return usagef("-context %d, expected 1 to %d", *length, mostTokens)
	}
	ckpt, err := openModel(fs.Arg(0))
	if err != nil {
		return err
	}
	defer ckpt.Close()
	cfg, err := budgets.config(ckpt.Config.Context)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	describeModel(w, ckpt)
	all, auto, why, notes := listDevices(devices)
	mem, err := engine.Estimate(ckpt, *length, all[auto].info, engine.Options{Cache: cache}, cfg)
	var refusal string
	switch {
	case errors.Is(err, gpu.ErrLimit):
		refusal = err.Error()
	case err != nil:
		return usageError{err}
	default:
		if err := mem.Fits(all[auto].info); err != nil {
			refusal = err.Error()
		}
	}
	fmt.Fprintf(w, "memory for %d tokens\t%s: weights %s, keys and values %s, selection %s, work %s\n", *length,
		byteSize(mem.Total()), byteSize(mem.Weights), byteSize(mem.Cache), byteSize(mem.Selection), byteSize(mem.Work))
	if refusal != "" {
		fmt.Fprintf(w, "does not fit\t%s\n", refusal)
	}
	fmt.Fprintf(w, "%s\tattends to at most %s\n", cfg.Policy, attends(string(cfg.Policy), cfg.Budget(), *length))
	if warning := engine.Warning(ckpt.Config, cfg); warning != "" {
		fmt.Fprintf(w, "warning\t%s\n", warning)
	}
	fmt.Fprintln(w)
	describeDevices(w, all, auto, why, notes, devices.without)
	return w.Flush()
}

func attends(policy string, budget, length int) string {
	if selection.Policy(policy).ReadsAll() {
		return fmt.Sprintf("all %d tokens at once", length)
	}
	return fmt.Sprintf("%d tokens at once, at any length", min(budget, length))
}

func describeModel(w io.Writer, m *weights.Model) {
	c := m.Config
	parameters := 0
	for _, t := range m.Tensors {
		n := 1
		for _, d := range t.Shape {
			n *= d
		}
		parameters += n
	}
	fmt.Fprintf(w, "model\t%s (%s)\n", c.Name, m.Path)
	fmt.Fprintf(w, "architecture\t%s: %d layers, hidden %d, feed-forward %d, %d query heads and %d key heads of %d\n",
		c.Architecture, c.Layers, c.Hidden, c.FeedForward, c.Heads, c.KVHeads, c.HeadDim)
	fmt.Fprintf(w, "size\t%.1f M parameters, %s as %s\n", float64(parameters)/1e6, byteSize(m.Bytes), m.Quantisation)
	fmt.Fprintf(w, "trained context\t%d tokens\n", c.Context)
	scaling := ""
	if c.RopeScaling != nil {
		scaling = fmt.Sprintf(", %s scaling by %g", c.RopeScaling.Type, c.RopeScaling.Factor)
	}
	fmt.Fprintf(w, "positions\tRoPE, base %g%s\n", c.RopeTheta, scaling)
	if n := c.WindowLayers(); n > 0 {
		fmt.Fprintf(w, "sliding window\t%d tokens in %d of %d layers, which read no further with any policy\n", c.Window, n, c.Layers)
	}
	switch t := m.Tokenizer; {
	case t == nil:
		fmt.Fprintf(w, "tokenizer\tnone\n")
	case t.Pre == "":
		fmt.Fprintf(w, "tokenizer\tSentencePiece BPE, %d tokens\n", len(t.Tokens))
	default:
		fmt.Fprintf(w, "tokenizer\tbyte-level BPE, %d tokens, split as %s\n", len(t.Tokens), t.Pre)
	}
}

func describeDevices(w io.Writer, all []listed, auto int, why string, notes, without []string) {
	for _, l := range all {
		i := l.info
		fmt.Fprintf(w, "device %s\t%s, %s through %s%s%s\n", l.name, i.Name, a(i.Kind), i.Backend, driver(i), limits(i.Limits))
		if i.Kind != gpu.CPU {
			fmt.Fprintf(w, "\tbeyond the baseline: %s\n", i.Features.Without(without))
		}
		if l.library != "" {
			fmt.Fprintf(w, "\tfrom %s; it offers %s\n", l.library, strings.Join(l.features, ", "))
		}
	}
	for _, note := range notes {
		fmt.Fprintf(w, "not there\t%s\n", note)
	}
	if why != "" {
		why = ": " + why
	}
	fmt.Fprintf(w, "auto takes\t%s%s\n", all[auto].name, why)
}

func driver(i gpu.Info) string {
	if i.Driver == "" || i.Kind == gpu.CPU {
		return ""
	}
	return " (" + i.Driver + ")"
}

func limits(l gpu.Limits) string {
	const unlimited = 1 << 50
	if l.Binding > unlimited {
		return ""
	}
	return fmt.Sprintf("; a buffer up to %s, a binding up to %s", byteSize(int64(l.Buffer)), byteSize(int64(l.Binding)))
}
