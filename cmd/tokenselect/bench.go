package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"tokenselect/cmd/tokenselect/internal/haystack"
	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
)

// benchRow is one measurement: a policy at a depth.
type benchRow struct {
	Device      string  `json:"device"`
	Adapter     string  `json:"adapter"`
	Policy      string  `json:"policy"`
	Depth       int     `json:"depth"`
	PrefillTokS float64 `json:"prefill_tok_s"` // of the last chunk before the depth
	DecodeTokS  float64 `json:"decode_tok_s"`  // at the depth
	CacheHits   int     `json:"cache_hits"`
	CacheMisses int     `json:"cache_misses"`
	KVBytes     int64   `json:"kv_bytes"`

	DecodeToDense    float64 `json:"decode_to_dense,omitempty"`    // ratio to dense at this depth
	PrefillToDense   float64 `json:"prefill_to_dense,omitempty"`   // likewise
	DecodeToShortest float64 `json:"decode_to_shortest,omitempty"` // ratio to this policy at the smallest depth
}

// benchReport is what bench measured, and on what.
type benchReport struct {
	Model   string           `json:"model"`
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
	depths   []int
	policies []selection.Policy
	tokens   int
	repeats  int
	budgets  *selectionFlags
	flags    *deviceFlags
	cache    string
}

func runBench(ctx context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	b := bench{std: std}
	fs.StringVar(&b.ckptPath, "model", "", "`path` of a model; default: the built-in needle-16m")
	fs.StringVar(&b.cache, "kv", "", cacheHelp)
	b.flags = &deviceFlags{}
	addLibraryFlag(fs, b.flags)
	devices := fs.String("devices", "cpu,auto", "comma-separated devices, each measured once")
	depths := fs.String("depths", "512,2048,8192,16384,32768", "comma-separated numbers of tokens in the cache")
	policies := fs.String("policies", "tokenselect,dense,window", "comma-separated policies")
	fs.IntVar(&b.tokens, "decode", 32, "`tokens` to decode at each depth")
	fs.IntVar(&b.repeats, "repeats", 3, "times that decode is measured; the median counts")
	asJSON := fs.Bool("json", false, "print JSON instead of a table")
	var attention attentionFlags
	attention.add(fs)
	b.budgets = addSelectionFlags(fs, false)
	if err := parse(fs, args); err != nil {
		return err
	}
	if b.tokens < 1 || b.repeats < 1 {
		return usagef("-decode %d -repeats %d, expected at least 1 of each", b.tokens, b.repeats)
	}
	for _, s := range strings.Split(*depths, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 {
			return usagef("-depths %q: %q, expected numbers of tokens", *depths, s)
		}
		b.depths = append(b.depths, n)
	}
	slices.Sort(b.depths)
	b.depths = slices.Compact(b.depths)
	for _, s := range strings.Split(*policies, ",") {
		b.policies = append(b.policies, selection.Policy(strings.TrimSpace(s)))
	}
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	if attention.on {
		return b.attentions(ctx, strings.Split(*devices, ","), attention, *asJSON, set)
	}
	if attention.kernels || set["shapes"] {
		return usagef("-kernels and -shapes belong to -attention")
	}
	rep := benchReport{Decoded: b.tokens, Repeats: b.repeats, OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Cores: runtime.NumCPU()}
	seen := map[string]bool{}
	for _, name := range strings.Split(*devices, ",") {
		if err := b.device(ctx, strings.TrimSpace(name), seen, &rep); err != nil {
			return err
		}
	}
	rep.ratios()
	if *asJSON {
		enc := json.NewEncoder(std.out)
		enc.SetIndent("", "  ")
		return enc.Encode(rep)
	}
	return rep.print(std.out)
}

// device measures one device, unless it turns out to be one that was measured.
func (b *bench) device(ctx context.Context, name string, seen map[string]bool, rep *benchReport) error {
	dev, _, err := (&deviceFlags{name, b.flags.dawnLib}).open()
	if err != nil {
		return err
	}
	defer dev.Close()
	info := dev.Info()
	if seen[info.Device+info.Name] {
		return nil
	}
	seen[info.Device+info.Name] = true
	ckpt, err := openModel(b.ckptPath)
	if err != nil {
		return err
	}
	rep.Model = ckpt.Config.Name
	cfg, err := b.budgets.config(ckpt.Config.Context)
	if err != nil {
		return err
	}
	rep.Config = cfg
	m, err := session.Load(dev, ckpt, engine.Options{Cache: b.cache})
	if err != nil {
		return err
	}
	defer m.Close()
	longest := b.depths[len(b.depths)-1]
	ids := m.Tokenizer.Encode(haystack.New(1, longest+64, 1, m.Tokens).Document, false)
	for _, p := range b.policies {
		cfg.Policy = p
		if err := b.policy(ctx, m.Engine, cfg, ids, info, rep); err != nil {
			return err
		}
	}
	return nil
}

// policy reads up to each depth in turn and decodes there.
func (b *bench) policy(ctx context.Context, e *engine.Engine, cfg selection.Config, ids []int, info gpu.Info, rep *benchReport) error {
	longest := b.depths[len(b.depths)-1]
	s, err := e.NewSession(engine.SessionOptions{Context: longest + b.tokens + 1, Selection: cfg})
	if err != nil {
		return err
	}
	defer s.Close()
	for _, depth := range b.depths {
		if b.std.errTerminal {
			fmt.Fprintf(b.std.err, "\r%s on %s: %d tokens   ", cfg.Policy, info.Device, depth)
		}
		// The last chunk before the depth is timed: the speed of reading there.
		last := min(cfg.Chunk, depth-s.Len())
		if err := s.Prefill(ctx, ids[s.Len():depth-last], nil); err != nil {
			return err
		}
		began := time.Now()
		if err := s.Prefill(ctx, ids[depth-last:depth], nil); err != nil {
			return err
		}
		row := benchRow{Device: info.Device, Adapter: info.Name, Policy: string(cfg.Policy), Depth: depth, PrefillTokS: rate(last, time.Since(began))}
		var took []time.Duration
		for range b.repeats {
			res, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: b.tokens + 1, Ahead: e.Ahead()})
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
			if err := s.Prefill(ctx, ids[depth-1:depth], nil); err != nil {
				return err
			}
		}
		slices.Sort(took)
		row.DecodeTokS = rate(b.tokens, took[len(took)/2])
		rep.Rows = append(rep.Rows, row)
	}
	if b.std.errTerminal {
		fmt.Fprintf(b.std.err, "\r%60s\r", "")
	}
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
			}
			if o.Policy == row.Policy && shortest {
				row.DecodeToShortest, shortest = row.DecodeTokS/o.DecodeTokS, false
			}
		}
	}
}

func (r *benchReport) print(out io.Writer) error {
	fmt.Fprintf(out, "%s, n_init %d, k %d, n_local %d, chunk %d, theta %g; %d tokens decoded, median of %d; %s, %d cores, %s\n\n",
		r.Model, r.Config.NInit, r.Config.K, r.Config.NLocal, r.Config.Chunk, r.Config.Theta, r.Decoded, r.Repeats, r.OS, r.Cores, r.Go)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	adapter := ""
	for _, row := range r.Rows {
		if row.Adapter != adapter {
			adapter = row.Adapter
			fmt.Fprintf(w, "%s: %s\n", row.Device, adapter)
			fmt.Fprintf(w, "policy\tdepth\tdecode tok/s\tto dense\tto shortest\tprefill tok/s\tto dense\tselections reused\tcache\t\n")
		}
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%s\t%s\t%.0f\t%s\t%s\t%s\t\n", row.Policy, row.Depth, row.DecodeTokS, ratio(row.DecodeToDense),
			ratio(row.DecodeToShortest), row.PrefillTokS, ratio(row.PrefillToDense), share(row.CacheHits, row.CacheMisses), byteSize(row.KVBytes))
	}
	return w.Flush()
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
