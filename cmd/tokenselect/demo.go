package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"tokenselect/cmd/tokenselect/internal/haystack"
	"tokenselect/engine"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
)

func runDemo(ctx context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	var model string
	addText(fs, &model, "model", modelHelp)
	device := addDeviceFlags(fs)
	var cache string
	addCache(fs, &cache)
	size := fs.Int("tokens", 20000, "length of the text")
	facts := fs.Int("facts", 5, "facts hidden in it")
	seed := fs.Uint64("seed", 1, "of the text")
	budgets := addSelectionFlags(fs, false)
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return usagef("%q after the flags, expected nothing", fs.Arg(0))
	}
	if *size < 100 || *size > mostTokens || *facts < 1 || *facts > 20 {
		return usagef("-tokens %d -facts %d, expected 100 to %d tokens and 1 to 20 facts", *size, *facts, mostTokens)
	}
	dev, why, err := device.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	ckpt, err := openModel(model)
	if err != nil {
		return err
	}
	defer ckpt.Close()
	cfg, err := budgets.config(ckpt.Config.Context)
	if err != nil {
		return err
	}
	o, dense := engine.Options{Cache: cache}, cfg
	dense.Policy = selection.Dense
	if err := fitContext("-tokens", *size, ckpt, dev.Info(), o, cfg, dense); err != nil {
		return err
	}
	m, err := session.Load(dev, ckpt, o)
	if err != nil {
		return err
	}
	defer m.Close()

	text := haystack.New(*seed, *size, *facts, m.Tokens)
	fmt.Fprintf(std.out, "%s, trained on texts of %d tokens, reads one of %d, on %s (%s).\n%d facts are hidden in it:\n",
		ckpt.Config.Name, ckpt.Config.Context, m.Tokens(text.Document), dev.Info().Name, why, *facts)
	for _, f := range text.Facts {
		fmt.Fprintf(std.out, "  at %2.0f %%: %s\n", 100*f.Depth, f.Sentence)
	}
	d := demo{std: std, m: m, text: text}
	policies := []selection.Policy{selection.Dense, selection.Window, selection.TokenSelect}
	for _, p := range policies {
		cfg.Policy = p
		if err := d.run(ctx, cfg); err != nil {
			return err
		}
	}
	return d.print(cfg, ckpt.Config.Context, policies)
}

// demo asks for the facts of a text with one policy after the other.
type demo struct {
	std  stdio
	m    *session.Model
	text haystack.Text
	runs []demoRun
}

type demoRun struct {
	answers []string
	right   int
	read    time.Duration // the document
	answer  time.Duration // all answers and the questions before them
}

func (d *demo) run(ctx context.Context, cfg selection.Config) error {
	bar := progressBar{w: d.std.err, live: d.std.errTerminal}
	o := session.Options{Selection: cfg, MaxTokens: 24}
	if d.std.errTerminal {
		fmt.Fprintf(d.std.err, "%s:\n", cfg.Policy)
		o.Progress = bar.show
	}
	c, err := d.m.NewConversation(d.text.Document, o)
	if err != nil {
		return err
	}
	defer c.Close()
	var run demoRun
	for i, f := range d.text.Facts {
		began := time.Now()
		ans, err := c.Ask(ctx, f.Question, nil)
		if err != nil {
			return err
		}
		took := time.Since(began)
		if i == 0 {
			run.read, took = ans.Prefill, took-ans.Prefill
		}
		run.answer += took
		run.answers = append(run.answers, strings.Join(strings.Fields(ans.Text), " "))
		if f.Right(ans.Text) {
			run.right++
		}
	}
	d.runs = append(d.runs, run)
	return nil
}

func (d *demo) print(cfg selection.Config, trained int, policies []selection.Policy) error {
	w := tabwriter.NewWriter(d.std.out, 0, 0, 3, ' ', 0)
	for i, f := range d.text.Facts {
		fmt.Fprintf(w, "\n%s\n", f.Question)
		for j, p := range policies {
			mark := "wrong"
			if f.Right(d.runs[j].answers[i]) {
				mark = "right"
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\n", p, mark, short(d.runs[j].answers[i]))
		}
	}
	fmt.Fprintf(w, "\npolicy\tright\treading\tanswering\n")
	for j, p := range policies {
		r := d.runs[j]
		fmt.Fprintf(w, "%s\t%d of %d\t%.1f s\t%.2f s\n", p, r.right, len(d.text.Facts), r.read.Seconds(), r.answer.Seconds())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(d.std.out, `
dense attends to every token at distances beyond the %d that the model was trained on, and loses itself; window attends to the first %d and the last %d tokens and never sees what stands between; tokenselect lets the heads choose %d of those for every token it reads or writes, and attends to them at distances that the model knows.
`, trained, cfg.NInit, cfg.NLocal+cfg.K, cfg.K)
	return err
}

// short is the start of an answer.
func short(s string) string {
	const most = 70
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
