//go:build !js

package main

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tokenselect/cmd/tokenselect/internal/eval"
	"tokenselect/engine"
	"tokenselect/engine/chat"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
)

// TestEvalBadInput: mistakes in what eval is asked for are named.
func TestEvalBadInput(t *testing.T) {
	text := file(t, "short.txt", "A short text, of a few tokens only.")
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"-measure", "speed"}, 2, `-measure "speed", expected answers, recall, perplexity or cache`},
		{[]string{"-policies", "sparse"}, 2, `"sparse": selection: policy "sparse", expected tokenselect`},
		{[]string{"-policies", "tokenselect:depth=3"}, 2, `no option "depth", expected of chunk, index,`},
		{[]string{"-policies", "tokenselect:policy=dense"}, 2, `no option "policy"`},
		{[]string{"-policies", "tokenselect:k=many"}, 2, `"many"`},
		{[]string{"-policies", "tokenselect:k"}, 2, `"tokenselect:k"`},
		{[]string{"-policies", "tokenselect:k=-3"}, 2, "k is -3"},
		{[]string{"-policies", "tokenselect,dense,tokenselect"}, 2, "tokenselect twice"},
		{[]string{"-tasks", "single,haystack"}, 2, `task "haystack", expected of passkey`},
		{[]string{"-tasks", "single,single"}, 2, "single twice"},
		{[]string{"-lengths", "2K,long"}, 2, `"LONG", expected numbers of tokens`},
		{[]string{"-lengths", "0"}, 2, `"0", expected`},
		{[]string{"-lengths", "1.0001K"}, 2, `"1.0001K"`},
		{[]string{"-lengths", "1e300M"}, 2, `"1E300M" is too large, expected at most 256M tokens`},
		{[]string{"-lengths", "9999999M"}, 2, `"9999999M" is too large`},
		{[]string{"-lengths", "nan"}, 2, `"NAN"`},
		{[]string{"-cases", "0"}, 2, "-cases 0"},
		{[]string{"-parallel", "0"}, 2, "-parallel 0"},
		{[]string{"-thetas", "1"}, 2, "-thetas belongs to -measure cache"},
		{[]string{"-text", text}, 2, "-text belongs to"},
		{[]string{"-score", "9"}, 2, "-score belongs to"},
		{[]string{"-measure", "perplexity", "-tasks", "single", "-text", text}, 2, "-tasks and -filler do not belong"},
		{[]string{"-measure", "recall", "-svg", "x.svg"}, 2, "-svg belongs to -measure answers"},
		{[]string{"-measure", "perplexity", "-filler", text, "-text", text}, 2, "-filler do not belong"},
		{[]string{"-measure", "cache"}, 2, "which need it"},
		{[]string{"-filler", text}, 1, "1 sentences, expected at least 20"},
		{[]string{"-filler", "no/such/book"}, 1, "no/such/book"},
		{[]string{"-measure", "perplexity", "-text", text, "-lengths", "100"}, 2, "-lengths has 100 tokens and -score is 256"},
		{[]string{"-measure", "perplexity", "-text", "no/such/file"}, 1, "no/such/file"},
		{[]string{"-measure", "perplexity", "-device", "cpu", "-text", text, "-lengths", "500"}, 1, "expected at least"},
		{[]string{"-measure", "cache", "-thetas", "0.5,2", "-text", text}, 2, "theta is 2"},
		{[]string{"-model", "no/such/model.gguf"}, 1, "no/such/model.gguf"},
		{[]string{"-device", "tpu", "-lengths", "100"}, 2, `"tpu"`},
		{[]string{"-device", "cpu", "-lengths", "40"}, 1, "does not fit into 40 tokens"},
		{[]string{"-svg", "/no/such/x.svg", "-device", "tpu"}, 1, "-svg: /no/such/x.svg cannot be written: no such file"},
		{[]string{"report.jsonl"}, 2, "expected nothing (files go with -table)"},
		{[]string{"-table"}, 2, "-table without a file"},
		{[]string{"-table", "no/such/report"}, 1, "no/such/report"},
		{[]string{"-table", text}, 1, "is no file of results"},
		{[]string{"-o", text}, 1, "is no file of results"},
	} {
		r := tokenselect(t, "", false, append([]string{"eval"}, c.args...)...)
		if r.status != c.status || !strings.Contains(r.err, c.want) || strings.Contains(r.err, "goroutine") {
			t.Errorf("%v: status %d, expected %d; said %q, expected %q in it", c.args, r.status, c.status, r.err, c.want)
		}
	}
}

// TestEvalPolicies: options of a policy go over those of the command line, and all
// that the command line has for policies can be an option.
func TestEvalPolicies(t *testing.T) {
	e := &evaluation{}
	fs := command{name: "eval"}.flags(stdio{})
	e.add(fs)
	if err := parse(fs, []string{"-k", "128", "-theta", "0.5", "-policies", "tokenselect, tokenselect:k=64:index=int8,window:n-local=100"}); err != nil {
		t.Fatal(err)
	}
	if err := e.check(); err != nil {
		t.Fatal(err)
	}
	got := e.configs["tokenselect:k=64:index=int8"]
	if got.K != 64 || got.IndexName() != "int8" || got.Theta != 0.5 || got.Policy != selection.TokenSelect {
		t.Errorf("%+v", got)
	}
	if got := e.configs["tokenselect"]; got.K != 128 || got.NLocal != 256 || got.IndexName() != "" {
		t.Errorf("%+v", got)
	}
	if got := e.configs["window:n-local=100"]; got.Policy != selection.Window || got.NLocal != 100 || got.K != 128 {
		t.Errorf("%+v", got)
	}
}

// TestEvalAnswers is an evaluation from end to end: the built-in model knows pass
// keys at a length that it was trained for; a second run with the same file computes
// nothing; -table says the same again; other settings are refused.
func TestEvalAnswers(t *testing.T) {
	dir := t.TempDir()
	path, svg := filepath.Join(dir, "r.jsonl"), filepath.Join(dir, "r.svg")
	args := []string{"eval", "-device", "cpu", "-tasks", "passkey", "-lengths", "1.5K", "-cases", "2", "-policies", "tokenselect,window:n-local=32:k=32", "-o", path}
	first := tokenselect(t, "", false, append(args, "-svg", svg)...)
	if first.status != 0 {
		t.Fatalf("status %d, said %q", first.status, first.err)
	}
	r := tokenselect(t, "", false, append(args, "-json")...)
	var s eval.Summary
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatalf("%v: %s%s", err, r.out, r.err)
	}
	if !strings.Contains(r.err, "has 4 results") || s.Done != 4 || s.Total != 4 {
		t.Errorf("%d of %d, said %q", s.Done, s.Total, r.err)
	}
	if c := s.Cells[0]; c.Policy != "tokenselect" || c.Mean != 1 || c.Exact != 1 || c.Token != 1 || c.N != 2 {
		t.Errorf("tokenselect at 1.5K: %+v", c)
	}
	if c := s.Cells[1]; c.Mean == 1 {
		t.Errorf("a window of 336 tokens has found every pass key: %+v", c)
	}
	again := tokenselect(t, "", false, "eval", "-table", path)
	if again.out != first.out || again.status != 0 {
		t.Errorf("-table printed\n%s%s\nexpected\n%s", again.out, again.err, first.out)
	}
	if data, err := os.ReadFile(svg); err != nil || !strings.Contains(string(data), "tokenselect 100") {
		t.Errorf("the picture: %v: %s", err, data)
	}
	again = tokenselect(t, "", false, "eval", "-table", "-svg", dir, path)
	if again.out != first.out || again.status != 1 || !strings.Contains(again.err, dir+" cannot be written") {
		t.Errorf("a picture that cannot be written: status %d, printed\n%s%s\nexpected\n%s", again.status, again.out, again.err, first.out)
	}
	r = tokenselect(t, "", false, append(args, "-seed", "2")...)
	if r.status != 1 || !strings.Contains(r.err, "was begun with other settings: seed 1, expected 2") {
		t.Errorf("another seed: status %d, said %q", r.status, r.err)
	}
	for _, other := range []struct{ flag, value, want string }{
		{"-k", "256", "with other settings: k 512, expected 256 ("},
		{"-policies", "tokenselect", "with other settings: policies tokenselect,window:n-local=32:k=32, expected tokenselect ("},
	} {
		if r := tokenselect(t, "", false, append(slices.Clone(args), other.flag, other.value)...); r.status != 1 || !strings.Contains(r.err, other.want) {
			t.Errorf("%s %s: status %d, said %q", other.flag, other.value, r.status, r.err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
		var rec eval.Record
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatal(err)
		}
		if rec.Tokens > 1536 || rec.Tokens < 1436 || rec.Prefill <= 0 || rec.Decoded < 5 {
			t.Errorf("%+v", rec)
		}
	}
}

// TestEvalMeasures takes the measures without answers at small budgets.
func TestEvalMeasures(t *testing.T) {
	small := []string{"eval", "-json", "-device", "cpu", "-cases", "1", "-n-init", "4", "-k", "32", "-n-local", "32", "-chunk", "64"}
	measure := func(args ...string) (s eval.Summary) {
		t.Helper()
		r := tokenselect(t, "", false, append(small, args...)...)
		if r.status != 0 {
			t.Fatalf("status %d, said %q", r.status, r.err)
		}
		if err := json.Unmarshal([]byte(r.out), &s); err != nil {
			t.Fatal(err)
		}
		if s.Done != s.Total || s.Done == 0 {
			t.Errorf("%d of %d", s.Done, s.Total)
		}
		return s
	}
	s := measure("-measure", "recall", "-tasks", "single", "-lengths", "300", "-score", "3", "-policies", "tokenselect,dense", "-parallel", "2")
	if m := s.Cells[0].Mass; m == nil || m.Steps != 3 || !(m.Mean() > 0.3 && m.Mean() < 1) || !(m.Overlap[0] > 0) || len(m.Recall) != 8 || len(m.Recall[0]) != 8 {
		t.Errorf("tokenselect: %+v", m)
	}
	if m := s.Cells[1].Mass; m == nil || math.Abs(m.Mean()-1) > 1e-5 {
		t.Errorf("dense attention holds %+v of its mass", m)
	}

	// Read one by one or in chunks, dense attention sees the same; the perplexity of
	// prose is far below that of chance, 8192.
	prose := file(t, "prose.txt", strings.Repeat("The baker went to the market and bought a lamp. Nobody had seen the old road in such rain. ", 20))
	s = measure("-measure", "perplexity", "-lengths", "200", "-score", "20", "-policies", "dense,tokenselect", "-text", prose)
	if c := s.Cells[0]; !(c.Mean < 0 && c.Mean > -math.Log(200)) || c.Attended != 200 || c.HitRate != 0 {
		t.Errorf("dense: %+v", c)
	}
	if c := s.Cells[1]; !(c.Mean < 0 && c.Mean > -math.Log(400)) || c.Attended > 4+32+32+16+1 {
		t.Errorf("tokenselect: %+v", c)
	}

	s = measure("-measure", "cache", "-tasks", "single", "-lengths", "300", "-score", "20", "-thetas", "0.3,1", "-text", prose)
	var rates, free []float64
	for _, c := range s.Cells {
		if c.Task == eval.TextTask {
			rates = append(rates, c.HitRate)
			f := c.Free
			if f == nil || f.Tokens != 20 || f.Decoded != 19 || !(f.Decode > 0) || f.Attended > 4+32+32+16+1 || !(f.Distinct > 0 && f.Distinct <= 1) || f.Bytes < f.Before || f.Before == 0 {
				t.Fatalf("%s went on as %+v", c.Policy, f)
			}
			free = append(free, float64(f.Hits)/float64(f.Hits+f.Misses))
		}
	}
	if len(rates) != 2 || !(rates[0] > rates[1]+0.2) || !(free[0] > free[1]+0.2) {
		t.Errorf("reuse at theta 0.3 and 1: %v of a text, %v of what follows it", rates, free)
	}
}

// TestForced: tokens that are counted from where a reply went wrong are as many as
// are counted one by one from its start.
func TestForced(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	ckpt, err := openModel("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := session.Load(dev, ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := context.Background()
	prompt, err := m.Prompt([]chat.Message{{Role: "user", Content: document + "\n\nWhich animal does Ada Dixon keep?"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, reply := range []string{"Ada Dixon keeps a fox.", "Ada Dixon lost the glove on the way.", "Felix", "Ada Dixon keeps a fox. Ada Dixon keeps a fox."} {
		want := m.Tokenizer.Encode(reply, false)
		s, err := m.Engine.NewSession(engine.SessionOptions{Context: len(prompt) + 40, Selection: selection.Default(2048)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Prefill(ctx, prompt, nil); err != nil {
			t.Fatal(err)
		}
		res, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: 16, Stop: m.Tokenizer.IsEnd})
		if err != nil {
			t.Fatal(err)
		}
		got, err := forced(ctx, s, len(prompt), want, res.IDs)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Truncate(0); err != nil {
			t.Fatal(err)
		}
		right := 0
		for i, ids := range append([][]int{prompt}, split(want)...) {
			if i == len(want) {
				break
			}
			if err := s.Prefill(ctx, ids, nil); err != nil {
				t.Fatal(err)
			}
			logits, err := s.Logits(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if largest(logits) == want[i] {
				right++
			}
		}
		if got != right {
			t.Errorf("%q: %d tokens right, one by one %d", reply, got, right)
		}
		s.Close()
	}
}

func split(ids []int) (each [][]int) {
	for i := range ids {
		each = append(each, ids[i:i+1])
	}
	return each
}

func TestDistinct(t *testing.T) {
	for _, c := range []struct {
		ids  []int
		want float64
	}{{nil, 0}, {[]int{1, 2, 3}, 0}, {[]int{1, 2, 3, 4, 5}, 1}, {[]int{1, 2, 1, 2, 1, 2, 1}, 0.5}, {[]int{7, 7, 7, 7, 7, 7, 7}, 0.25}} {
		if got := distinct(c.ids); got != c.want {
			t.Errorf("%v: %v, expected %v", c.ids, got, c.want)
		}
	}
}

func TestLogLoss(t *testing.T) {
	logits := []float32{0, float32(math.Log(3)), -1000, 0} // probabilities 0.2, 0.6, 0, 0.2
	if got, want := logLoss(logits, 1), -math.Log(0.6); math.Abs(got-want) > 1e-6 {
		t.Errorf("%g, expected %g", got, want)
	}
	if got := largest(logits); got != 1 {
		t.Errorf("the largest is %d, expected 1", got)
	}
}
