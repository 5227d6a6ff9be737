package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"tokenselect/cmd/tokenselect/internal/eval"
	"tokenselect/cmd/tokenselect/internal/eval/task"
	"tokenselect/engine"
	"tokenselect/engine/session"
)

// readFiles reads -filler and -text.
func (e *evaluation) readFiles() error {
	if e.fillerPath != "" {
		text, digest, err := readText("-filler", e.fillerPath)
		if err != nil {
			return err
		}
		if e.filler, err = task.FillerOf(text); err != nil {
			return fmt.Errorf("-filler %s: %w", e.fillerPath, err)
		}
		e.settings.Filler = digest
	}
	if e.textPath == "" {
		return nil
	}
	for _, l := range e.settings.Lengths {
		if l <= e.tokens {
			return usagef("-lengths has %d tokens and -score is %d, expected something to read before what is scored", l, e.tokens)
		}
	}
	var err error
	e.text, e.settings.Text, err = readText("-text", e.textPath)
	return err
}

// readText is what a file says, and what tells it from others.
func readText(flag, path string) (text, digest string, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", flag, err)
	}
	text, _ = session.ValidUTF8(string(raw))
	return text, fmt.Sprintf("%s, sha256 %.8x", filepath.Base(path), sha256.Sum256(raw)), nil
}

// passage is the tokens of a unit's text: of a file those that end where the scored
// ones of the case before begin, the last at the file's end.
func (w *evalWorker) passage(u eval.Unit) ([]int, error) {
	if w.ids == nil {
		w.ids = w.m.Tokenizer.Encode(w.text, false)
	}
	end := len(w.ids) - u.Case*w.tokens
	if end < u.Length {
		return nil, fmt.Errorf("-text %s has %d tokens, expected at least %d for %d cases of %d", w.textPath, len(w.ids),
			u.Length+(w.cases-1)*w.tokens, w.cases, u.Length)
	}
	return w.ids[end-u.Length : end], nil
}

// mixed is texts and answers.
func (w *evalWorker) mixed(ctx context.Context, u eval.Unit, emit func(eval.Record) error) error {
	if u.Task != eval.TextTask {
		return w.answers(ctx, u, emit)
	}
	ids, err := w.passage(u)
	if err != nil {
		return err
	}
	for _, policy := range u.Policies {
		r := w.record(u, policy)
		if err := w.perplexity(ctx, ids, &r); err != nil {
			return err
		}
		if w.measure == measureCache {
			if r.Free, err = w.goOn(ctx, ids[:len(ids)-w.tokens], r.Policy); err != nil {
				return err
			}
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// perplexity reads all but the last tokens of ids and then those one by one, each
// after its probability has been looked up: the way of decoding, the Selection Cache
// included. What is read back besides the logits is not timed.
func (w *evalWorker) perplexity(ctx context.Context, ids []int, r *eval.Record) error {
	s, err := w.m.Engine.NewSession(engine.SessionOptions{Context: len(ids), Selection: w.configs[r.Policy]})
	if err != nil {
		return err
	}
	defer s.Close()
	began := time.Now()
	first := len(ids) - w.tokens
	if err := s.Prefill(ctx, ids[:first], nil); err != nil {
		return err
	}
	r.Tokens, r.Prefill = first, time.Since(began).Seconds()
	for i := first; i < len(ids); i++ {
		began := time.Now()
		logits, err := s.Logits(ctx)
		if err != nil {
			return err
		}
		r.LogLoss += logLoss(logits, ids[i])
		if err := s.Prefill(ctx, ids[i:i+1], nil); err != nil {
			return err
		}
		r.Decode += time.Since(began).Seconds()
		r.Decoded++
		if err := attended(ctx, s, &r.Attended, &r.Hits, &r.Misses); err != nil {
			return err
		}
	}
	r.Score, r.Bytes = -r.LogLoss/float64(r.Decoded), s.Bytes()
	return nil
}

// attended counts what the layers did in the session's last step: the most rows that
// one attended to, selections reused and made.
func attended(ctx context.Context, s *engine.Session, most, hits, misses *int) error {
	chosen, err := s.Chosen(ctx)
	for _, c := range chosen {
		*most = max(*most, c.Attended)
		switch {
		case c.Rows == nil: // attended to everything, or selects nothing
		case c.Hit:
			*hits++
		default:
			*misses++
		}
	}
	return err
}

// goOn reads ids and has the model go on with them for as many tokens as are scored,
// none of them an end.
func (w *evalWorker) goOn(ctx context.Context, ids []int, policy string) (*eval.Free, error) {
	s, err := w.m.Engine.NewSession(engine.SessionOptions{Context: len(ids) + w.tokens, Selection: w.configs[policy]})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Prefill(ctx, ids, nil); err != nil {
		return nil, err
	}
	f := &eval.Free{Before: s.Bytes()}
	var looking time.Duration // between the first token and the last, which is not decoding
	steps := 0
	res, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: w.tokens, Constraint: w.m.Endless(), AfterStep: func() error {
		if _, err := s.Logits(ctx); err != nil { // the step's own time ends here
			return err
		}
		began := time.Now()
		err := attended(ctx, s, &f.Attended, &f.Hits, &f.Misses)
		if steps++; steps < w.tokens {
			looking += time.Since(began)
		}
		return err
	}})
	if err != nil {
		return nil, err
	}
	f.Tokens, f.Bytes, f.Distinct = len(res.IDs), s.Bytes(), distinct(res.IDs)
	f.Decode, f.Decoded = (res.Decode - looking).Seconds(), f.Tokens-1
	return f, nil
}

// distinct is the share of different ones among the runs of four tokens.
func distinct(ids []int) float64 {
	seen := map[[4]int]bool{}
	for i := 3; i < len(ids); i++ {
		seen[[4]int(ids[i-3:i+1])] = true
	}
	return float64(len(seen)) / float64(max(1, len(ids)-3))
}

// logLoss is minus the logarithm of a token's probability.
func logLoss(logits []float32, id int) float64 {
	most := float64(logits[largest(logits)])
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum) - float64(logits[id])
}
