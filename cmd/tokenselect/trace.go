//go:build !js

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenselect/cmd/tokenselect/internal/eval/task"
	"tokenselect/engine"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
	"tokenselect/engine/trace/recording"
)

func traceCommand() []command {
	return []command{{"trace", "-o FILE [flags] | -info FILE", "record how one answer comes about, step by step, for the page to replay", runTrace}}
}

// tracing is the flags of trace and what they come to.
type tracing struct {
	std       stdio
	model     string
	cache     string
	device    *deviceFlags
	selection *selectionFlags

	out, info        string
	document         string
	task             string
	length           string
	seed             uint64
	hide             string
	at               int
	question, expect string
	marks            []string
	what             string
	tokens           int
	sweep, policies  string

	record *trace.Record
}

const traceIntroduction = `usage: tokenselect trace -o FILE [flags]
       tokenselect trace -info FILE

Records how one answer comes about, token by token and layer by layer: which rows
of the document were selected and by how many votes, where the attention of each
head lies, what a model that reads everything would have attended to. The page
replays the file without a model: drop it there, or serve it beside the page and
name it in the address. The document travels in it.

Hide a sentence in made-up prose, ask for it, and see what other budgets come to:

  tokenselect trace -o parrot.json.gz -length 16K -at 9000 \
      -hide "Clara Nash keeps a parrot at home." \
      -question "Which animal does Clara Nash keep?" -expect parrot \
      -sweep k=4,64,512

Ask about a document of your own, and follow a passage of it:

  tokenselect trace -o book.json.gz -document book.txt \
      -question "Who sells heads?" -mark "he's sold all the balmed" -tokens 60

Have document, question and marks made, as for tokenselect eval:

  tokenselect trace -o key.json.gz -task passkey -length 32K -sweep k=64,512

`

// traceFlags are those of trace alone, in the order in which they are explained.
var traceFlags = []string{"o", "info", "document", "hide", "at", "task", "length", "seed", "question", "expect", "mark", "tokens", "record", "sweep", "sweep-policies"}

// explain prints the help: examples first, then what is trace's own; what it shares
// with run would bury that.
func explain(fs *flag.FlagSet, out io.Writer) {
	fmt.Fprint(out, traceIntroduction, "Flags:\n")
	for _, name := range traceFlags {
		one, f := flag.NewFlagSet(name, flag.ContinueOnError), fs.Lookup(name)
		one.SetOutput(out)
		one.Var(f.Value, f.Name, f.Usage)
		one.Lookup(name).DefValue = f.DefValue
		one.PrintDefaults()
	}
	fmt.Fprint(out, "\nModel, device, policy and budgets are chosen as with tokenselect run, which explains these:\n")
	line := " "
	fs.VisitAll(func(f *flag.Flag) {
		if slices.Contains(traceFlags, f.Name) {
			return
		}
		if len(line)+len(f.Name) > 76 {
			fmt.Fprintln(out, line)
			line = " "
		}
		line += " -" + f.Name
	})
	fmt.Fprintln(out, line)
}

func (t *tracing) add(fs *flag.FlagSet) {
	fs.StringVar(&t.out, "o", "", "`file` to write, as a rule NAME.json.gz")
	fs.StringVar(&t.info, "info", "", "only print what is in a recording, a `file` that -o has written")
	fs.StringVar(&t.document, "document", "", "`file` to ask about, in UTF-8")
	fs.StringVar(&t.task, "task", "", "`task` that makes document, question, answer and marks: one of "+strings.Join(taskNames(), ", "))
	fs.StringVar(&t.length, "length", "16K", "`tokens` of the document where it is made, K for 1024")
	fs.Uint64Var(&t.seed, "seed", 1, "of a document that is made: another seed, another text")
	fs.StringVar(&t.hide, "hide", "", "`sentence` to put into the document; it is marked")
	fs.IntVar(&t.at, "at", 9000, "`token` of the document at which it goes, at the next end of a sentence")
	fs.StringVar(&t.question, "question", "", "`text` to ask")
	fs.StringVar(&t.expect, "expect", "", "the right `answer`, or what it has to hold: its probability is what -sweep compares")
	fs.Func("mark", "`text` in the document to follow: is it attended to? May be given several times", func(s string) error {
		t.marks = append(t.marks, s)
		return nil
	})
	fs.StringVar(&t.what, "record", "votes,mass,heads=16", "comma-separated, `what` to keep of each step besides the selected rows: \"votes\", \"mass\" (where dense attention's mass lies; the slow part), \"heads=N\" (for each head so many rows with the most weight), \"scores=LAYER:HEAD\" (that head's scores of every row, and what some are products of; up to 8 times), \"timings\" (of each kind of kernel; steps are slower for it)")
	fs.IntVar(&t.tokens, "tokens", 40, "`tokens` of the answer at most")
	fs.StringVar(&t.sweep, "sweep", "", "also answer with other `budgets`, to be compared, as in k=64,128,256,512")
	fs.StringVar(&t.policies, "sweep-policies", "dense,window", "with -sweep: comma-separated `policies` beside them, with the run's own budgets")
	addText(fs, &t.model, "model", modelHelp)
	t.device = addDeviceFlags(fs)
	addCache(fs, &t.cache)
	t.selection = addSelectionFlags(fs, true)
}

func taskNames() []string {
	var names []string
	for _, t := range task.All() {
		names = append(names, t.Name)
	}
	return names
}

func runTrace(ctx context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	t := &tracing{std: std}
	t.add(fs)
	fs.Usage = func() { explain(fs, std.out) }
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return usagef("%q after the flags, expected nothing (the question goes with -question)", fs.Arg(0))
	}
	if t.info != "" {
		return t.describe(t.info)
	}
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	if err := t.check(set); err != nil {
		return err
	}
	return t.run(ctx)
}

// check refuses what does not go together, before a model is loaded.
func (t *tracing) check(set map[string]bool) error {
	switch {
	case t.out == "":
		return usagef("no -o, expected the file to write (or -info, for one to look into)")
	case t.task != "" && (set["document"] || set["question"] || set["hide"] || set["expect"]):
		return usagef("-task with -document, -question, -hide or -expect: a task makes them itself")
	case t.task == "" && t.question == "":
		return usagef("no -question, expected one, or a -task that has its own")
	case set["at"] && t.hide == "":
		return usagef("-at belongs to -hide")
	case set["document"] && (set["length"] || set["seed"]):
		return usagef("-length and -seed with -document: they are for documents that are made")
	case set["sweep-policies"] && t.sweep == "":
		return usagef("-sweep-policies belongs to -sweep")
	case t.tokens < 1:
		return usagef("-tokens %d, expected at least 1", t.tokens)
	}
	var err error
	if t.record, err = parseRecord(t.what); err != nil {
		return usageError{fmt.Errorf("-record %q: %w", t.what, err)}
	}
	if err := checkWritable(t.out); err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	return nil
}

// parseRecord reads -record.
func parseRecord(text string) (*trace.Record, error) {
	r := &trace.Record{}
	for _, s := range strings.Split(text, ",") {
		name, value, has := strings.Cut(strings.TrimSpace(s), "=")
		var err error
		switch {
		case name == "votes" && !has:
			r.Votes = true
		case name == "mass" && !has:
			r.Mass = true
		case name == "timings" && !has:
			r.Timings = true
		case name == "heads" && has:
			r.Heads, err = strconv.Atoi(value)
		case name == "scores" && has:
			layer, head, _ := strings.Cut(value, ":")
			var h trace.Head
			if h.Layer, err = strconv.Atoi(layer); err == nil {
				h.Head, err = strconv.Atoi(head)
			}
			r.Scores = append(r.Scores, h)
		default:
			return nil, fmt.Errorf("%q, expected of votes, mass, heads=16, scores=LAYER:HEAD, timings", s)
		}
		if err != nil {
			return nil, fmt.Errorf("%q, expected numbers, as in heads=16 or scores=0:3", s)
		}
	}
	return r, r.Check()
}

func (t *tracing) run(ctx context.Context) error {
	ckpt, err := openModel(t.model)
	if err != nil {
		return err
	}
	defer ckpt.Close()
	cfg, err := t.selection.config(ckpt.Config.Context)
	if err != nil {
		return err
	}
	budgets, err := t.budgets(cfg)
	if err != nil {
		return err
	}
	devices, err := t.device.devices()
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(t.std.err, format+"\n", args...) }
	m, err := devices.load(ckpt, engine.Options{Cache: t.cache}, say)
	if err != nil {
		return err
	}
	defer m.close()
	src, err := t.make(m.Model)
	if err != nil {
		return err
	}
	say("%s on %s (%s): %s, %d tokens", ckpt.Config.Name, m.dev.Info().Name, m.why, src.document.Name, m.Tokens(src.document.Text))
	events, info, err := t.ask(ctx, m, cfg, src)
	if err != nil {
		return err
	}
	h := recording.Header{Created: time.Now().UTC().Format(time.RFC3339), Model: *info, Selection: session.SelectionOf(cfg),
		Document: src.document, Question: src.question, Record: t.record, Marks: src.marks, Expected: src.expected}
	h.Selection.Index = cmp.Or(h.Selection.Index, "exact")
	if h.Sweep, err = t.sweepOver(ctx, m.Model, budgets, src, events); err != nil {
		return err
	}
	var file bytes.Buffer
	w, err := recording.NewWriter(&file, h)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := w.Event(e); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := writeBytes(t.out, file.Bytes()); err != nil {
		return err
	}
	say("%s: %s", t.out, byteSize(int64(file.Len())))
	return t.describe(t.out)
}

// ask has the model answer as it answers a page, and returns what it would have
// told that.
func (t *tracing) ask(ctx context.Context, m *loaded, cfg selection.Config, src *asked) ([]trace.Event, *trace.Info, error) {
	h := session.Host{Where: "server", Load: func(context.Context, trace.Command, func(string, int64, int64)) (session.Loaded, error) {
		return session.Loaded{Model: m.Model, Info: trace.Info{Why: m.why}}, nil
	}}
	ctx, stop := context.WithCancel(ctx)
	commands, came, ended := make(chan trace.Command), make(chan trace.Event), make(chan error, 1)
	go func() {
		ended <- h.Serve(ctx, commands, func(e trace.Event) error {
			select {
			case came <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	defer func() { // what it holds of the device is freed when it has ended
		stop()
		<-ended
	}()
	bar := progressBar{w: t.std.err, live: t.std.errTerminal}
	var kept []trace.Event
	var info *trace.Info
	s := session.SelectionOf(cfg)
	for id, c := range []trace.Command{
		{Type: trace.Load}, {Type: trace.Open, Document: src.document.Text, Selection: &s},
		{Type: trace.Ask, Question: src.question, MaxTokens: t.tokens, Record: t.record},
	} {
		c.ID = id + 1
		commands <- c
		for last := false; !last; {
			select {
			case e := <-came:
				switch e.Type {
				case trace.Failed:
					return nil, nil, errors.New(e.Error.Message)
				case trace.Prefill:
					bar.show(int(e.Done), int(e.Total))
				case trace.Loaded:
					info = e.Info
				}
				last = e.Type == trace.Loaded || e.Type == trace.Opened || e.Type == trace.Done
				if c.Type == trace.Ask {
					kept = append(kept, e)
				}
			case err := <-ended:
				ended <- err
				return nil, nil, err
			}
		}
	}
	return kept, info, ctx.Err()
}

// asked is a document and what is asked about it.
type asked struct {
	document recording.Document
	question string
	expected string // "": it is not known
	reply    string // a right reply in the model's words; "": it is not known
	marks    []recording.Mark
}

// make is the document, the question and what is known of the answer.
func (t *tracing) make(m *session.Model) (*asked, error) {
	src := &asked{question: t.question, expected: t.expect}
	lengths, err := parseLengths("-length", t.length)
	if err != nil {
		return nil, err
	}
	if len(lengths) != 1 {
		return nil, usagef("-length %q, expected a number of tokens such as 1500 or 16K", t.length)
	}
	switch {
	case t.task != "":
		err = t.makeTask(m, lengths[0], src)
	case t.document != "":
		var raw []byte
		raw, err = os.ReadFile(t.document)
		text, replaced := session.ValidUTF8(string(raw))
		if replaced > 0 {
			fmt.Fprintf(t.std.err, "warning: %s is not UTF-8: %d bytes of %d replaced by U+FFFD\n", t.document, replaced, len(raw))
		}
		if err == nil && strings.TrimSpace(text) == "" {
			err = fmt.Errorf("-document %s is empty", t.document)
		}
		src.document = recording.Document{Name: filepath.Base(t.document), Text: text}
	default:
		src.document = recording.Document{Name: "made prose", Text: task.Prose(t.seed, lengths[0], m.Tokens)}
	}
	if err != nil {
		return nil, err
	}
	if t.hide != "" {
		if err := src.hide(t.hide, t.at, m); err != nil {
			return nil, err
		}
	}
	for _, text := range t.marks {
		at := strings.Index(src.document.Text, text)
		if at < 0 || text == "" {
			return nil, usagef("-mark %q: the document does not hold it", text)
		}
		src.mark(at, at+len(text))
	}
	return src, nil
}

func (t *tracing) makeTask(m *session.Model, length int, src *asked) error {
	made, err := task.Named(t.task)
	if err != nil {
		return usageError{fmt.Errorf("-task: %w", err)}
	}
	lengths, err := measure(m)
	if err != nil {
		return err
	}
	c, err := made.Generate(task.Seed(t.seed, t.task, length, 0), length, task.Filler{}, lengths)
	if err != nil {
		return err
	}
	src.document = recording.Document{Name: fmt.Sprintf("%s, seed %d", t.task, t.seed), Text: c.Document}
	src.question, src.expected, src.reply = c.Question, c.Reply, c.Reply
	if len(c.Answers) == 1 {
		src.expected = c.Answers[0]
	}
	for _, n := range c.Needles {
		src.mark(n.Start, n.End)
	}
	return nil
}

// hide puts a sentence into the document, after the sentence that its token at is in.
func (a *asked) hide(sentence string, at int, m *session.Model) error {
	text := a.document.Text
	if n := m.Tokens(text); at < 0 || at > n {
		return usagef("-at %d, expected 0 to %d, the document's tokens", at, n)
	}
	start := 0
	if at > 0 {
		start = min(len(text), len(m.Tokenizer.DecodeBytes(m.Tokenizer.Encode(text, false)[:at])))
		if end := strings.IndexAny(text[start:], ".!?"); end >= 0 {
			start += end + 1
		} else {
			start = len(text)
		}
		if rest := text[start:]; strings.HasPrefix(rest, `"`) {
			start++
		}
	}
	before, after := " ", ""
	if start == 0 {
		before, after = "", " "
	}
	a.document.Text = text[:start] + before + sentence + after + text[start:]
	a.mark(start+len(before), start+len(before)+len(sentence))
	return nil
}

// mark marks a piece of the document, in bytes.
func (a *asked) mark(start, end int) {
	text := a.document.Text
	from := units(text[:start])
	label := text[start:end]
	if r := []rune(label); len(r) > 60 {
		label = string(r[:57]) + "..."
	}
	a.marks = append(a.marks, recording.Mark{Start: from, End: from + units(text[start:end]), Label: label})
}
