package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"tokenselect/cmd/tokenselect/internal/layer"
	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
)

// benchRow is one measurement: a policy at a depth.
type benchRow struct {
	Device      string  `json:"device"`
	Adapter     string  `json:"adapter"`
	Policy      string  `json:"policy"`
	Depth       int     `json:"depth"`
	PrefillTokS float64 `json:"prefill_tok_s"` // of the last chunk before the depth
	DecodeTokS  float64 `json:"decode_tok_s"`  // at the depth
	FirstTokenS float64 `json:"first_token_s"` // seconds to read a text of the depth and find the token that follows
	CacheHits   int     `json:"cache_hits"`
	CacheMisses int     `json:"cache_misses"`
	KVBytes     int64   `json:"kv_bytes"`

	// What a session for so many tokens takes on the device when it is full, by
	// use, the model's weights included.
	Memory engine.Memory `json:"device_bytes"`
	// The most memory that this process has had until then, devices that were
	// measured before included; on some systems Go's part of it only.
	ProcessPeak int64 `json:"process_peak_bytes"`

	DecodeToDense     float64 `json:"decode_to_dense,omitempty"`      // ratio to dense at this depth
	PrefillToDense    float64 `json:"prefill_to_dense,omitempty"`     // likewise
	FirstTokenToDense float64 `json:"first_token_to_dense,omitempty"` // dense's time over this one's
	DecodeToShortest  float64 `json:"decode_to_shortest,omitempty"`   // ratio to this policy at the smallest depth
}

// benchReport is what bench measured, and on what.
type benchReport struct {
	Model   string           `json:"model"`
	Weights string           `json:"weights"` // how they are stored
	Config  selection.Config `json:"selection"`
	Decoded int              `json:"decoded_tokens"`
	Repeats int              `json:"repeats"`
	OS      string           `json:"os"`
	Go      string           `json:"go"`
	Cores   int              `json:"cores"`
	Rows    []benchRow       `json:"rows"`
}

type bench struct {
	std      stdio
	ckptPath string
	devices  []*deviceFlags
	depths   []int
	policies []selection.Policy
	tokens   int
	repeats  int
	budgets  *selectionFlags
	flags    *deviceFlags
	cache    string
	asJSON   bool
	markdown bool
	set      map[string]bool // flags that were given
}

func runBench(ctx context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	b := bench{std: std, flags: &deviceFlags{}, set: map[string]bool{}}
	addText(fs, &b.ckptPath, "model", "`model` to measure: a path, the name of a pulled one, or \"random:\" and the name of a shape ("+strings.Join(shapeNames(), ", ")+") for one with random weights of 8 bits (\"random-q4_0:\": of 4), with the paper's budgets for the larger ones unless given; default: the built-in needle-16m")
	addCache(fs, &b.cache)
	addLibraryFlag(fs, b.flags)
	addFeaturesFlag(fs, b.flags)
	devices := fs.String("devices", "cpu,auto", "comma-separated devices, each measured once")
	depths := fs.String("depths", "512,2048,8192,16384,32768", "comma-separated `tokens` in the cache, K for 1024 and M for 1024 K")
	policies := fs.String("policies", "tokenselect,dense,window", "comma-separated policies: any of run -policy, or with -attention "+measuredPolicies())
	fs.IntVar(&b.tokens, "decode", 32, "`tokens` to decode at each depth")
	fs.IntVar(&b.repeats, "repeats", 3, "times that decode is measured; the median counts")
	fs.BoolVar(&b.asJSON, "json", false, "print JSON instead of a table")
	fs.BoolVar(&b.markdown, "markdown", false, "print tables as Markdown")
	var parts partFlags
	parts.add(fs)
	b.budgets = addSelectionFlags(fs, false)
	b.budgets.tail, fs.Lookup("tail").DefValue = 0, "0" // chunks are what is measured
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return usagef("%q after the flags, expected nothing", fs.Arg(0))
	}
	fs.Visit(func(f *flag.Flag) { b.set[f.Name] = true })
	if err := b.check(*devices, *depths, *policies, parts); err != nil {
		return err
	}
	switch {
	case parts.attention:
		return b.attention(ctx, parts)
	case parts.matvec:
		return b.matvec(ctx, parts)
	}
	return b.models(ctx)
}

// check reads the flags that are lists and refuses what does not go together.
func (b *bench) check(devices, depths, policies string, parts partFlags) error {
	if b.tokens < 1 || b.repeats < 1 {
		return usagef("-decode %d -repeats %d, expected at least 1 of each", b.tokens, b.repeats)
	}
	var err error
	if b.depths, err = parseLengths("-depths", depths); err != nil {
		return err
	}
	for _, s := range strings.Split(policies, ",") {
		p := selection.Policy(strings.TrimSpace(s))
		if !slices.Contains(selection.Policies(), p) && !parts.attention { // which has a list of its own
			return usagef("-policies %q: %q, expected of %s", policies, p, policyNames())
		}
		b.policies = append(b.policies, p)
	}
	for _, s := range strings.Split(devices, ",") {
		f := *b.flags
		f.name, f.from, f.clock = strings.TrimSpace(s), "-devices", parts.attention || parts.matvec
		if _, err := f.devices(); err != nil {
			return err
		}
		b.devices = append(b.devices, &f)
	}
	switch {
	case parts.attention && parts.matvec:
		return usagef("-attention and -matvec, expected one of them at a time")
	case parts.kernels && !parts.attention:
		return usagef("-kernels belongs to -attention")
	case b.set["shapes"] && !parts.attention && !parts.matvec:
		return usagef("-shapes belongs to -attention and -matvec")
	case b.asJSON && b.markdown:
		return usagef("-json and -markdown, expected one of them")
	}
	return nil
}

// each opens the devices one after the other, unless one turns out to be one that
// was measured.
func (b *bench) each(measure func(dev gpu.Device) error) error {
	seen := map[string]bool{}
	for _, flags := range b.devices {
		dev, _, err := flags.open()
		if err != nil {
			return err
		}
		if info := dev.Info(); !seen[info.Device+info.Name] {
			seen[info.Device+info.Name] = true
			err = measure(dev)
		}
		dev.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// progress says on a terminal what is being measured; nil where there is none.
func (b *bench) progress(info gpu.Info) func(what string) {
	if !b.std.errTerminal {
		return nil
	}
	return func(what string) { fmt.Fprintf(b.std.err, "\r%-78s", info.Device+": "+what) }
}

// progressed clears what progress has said.
func (b *bench) progressed() {
	if b.std.errTerminal {
		fmt.Fprintf(b.std.err, "\r%78s\r", "")
	}
}

func (b *bench) json(report any) error {
	enc := json.NewEncoder(b.std.out)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}

// models measures a whole model on each device.
func (b *bench) models(ctx context.Context) error {
	rep := benchReport{Decoded: b.tokens, Repeats: b.repeats, OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Cores: runtime.NumCPU()}
	err := b.each(func(dev gpu.Device) error { return b.model(ctx, dev, &rep) })
	if err != nil {
		return err
	}
	rep.ratios()
	if b.asJSON {
		return b.json(rep)
	}
	return rep.print(b.std.out, b.markdown)
}

func (b *bench) model(ctx context.Context, dev gpu.Device, rep *benchReport) error {
	m, err := b.load(dev, b.depths[len(b.depths)-1])
	if err != nil {
		return err
	}
	defer m.Close()
	rep.Model, rep.Weights, rep.Config = m.ckpt.Config.Name, m.ckpt.Quantisation, m.cfg
	for _, p := range b.policies {
		cfg := m.cfg
		cfg.Policy = p
		if err := b.warm(ctx, m, cfg); err != nil {
			return err
		}
		if err := b.policy(ctx, m, cfg, rep); err != nil {
			return err
		}
	}
	return nil
}

// awake is how long a GPU works before it is measured: one that has been idle raises
// its clock over the first tenths of a second.
const awake = 500 * time.Millisecond

// warm has a GPU make the pipelines that a policy takes, which would be measured
// with the first chunks otherwise, and then awakes it: by a text that is selected from
// as soon as its second chunk.
func (b *bench) warm(ctx context.Context, m *subject, cfg selection.Config) error {
	kind := m.Device().Kind
	if kind == gpu.CPU {
		return nil
	}
	ids := m.ids[:min(len(m.ids), 2*cfg.Chunk)]
	cfg.NInit, cfg.K, cfg.NLocal = min(cfg.NInit, 4), min(cfg.K, 16), min(cfg.NLocal, 16)
	s, err := m.NewSession(engine.SessionOptions{Context: len(ids) + 4, Selection: cfg})
	if err != nil {
		return err
	}
	defer s.Close()
	once := func() error {
		if err := errors.Join(s.Truncate(0), s.Prefill(ctx, ids, nil)); err != nil {
			return err
		}
		_, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: 3, Ahead: m.Ahead()})
		return err
	}
	// The first time pipelines are made, while the GPU has nothing to do.
	if err := once(); err != nil || !kind.Real() {
		return err
	}
	for began := time.Now(); time.Since(began) < awake; {
		if err := once(); err != nil {
			return err
		}
	}
	return nil
}

// policy reads up to each depth in turn and decodes there.
func (b *bench) policy(ctx context.Context, m *subject, cfg selection.Config, rep *benchReport) error {
	longest := b.depths[len(b.depths)-1]
	s, err := m.NewSession(engine.SessionOptions{Context: longest + b.tokens + 1, Selection: cfg})
	if err != nil {
		return err
	}
	defer s.Close()
	info, say := m.Device(), b.progress(m.Device())
	var reading time.Duration // up to here
	read := func(ids []int) (time.Duration, error) {
		began := time.Now()
		err := s.Prefill(ctx, ids, nil)
		return time.Since(began), err
	}
	for _, depth := range b.depths {
		if say != nil {
			say(fmt.Sprintf("%s, %d tokens", cfg.Policy, depth))
		}
		// The last chunk before the depth is timed by itself too: the speed of
		// reading there.
		last := min(cfg.Chunk, depth-s.Len())
		most, err := read(m.ids[s.Len() : depth-last])
		if err != nil {
			return err
		}
		end, err := read(m.ids[depth-last : depth])
		if err != nil {
			return err
		}
		reading += most + end
		row := benchRow{Device: info.Device, Adapter: info.Name, Policy: string(cfg.Policy), Depth: depth, PrefillTokS: rate(last, end),
			FirstTokenS: reading.Seconds(), Memory: m.Memory(depth+b.tokens+1, cfg)}
		var took []time.Duration
		for range b.repeats {
			res, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: b.tokens + 1, Ahead: m.Ahead()})
			if err != nil {
				return err
			}
			took = append(took, res.Decode)
			row.CacheHits, row.CacheMisses = row.CacheHits+res.CacheHits, row.CacheMisses+res.CacheMisses
			row.KVBytes = s.Bytes()
			// Back to the depth; the last token is read again for its logits.
			if err := s.Truncate(depth - 1); err != nil {
				return err
			}
			if _, err := read(m.ids[depth-1 : depth]); err != nil {
				return err
			}
		}
		slices.Sort(took)
		row.DecodeTokS, row.ProcessPeak = rate(b.tokens, took[len(took)/2]), processPeak()
		rep.Rows = append(rep.Rows, row)
	}
	b.progressed()
	return nil
}

// ratios relates the rows of a device to each other: figures of one run.
func (r *benchReport) ratios() {
	for i := range r.Rows {
		row, shortest := &r.Rows[i], true
		for _, o := range r.Rows {
			if o.Device != row.Device || o.Adapter != row.Adapter {
				continue
			}
			if o.Policy == string(selection.Dense) && o.Depth == row.Depth && row.Policy != o.Policy {
				row.DecodeToDense, row.PrefillToDense = row.DecodeTokS/o.DecodeTokS, row.PrefillTokS/o.PrefillTokS
				row.FirstTokenToDense = o.FirstTokenS / row.FirstTokenS
			}
			if o.Policy == row.Policy && shortest {
				row.DecodeToShortest, shortest = row.DecodeTokS/o.DecodeTokS, false
			}
		}
	}
}

// print writes a table for each device, ratios first: decode, prefill and first
// token to dense at the same depth, decode to the same policy at the shortest.
func (r *benchReport) print(out io.Writer, markdown bool) error {
	fmt.Fprintf(out, "%s, weights %s; %s, theta %g, pool %d; %d tokens decoded, median of %d; %s, %d cores, %s\n",
		r.Model, r.Weights, budgets(r.Config), r.Config.Theta, r.Config.Pool, r.Decoded, r.Repeats, r.OS, r.Cores, r.Go)
	for rows := r.Rows; len(rows) > 0; {
		device, adapter, n := rows[0].Device, rows[0].Adapter, 0
		t := layer.Table{Columns: []string{"policy", "depth", "decode to dense", "prefill to dense", "first token to dense", "decode to shortest",
			"decode tok/s", "prefill tok/s", "first token s", "reused", "weights", "cache", "selection", "process peak"}}
		for ; n < len(rows) && rows[n].Device == device && rows[n].Adapter == adapter; n++ {
			row := rows[n]
			t.Add(row.Policy, fmt.Sprint(row.Depth), ratio(row.DecodeToDense), ratio(row.PrefillToDense), ratio(row.FirstTokenToDense), ratio(row.DecodeToShortest),
				fmt.Sprintf("%.1f", row.DecodeTokS), fmt.Sprintf("%.0f", row.PrefillTokS), fmt.Sprintf("%.3g", row.FirstTokenS), share(row.CacheHits, row.CacheMisses),
				byteSize(row.Memory.Weights), byteSize(row.KVBytes), byteSize(row.Memory.Selection), byteSize(row.ProcessPeak))
		}
		rows = rows[n:]
		fmt.Fprintf(out, "\n%s: %s\n\n", device, adapter)
		if err := t.Print(out, markdown); err != nil {
			return err
		}
	}
	return nil
}

func ratio(r float64) string {
	if r == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", r)
}

func share(hits, misses int) string {
	if hits+misses == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*float64(hits)/float64(hits+misses))
}
