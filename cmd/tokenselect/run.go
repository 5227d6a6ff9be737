package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"tokenselect/engine"
	"tokenselect/engine/chat"
	"tokenselect/engine/gpu"
	"tokenselect/engine/grammar"
	"tokenselect/engine/sample"
	"tokenselect/engine/session"
)

// runFlags are those of run.
type runFlags struct {
	model, cache string
	device       *deviceFlags
	files        []string
	maxTokens    int
	context      int
	sample       sample.Options
	raw, endless bool
	json         bool
	system       string
	template     string
	schema       string
	verbose      bool
	selection    *selectionFlags
}

func (f *runFlags) add(fs *flag.FlagSet) {
	addText(fs, &f.model, "model", modelHelp)
	f.device = addDeviceFlags(fs)
	addCache(fs, &f.cache)
	fs.Func("file", "`document` to read before the question; may be given several times, \"-\" is standard input", func(path string) error {
		if path == "-" && slices.Contains(f.files, path) {
			return errors.New("standard input can be read once")
		}
		f.files = append(f.files, path)
		return nil
	})
	fs.IntVar(&f.maxTokens, "max-tokens", 256, "`tokens` of an answer at most")
	fs.IntVar(&f.context, "context", 0, "`tokens` to make room for; default: as many as document, question and answer need, and some for further questions")
	fs.Float64Var(&f.sample.Temperature, "temperature", 0, "0: the most likely token; more: sampled")
	fs.IntVar(&f.sample.TopK, "top-k", 0, "with -temperature: sample from the most likely `tokens` only; 0: all")
	fs.Float64Var(&f.sample.TopP, "top-p", 0, "with -temperature: sample from the most likely tokens that together have this `probability`; 0: all")
	fs.Float64Var(&f.sample.Penalty, "repetition-penalty", 1, "divide the logits of tokens that occurred by this `factor`")
	fs.Uint64Var(&f.sample.Seed, "seed", 0, "of the random numbers, with -temperature")
	fs.BoolVar(&f.raw, "raw", false, "continue the text as it stands, special tokens parsed, without the model's chat format")
	fs.BoolVar(&f.endless, "endless", false, "leave out the tokens that end an answer or a text, so that it goes on to -max-tokens, for experiments")
	fs.StringVar(&f.system, "system", "", "`text` that the model is told before the document")
	fs.StringVar(&f.template, "template", "", templateHelp+"; default: the model's own")
	fs.BoolVar(&f.json, "json", false, "print one JSON object instead of the streamed answer")
	addText(fs, &f.schema, "json-schema", "answer in JSON that satisfies a `schema`: a file, or the JSON Schema itself, as {\"type\":\"object\"}")
	fs.BoolVar(&f.verbose, "v", false, "progress and figures on standard error, also where it is not a terminal")
	f.selection = addSelectionFlags(fs, true)
}

// check refuses values that mean nothing.
func (f *runFlags) check() error {
	s := f.sample
	switch {
	case f.raw && (f.system != "" || f.template != ""):
		return usagef("-raw with -system or -template: a text that is continued as it stands has neither")
	case f.endless && f.schema != "":
		return usagef("-endless with -json-schema: an answer by a schema has an end")
	case f.maxTokens < 1 || f.maxTokens > mostTokens:
		return usagef("-max-tokens %d, expected 1 to %d", f.maxTokens, mostTokens)
	case f.context < 0 || f.context > mostTokens:
		return usagef("-context %d, expected 0 (as needed) to %d", f.context, mostTokens)
	case !(s.Temperature >= 0) || math.IsInf(s.Temperature, 0): // NaN too, as below
		return usagef("-temperature %v, expected 0 or more", s.Temperature)
	case s.TopK < 0:
		return usagef("-top-k %d, expected 0 (all) or more", s.TopK)
	case !(s.TopP >= 0 && s.TopP <= 1):
		return usagef("-top-p %v, expected 0 (all) to 1", s.TopP)
	case s.Temperature == 0 && s.TopK > 0:
		return usagef("-top-k %d without -temperature: at 0 nothing is sampled, the most likely token is taken", s.TopK)
	case s.Temperature == 0 && s.TopP > 0:
		return usagef("-top-p %v without -temperature: at 0 nothing is sampled, the most likely token is taken", s.TopP)
	case !(s.Penalty > 0) || math.IsInf(s.Penalty, 0):
		return usagef("-repetition-penalty %v, expected more than 0 (1: none)", s.Penalty)
	}
	return nil
}

const runAbout = `answer a question about a document, or continue a text.
QUESTION comes after all flags: one argument in quotes, or words without quotes,
which are put together with spaces. What follows -- is no flag: run -- -5 or 5?
Without a QUESTION, questions are asked for on a terminal`

func runRun(ctx context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	var f runFlags
	f.add(fs)
	if err := parse(fs, args); err != nil {
		return err
	}
	question, err := questionOf(fs, args)
	if err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	template, err := readTemplate(f.template)
	if err != nil {
		return err
	}
	document, err := f.document(ctx, std)
	if err != nil {
		return err
	}
	interactive := question == "" && !f.raw && !f.json && std.inTerminal
	if question == "" && !interactive && !(f.raw && document != "") {
		return usagef("no question: give it after the flags, or run on a terminal to be asked")
	}

	if in, ok := std.in.(*os.File); ok && question != "" && !slices.Contains(f.files, "-") && isPiped(in) {
		fmt.Fprintln(std.err, "standard input is not read; -file - makes it the document")
	}
	devices, err := f.device.devices()
	if err != nil {
		return err
	}
	ckpt, err := openModel(f.model)
	if err != nil {
		return err
	}
	defer ckpt.Close()
	if template != "" && ckpt.Tokenizer != nil {
		ckpt.Tokenizer.ChatTemplate = template
	}
	cfg, err := f.selection.config(ckpt.Config.Context)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(std.err, format+"\n", args...) }
	if w := engine.Warning(ckpt.Config, cfg); w != "" {
		say("warning: %s", w)
	}
	load := func() (*loaded, error) {
		return devices.load(ckpt, engine.Options{Cache: f.cache, Context: f.context, Selection: cfg}, say)
	}
	m, err := load()
	if err != nil {
		return err
	}
	defer func() {
		if m != nil {
			m.close()
		}
	}()
	constrain, err := f.constrain(m.Model)
	if err != nil {
		return err
	}
	talk := f.verbose || std.errTerminal
	if talk {
		say("%s on %s (%s)", ckpt.Config.Name, m.dev.Info().Name, m.why)
	}
	if f.endless {
		constrain = m.Endless
	}
	opt := session.Options{Context: f.context, Selection: cfg, Sample: f.sample, MaxTokens: f.maxTokens, Raw: f.raw, System: f.system, Constrain: constrain}
	if talk {
		bar := progressBar{w: std.err, live: std.errTerminal}
		opt.Progress = bar.show
		tokens := m.Tokens(document)
		say("document of %d tokens; memory when it is read: %s", tokens, byteSize(m.Engine.Memory(max(f.context, tokens+f.maxTokens), cfg).Total()))
	}
	asker := asker{std: std, json: f.json, schema: f.schema != "", talk: talk, info: m.dev.Info(), policy: f.selection.policy}
	if devices.auto {
		opt.Next = func(failure error) (*session.Model, error) {
			asker.endLine()
			m.close()
			if m, err = load(); err != nil {
				return nil, err
			}
			asker.info = m.dev.Info()
			say("%v; going on with %s", failure, asker.info.Name)
			return m.Model, nil
		}
	}
	c, err := m.NewConversation(document, opt)
	if errors.Is(err, chat.ErrUnknown) {
		return fmt.Errorf("%w; -template says how, -raw continues the text as it stands", err)
	}
	if err != nil {
		return err
	}
	defer c.Close()
	asker.c = c
	if !interactive {
		return asker.ask(ctx, question)
	}
	return asker.loop(ctx)
}

// isPiped tells whether f is a pipe or a file, which as a rule somebody has put there on purpose.
func isPiped(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && (info.Mode().IsRegular() || info.Mode()&os.ModeNamedPipe != 0)
}

// questionOf is what follows the flags in args.
func questionOf(fs *flag.FlagSet, args []string) (string, error) {
	words := fs.Args()
	if len(words) > 1 && strings.ContainsFunc(strings.Join(words, ""), unicode.IsSpace) {
		return "", usagef("%d arguments after the flags, of which some have spaces, as %q: expected one question, in quotes as a whole", len(words), words[0])
	}
	if n := len(args) - len(words); n > 0 && args[n-1] == "--" {
		return strings.Join(words, " "), nil
	}
	for _, w := range words {
		name, dashed := strings.CutPrefix(w, "-")
		name, _, _ = strings.Cut(strings.TrimPrefix(name, "-"), "=")
		if dashed && (fs.Lookup(name) != nil || name == "h" || name == "help") {
			return "", usagef("%s after the question: flags come before it (what follows -- is no flag)", w)
		}
	}
	return strings.Join(words, " "), nil
}

// constrain begins constraints of answers to the schema, nil: there is none.
func (f *runFlags) constrain(m *session.Model) (func() engine.Constraint, error) {
	if f.schema == "" {
		return nil, nil
	}
	text := []byte(f.schema)
	if !strings.HasPrefix(strings.TrimSpace(f.schema), "{") {
		var err error
		if text, err = os.ReadFile(f.schema); err != nil {
			return nil, fmt.Errorf("-json-schema: %w", err)
		}
	}
	g, err := grammar.NewVocabulary(m.Tokenizer).Schema(text)
	if err != nil {
		return nil, usageError{fmt.Errorf("-json-schema: %w", err)}
	}
	return func() engine.Constraint { return g.Start() }, nil
}

// document joins the files, with a blank line between them.
func (f *runFlags) document(ctx context.Context, std stdio) (string, error) {
	var parts []string
	for _, path := range f.files {
		var raw []byte
		var err error
		if path == "-" {
			err = await(ctx, func() (err error) {
				raw, err = io.ReadAll(std.in)
				return err
			})
		} else {
			raw, err = os.ReadFile(path)
		}
		if err != nil {
			return "", fmt.Errorf("-file: %w", err)
		}
		text, replaced := session.ValidUTF8(string(raw))
		if replaced > 0 {
			fmt.Fprintf(std.err, "warning: %s is not UTF-8: %d bytes of %d replaced by U+FFFD\n", path, replaced, len(raw))
		}
		if strings.TrimSpace(text) == "" {
			return "", fmt.Errorf("-file %s: the document is empty", path)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "\n\n"), nil
}

// asker puts questions to a conversation and shows the answers.
type asker struct {
	std    stdio
	c      *session.Conversation
	json   bool
	schema bool // answers are JSON by a schema
	talk   bool
	info   gpu.Info
	policy string

	midLine bool // the answer's last line is not ended
}

// endLine ends the line of an answer before something else is said.
func (a *asker) endLine() {
	if a.midLine {
		fmt.Fprintln(a.std.out)
		a.midLine = false
	}
}

func (a *asker) ask(ctx context.Context, question string) error {
	emit := func(text string) error {
		_, err := fmt.Fprint(a.std.out, text)
		a.midLine = true
		return err
	}
	if a.json {
		emit = nil
	}
	ans, err := a.c.Ask(ctx, question, emit)
	if a.json {
		if err != nil {
			return err
		}
		return a.printJSON(ans)
	}
	a.endLine()
	if err == nil && a.schema && ans.Reason != engine.Stopped {
		fmt.Fprintf(a.std.err, "warning: the answer was cut after %d tokens: its JSON is not complete; -max-tokens allows more\n", len(ans.IDs))
	}
	if err == nil && a.talk {
		a.figures(ans)
	}
	return err
}

// rate is tokens a second, 0 where there is nothing to divide by.
func rate(tokens int, d time.Duration) float64 {
	if d <= 0 || tokens <= 0 {
		return 0
	}
	return float64(tokens) / d.Seconds()
}

func (a *asker) figures(ans session.Answer) {
	fmt.Fprintf(a.std.err, "prompt %d tokens at %.0f/s, answer %d tokens at %.1f/s, context %d; %s on %s; selections reused %d of %d; cache %s\n",
		ans.PromptTokens, rate(ans.PromptTokens, ans.Prefill), len(ans.IDs), rate(len(ans.IDs)-1, ans.Decode), a.c.Len(),
		a.policy, a.info.Name, ans.CacheHits, ans.CacheHits+ans.CacheMisses, byteSize(a.c.Bytes()))
}

// report is the object of -json.
type report struct {
	Text         string  `json:"text"`
	OutputIDs    []int   `json:"output_ids"`
	FinishReason string  `json:"finish_reason"`
	PromptTokens int     `json:"prompt_tokens"`
	PrefillTokS  float64 `json:"prefill_tok_s"`
	DecodeTokS   float64 `json:"decode_tok_s"`
	TTFTms       float64 `json:"ttft_ms"`
	Device       string  `json:"device"`
	Adapter      string  `json:"adapter"`
	Policy       string  `json:"policy"`
	CacheHits    int     `json:"cache_hits"`
	CacheMisses  int     `json:"cache_misses"`
	KVBytes      int64   `json:"kv_bytes"`
}

func (a *asker) printJSON(ans session.Answer) error {
	enc := json.NewEncoder(a.std.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(report{
		Text: ans.Text, OutputIDs: ans.IDs, FinishReason: string(ans.Reason), PromptTokens: ans.PromptTokens,
		PrefillTokS: rate(ans.PromptTokens, ans.Prefill), DecodeTokS: rate(len(ans.IDs)-1, ans.Decode),
		TTFTms: (ans.Prefill + ans.First).Seconds() * 1000, Device: a.info.Device, Adapter: a.info.Name, Policy: a.policy,
		CacheHits: ans.CacheHits, CacheMisses: ans.CacheMisses, KVBytes: a.c.Bytes(),
	})
}

// await is what read returns, unless ctx ends first: nobody has to press Enter, or
// to end what a pipe comes from, before Ctrl-C is heard. What read writes to is not
// to be used then.
func await(ctx context.Context, read func() error) error {
	done := make(chan error, 1)
	go func() { done <- read() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loop asks for questions until the input ends.
func (a *asker) loop(ctx context.Context) error {
	fmt.Fprintln(a.std.err, "Ask about the document; an empty line or Ctrl-D ends.")
	lines := bufio.NewScanner(a.std.in)
	lines.Buffer(nil, 1<<20)
	for {
		fmt.Fprint(a.std.err, "> ")
		line := ""
		err := await(ctx, func() error {
			if lines.Scan() {
				line = lines.Text()
			}
			return lines.Err()
		})
		if err != nil || strings.TrimSpace(line) == "" {
			fmt.Fprintln(a.std.err)
			return err
		}
		if err := a.ask(ctx, line); err != nil {
			if errors.Is(err, context.Canceled) {
				return err
			}
			fmt.Fprintln(a.std.err, err)
		}
	}
}
