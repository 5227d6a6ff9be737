package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"tokenselect/cmd/tokenselect/internal/eval"
	"tokenselect/cmd/tokenselect/internal/eval/task"
	"tokenselect/engine"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
	"tokenselect/engine/weights"
)

func evalCommand() []command {
	return []command{{"eval", "[flags] | -table FILE...", "measure how well policies find what a long text says, on the same cases", runEval}}
}

// The measures of eval.
const (
	measureAnswers    = "answers"
	measureRecall     = "recall"
	measurePerplexity = "perplexity"
	measureCache      = "cache"
)

// evaluation is the flags of eval and what they come to.
type evaluation struct {
	std     stdio
	fs      *flag.FlagSet
	model   string
	cache   string
	device  *deviceFlags
	budgets *selectionFlags

	measure                         string
	policyList, taskList, lengthsOf string
	thetas, textPath, fillerPath    string
	cases, parallel                 int
	tokens                          int
	seed                            uint64
	forced                          bool
	out, svg                        string
	asJSON, table                   bool

	ckpt     *weights.Model
	configs  map[string]selection.Config // by the name of a policy
	tasks    map[string]task.Task
	filler   task.Filler
	text     string // of -text
	settings eval.Settings
}

func (e *evaluation) add(fs *flag.FlagSet) {
	e.fs = fs
	fs.StringVar(&e.measure, "measure", measureAnswers, `what to measure: "answers" (share of the asked values in the replies), "recall" (share of dense attention's mass that the selected rows hold, overlap with the best rows, similarity of consecutive queries, single tokens against blocks; by reading back the queries and keys of decode steps), "perplexity" (of the last tokens of a text behind the rest of it) or "cache" (the Selection Cache by -thetas: reuse, speed, answers, perplexity, and the same text continued by the model)`)
	fs.StringVar(&e.policyList, "policies", "tokenselect,dense,window", "comma-separated `policies` ("+policyNames()+"); each may have options of its own, named as the flags: \"tokenselect:k=256:index=int8\". The first is compared with the others")
	fs.StringVar(&e.taskList, "tasks", "passkey,single,multikey1,facts", "comma-separated `tasks`, or \"all\": "+taskHelp())
	fs.StringVar(&e.lengthsOf, "lengths", "2K,8K", "comma-separated `tokens` of a prompt, K for 1024 and M for 1024 K")
	fs.IntVar(&e.cases, "cases", 10, "cases of a task at a length, the same for every policy")
	fs.Uint64Var(&e.seed, "seed", 1, "of the cases: another seed, other cases")
	fs.IntVar(&e.parallel, "parallel", 1, "cases at a time, each with a device and weights of its own; the CPU's kernels use all cores as it is")
	fs.BoolVar(&e.forced, "token-accuracy", true, "also tell how many tokens of the right reply are the most likely ones after those before them; takes a decode step a token where a reply is wrong")
	fs.StringVar(&e.thetas, "thetas", "0.5,0.6,0.7,0.8,0.9,1", "comma-separated `cosines` from which the Selection Cache reuses, with -measure cache")
	fs.StringVar(&e.fillerPath, "filler", "", "`file` of a text whose sentences fill the documents of tasks, a book for instance; default: generated prose")
	fs.StringVar(&e.textPath, "text", "", "`file` of the text that -measure perplexity and -measure cache read, a book for instance")
	fs.IntVar(&e.tokens, "score", 256, "`tokens` at the end of the text whose perplexity is measured, and that -measure cache has the model write instead of them, or decode steps that -measure recall looks at")
	fs.StringVar(&e.out, "o", "", "`file` that results are appended to, a line of JSON each: an interrupted run with the same settings goes on where it stopped")
	fs.BoolVar(&e.table, "table", false, "only print what the files named after the flags hold, which -o has written; several of the same seed and model are put together")
	fs.StringVar(&e.svg, "svg", "", "`file` for a picture of the score over length, by policy")
	fs.BoolVar(&e.asJSON, "json", false, "print a report in JSON instead of tables in Markdown")
	addText(fs, &e.model, "model", modelHelp)
	e.device = addDeviceFlags(fs)
	addCache(fs, &e.cache)
	e.budgets = addSelectionFlags(fs, false)
}

func taskHelp() string {
	var b strings.Builder
	for _, t := range task.All() {
		fmt.Fprintf(&b, "\n  %s: %s", t.Name, t.About)
	}
	return b.String() + "\n"
}

const evalExamples = `
Examples:
  tokenselect eval
      four tasks at 2K and 8K tokens, with three policies
  tokenselect eval -tasks all -lengths 2K,4K,8K,16K,32K -cases 50 -o report.jsonl -svg accuracy.svg
      everything; Ctrl-C, and the same command goes on
  tokenselect eval -lengths 16K -policies tokenselect,tokenselect:k=256,tokenselect:index=int8
      one policy against itself with other options
  tokenselect eval -measure recall -lengths 2K,16K -cases 2 -score 8
  tokenselect eval -measure perplexity -lengths 2K,16K -cases 4 -text book.txt
  tokenselect eval -measure cache -lengths 16K -cases 4 -text book.txt
  tokenselect eval -table report.jsonl more.jsonl
`

func runEval(ctx context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	e := &evaluation{std: std}
	e.add(fs)
	usage := fs.Usage
	fs.Usage = func() {
		usage()
		fmt.Fprint(std.out, evalExamples)
	}
	if err := parse(fs, args); err != nil {
		return err
	}
	if e.table {
		return e.reprint(fs.Args())
	}
	if fs.NArg() > 0 {
		return usagef("%q after the flags, expected nothing (files go with -table)", fs.Arg(0))
	}
	if err := e.check(); err != nil {
		return err
	}
	defer e.ckpt.Close()
	if e.svg != "" {
		if err := checkWritable(e.svg); err != nil {
			return fmt.Errorf("-svg: %w", err)
		}
	}
	return e.run(ctx)
}

// check reads the flags that are lists and refuses what does not go together.
func (e *evaluation) check() error {
	set := map[string]bool{}
	e.fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	switch {
	case !slices.Contains([]string{measureAnswers, measureRecall, measurePerplexity, measureCache}, e.measure):
		return usagef("-measure %q, expected %s, %s, %s or %s", e.measure, measureAnswers, measureRecall, measurePerplexity, measureCache)
	case e.cases < 1 || e.parallel < 1 || e.tokens < 1:
		return usagef("-cases %d -parallel %d -score %d, expected at least 1 of each", e.cases, e.parallel, e.tokens)
	case set["thetas"] && e.measure != measureCache:
		return usagef("-thetas belongs to -measure %s", measureCache)
	case set["text"] != (e.measure == measurePerplexity || e.measure == measureCache):
		return usagef("-text belongs to -measure %s and -measure %s, which need it", measurePerplexity, measureCache)
	case set["score"] && e.measure == measureAnswers:
		return usagef("-score belongs to the other measures than %s", measureAnswers)
	case (set["tasks"] || set["filler"]) && e.measure == measurePerplexity:
		return usagef("-tasks and -filler do not belong to -measure %s", measurePerplexity)
	case e.svg != "" && e.measure != measureAnswers:
		return usagef("-svg belongs to -measure %s", measureAnswers)
	}
	s := &e.settings
	*s = eval.Settings{Format: eval.Format, Measure: e.measure, Seed: e.seed, Cases: e.cases}
	lengths, err := parseLengths("-lengths", e.lengthsOf)
	if err != nil {
		return err
	}
	s.Lengths = lengths
	if err := e.readTasks(); err != nil {
		return err
	}
	if e.ckpt, err = openModel(e.model); err != nil {
		return err
	}
	s.Model, s.Weights, s.Trained, s.KV = e.ckpt.Config.Name, e.ckpt.Quantisation, e.ckpt.Config.Context, e.cache
	if err := e.readPolicies(); err != nil {
		return err
	}
	if e.measure == measureAnswers || e.measure == measureCache {
		s.Forced = e.forced
	}
	if e.measure != measureAnswers {
		s.Tokens = e.tokens
	}
	return e.readFiles()
}

func (e *evaluation) readTasks() error {
	e.tasks = map[string]task.Task{}
	if e.measure == measurePerplexity {
		e.settings.Tasks = []string{eval.TextTask}
		return nil
	}
	if e.taskList == "all" {
		for _, t := range task.All() {
			e.tasks[t.Name] = t
			e.settings.Tasks = append(e.settings.Tasks, t.Name)
		}
	} else {
		for _, name := range strings.Split(e.taskList, ",") {
			t, err := task.Named(strings.TrimSpace(name))
			if err != nil {
				return usageError{fmt.Errorf("-tasks: %w", err)}
			}
			if _, twice := e.tasks[t.Name]; twice {
				return usagef("-tasks: %s twice", t.Name)
			}
			e.tasks[t.Name] = t
			e.settings.Tasks = append(e.settings.Tasks, t.Name)
		}
	}
	if e.measure == measureCache {
		e.settings.Tasks = append(e.settings.Tasks, eval.TextTask)
	}
	return nil
}

func (e *evaluation) readPolicies() error {
	e.configs = map[string]selection.Config{}
	entries := strings.Split(e.policyList, ",")
	if e.measure == measureCache {
		if e.policyList == e.fs.Lookup("policies").DefValue {
			entries = []string{string(selection.TokenSelect)}
		}
		var each []string
		for _, entry := range entries {
			for _, theta := range strings.Split(e.thetas, ",") {
				each = append(each, strings.TrimSpace(entry)+":theta="+strings.TrimSpace(theta))
			}
		}
		entries = each
	}
	for _, entry := range entries {
		entry = strings.TrimSpace(entry)
		cfg, err := e.policy(entry)
		if err != nil {
			return err
		}
		if _, twice := e.configs[entry]; twice {
			return usagef("-policies: %s twice", entry)
		}
		raw, err := json.Marshal(cfg)
		if err != nil {
			return err
		}
		e.configs[entry] = cfg
		e.settings.Policies = append(e.settings.Policies, eval.Policy{Name: entry, Config: raw})
	}
	return nil
}

// policy is the configuration of an entry of -policies: a policy's name and its own
// options, which go over those of the command line.
func (e *evaluation) policy(entry string) (selection.Config, error) {
	name, options, _ := strings.Cut(entry, ":")
	own := flag.NewFlagSet(entry, flag.ContinueOnError)
	flags := addSelectionFlags(own, true)
	var known []string
	own.VisitAll(func(f *flag.Flag) {
		if f.Name != "policy" {
			known = append(known, f.Name)
		}
	})
	var err error
	e.fs.Visit(func(f *flag.Flag) {
		if err == nil && slices.Contains(known, f.Name) {
			err = own.Set(f.Name, f.Value.String())
		}
	})
	if err == nil {
		err = own.Set("policy", name)
	}
	for _, o := range strings.Split(options, ":") {
		if err != nil || options == "" {
			break
		}
		option, value, _ := strings.Cut(o, "=")
		if !slices.Contains(known, option) {
			return selection.Config{}, usagef("-policies %q: no option %q, expected of %s", entry, option, strings.Join(known, ", "))
		}
		if err = own.Set(option, value); err != nil {
			err = fmt.Errorf("%s %q: %w", option, value, err)
		}
	}
	if err != nil {
		return selection.Config{}, usagef("-policies %q: %v", entry, err)
	}
	cfg, err := flags.config(e.ckpt.Config.Context)
	if err != nil {
		return cfg, usagef("-policies %q: %v", entry, err)
	}
	return cfg, nil
}

// run measures and prints.
func (e *evaluation) run(ctx context.Context) error {
	st, err := eval.Open(e.out, e.settings)
	if err != nil {
		return err
	}
	defer st.Close()
	progress := eval.Progress{Out: e.std.err, Live: e.std.errTerminal}
	todo := eval.Units(e.settings, st)
	if had := len(st.Records()); had > 0 {
		fmt.Fprintf(e.std.err, "%s has %d results; going on from there\n", e.out, had)
	}
	var workers []eval.Worker
	for range min(e.parallel, len(todo)) {
		w, closeIt, err := e.worker(len(workers) == 0)
		if err != nil {
			return err
		}
		defer closeIt()
		workers = append(workers, w)
	}
	if err := eval.Run(ctx, todo, workers, st, &progress); err != nil {
		if errors.Is(err, context.Canceled) && e.out != "" {
			fmt.Fprintf(e.std.err, "%s has %d results; the same command goes on from there\n", e.out, len(st.Records()))
		}
		return err
	}
	return e.report(eval.Report{Settings: e.settings, Records: st.Records()})
}

// worker opens a device, puts the model on it and does cases there.
func (e *evaluation) worker(first bool) (eval.Worker, func(), error) {
	dev, why, err := e.device.open()
	if err != nil {
		return nil, nil, err
	}
	if first {
		fmt.Fprintf(e.std.err, "%s on %s (%s)\n", e.ckpt.Config.Name, dev.Info().Name, why)
	}
	m, err := session.Load(dev, e.ckpt, engine.Options{Cache: e.cache})
	if err != nil {
		dev.Close()
		return nil, nil, err
	}
	w := &evalWorker{evaluation: e, dev: dev, m: m}
	work := w.answers
	switch e.measure {
	case measureRecall:
		work = w.recall
	case measurePerplexity, measureCache:
		work = w.mixed
	}
	return work, func() { w.close(); dev.Close() }, nil
}

// reprint prints the reports in files.
func (e *evaluation) reprint(paths []string) error {
	if len(paths) == 0 {
		return usagef("-table without a file, expected those that -o has written")
	}
	var reports []eval.Report
	for _, p := range paths {
		r, err := eval.Read(p)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	r, err := eval.Merge(reports, paths)
	if err != nil {
		return err
	}
	if e.svg != "" && r.Settings.Measure != measureAnswers {
		return usagef("-svg belongs to -measure %s, %s has %s", measureAnswers, paths[0], r.Settings.Measure)
	}
	return e.report(r)
}

// report prints what was measured.
func (e *evaluation) report(r eval.Report) error {
	s := r.Summarise()
	var failure error // of the picture, which does not take the tables along
	if e.svg != "" {
		_, failure = writeFile(e.svg, func(w io.Writer) error { return s.SVG(w) })
	}
	if e.asJSON {
		enc := json.NewEncoder(e.std.out)
		enc.SetIndent("", "  ")
		return errors.Join(failure, enc.Encode(s))
	}
	s.Markdown(e.std.out)
	return failure
}
