package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestScore(t *testing.T) {
	for _, c := range []struct {
		reply   string
		answers []string
		want    float64
	}{
		{"The pass key is 12345.", []string{"12345"}, 1},
		{"The pass key is 123456.", []string{"12345"}, 0},
		{"The pass key is 912345.", []string{"12345"}, 0},
		{"123456, no: 12345", []string{"12345"}, 1},
		{"They are 11, 22 and 33.", []string{"11", "22", "44", "55"}, 0.5},
		{"It is the OTTER.", []string{"otter"}, 1},
		{"otters", []string{"otter"}, 0},
		{"bold-apple, the", []string{"bold-apple"}, 1},
		{"", []string{"x"}, 0},
		{"anything", nil, 0},
	} {
		if got := Score(c.reply, c.answers); got != c.want {
			t.Errorf("%q for %q: %g, expected %g", c.reply, c.answers, got, c.want)
		}
	}
}

func settings() Settings {
	return Settings{Format: Format, Measure: "answers", Model: "m", Weights: "Q8_0", Trained: 2048, Seed: 3,
		Tasks: []string{"a", "b"}, Lengths: []int{1024, 4096}, Cases: 3,
		Policies: []Policy{{"new", json.RawMessage(`{"K":1}`)}, {"old", json.RawMessage(`{"K":2}`)}}}
}

// scoring is a worker whose scores follow from the case, and which fails at the
// given result.
func scoring(failAt int, emitted *int) Worker {
	var mu sync.Mutex
	return func(ctx context.Context, u Unit, emit func(Record) error) error {
		for _, p := range u.Policies {
			mu.Lock()
			n := *emitted
			*emitted++
			mu.Unlock()
			if n == failAt {
				return errors.New("power cut")
			}
			score := 1.0
			if p == "old" && (u.Length == 4096 || u.Case == 0) {
				score = 0.5 * float64(u.Case%2)
			}
			if err := emit(Record{Policy: p, Task: u.Task, Length: u.Length, Case: u.Case, Adapter: "CPU", Tokens: u.Length - 5, Score: score, Prefill: 1, Decode: 0.5, Decoded: 10}); err != nil {
				return err
			}
		}
		return nil
	}
}

func run(t *testing.T, path string, failAt, workers int) (*Store, int, error) {
	t.Helper()
	st, err := Open(path, settings())
	if err != nil {
		t.Fatal(err)
	}
	emitted := 0
	var ws []Worker
	w := scoring(failAt, &emitted)
	for range workers {
		ws = append(ws, w)
	}
	err = Run(context.Background(), Units(settings(), st), ws, st, &Progress{})
	return st, emitted, err
}

// TestResume: a run that was interrupted, even in the middle of a line, and went on
// says the same as one that was not, and computes nothing twice.
func TestResume(t *testing.T) {
	whole, n, err := run(t, "", -1, 1)
	if err != nil || n != 24 {
		t.Fatalf("%d results, %v; expected 24", n, err)
	}
	path := filepath.Join(t.TempDir(), "r.jsonl")
	st, _, err := run(t, path, 9, 1)
	if err == nil || err.Error() != "a at 1K tokens, case 2: power cut" {
		t.Fatalf("the failure is lost: %v", err)
	}
	st.Close()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"policy":"new","ta`)
	f.Close()
	st, n, err = run(t, path, -1, 3)
	if err != nil || n != 24-9 {
		t.Fatalf("%d results more, %v; expected %d", n, err, 24-9)
	}
	st.Close()
	rep, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var a, b bytes.Buffer
	Report{settings(), whole.Records()}.Summarise().Markdown(&a)
	rep.Summarise().Markdown(&b)
	if a.String() != b.String() {
		t.Errorf("uninterrupted:\n%s\ninterrupted:\n%s", a.String(), b.String())
	}
	if _, n, err := run(t, path, -1, 1); err != nil || n != 0 {
		t.Errorf("a third run: %d results, %v; expected none", n, err)
	}
}

// TestInterrupted: a run that is cancelled says so and keeps what it has.
func TestInterrupted(t *testing.T) {
	st, err := Open("", settings())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	w := func(ctx context.Context, u Unit, emit func(Record) error) error {
		for _, p := range u.Policies {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := emit(Record{Policy: p, Task: u.Task, Length: u.Length, Case: u.Case}); err != nil {
				return err
			}
			if n++; n == 5 {
				cancel()
			}
		}
		return nil
	}
	if err := Run(ctx, Units(settings(), st), []Worker{w}, st, &Progress{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, expected %v", err, context.Canceled)
	}
	if got := len(st.Records()); got != 5 {
		t.Errorf("%d results, expected 5", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.jsonl")
	st, err := Open(path, settings())
	if err != nil {
		t.Fatal(err)
	}
	st.Close()
	for want, change := range map[string]func(*Settings){
		"seed 3, expected 4":             func(s *Settings) { s.Seed = 4 },
		`model "m", expected "n"`:        func(s *Settings) { s.Model = "n" },
		"lengths [1024,4096]":            func(s *Settings) { s.Lengths = []int{1024} },
		"policies new,old, expected new": func(s *Settings) { s.Policies = s.Policies[:1] },
		"text none, expected \"x\"":      func(s *Settings) { s.Text = "x" },
	} {
		s := settings()
		change(&s)
		if _, err := Open(path, s); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, expected %q in it", err, want)
		}
	}
	foreign := filepath.Join(dir, "notes.txt")
	for _, text := range []string{"my notes", "my notes\n", "{}\n", `{"tokenselect_eval":99}` + "\n"} {
		if err := os.WriteFile(foreign, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(foreign, settings()); err == nil {
			t.Errorf("%q is taken for a file of results", text)
		}
		if got, _ := os.ReadFile(foreign); string(got) != text {
			t.Errorf("%q has become %q", text, got)
		}
		if strings.HasSuffix(text, "\n") {
			if _, err := Read(foreign); err == nil {
				t.Errorf("%q is read as a file of results", text)
			}
		}
	}
	bad, _ := os.ReadFile(path)
	if err := os.WriteFile(foreign, append(bad, "{\"policy\":7}\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(foreign); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a damaged line: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "no", "such", "r.jsonl"), settings()); err == nil {
		t.Error("no folder, no error")
	}
}

func TestUnits(t *testing.T) {
	st, _ := Open("", settings())
	var order []string
	for _, u := range Units(settings(), st) {
		if len(u.Policies) != 2 {
			t.Errorf("%v: not all policies", u)
		}
		order = append(order, u.Task+Tokens(u.Length)+string(rune('0'+u.Case)))
	}
	if got := strings.Join(order, " "); got != "a1K0 b1K0 a1K1 b1K1 a1K2 b1K2 a4K0 b4K0 a4K1 b4K1 a4K2 b4K2" {
		t.Error(got)
	}
}

func summary(t *testing.T) Summary {
	t.Helper()
	st, _, err := run(t, "", -1, 2)
	if err != nil {
		t.Fatal(err)
	}
	return Report{settings(), st.Records()}.Summarise()
}

func TestSummary(t *testing.T) {
	s := summary(t)
	if s.Done != 24 || s.Total != 24 {
		t.Errorf("%d of %d", s.Done, s.Total)
	}
	// old at 1K: 0, 1, 1 for both tasks; at 4K: 0, 0.5, 0.
	for _, c := range []struct {
		policy, task string
		length       int
		want         float64
	}{{"new", "", 1024, 1}, {"old", "a", 1024, 2.0 / 3}, {"old", "", 1024, 2.0 / 3}, {"old", "b", 4096, 0.5 / 3}} {
		got := s.find(c.policy, c.task, c.length)
		if got == nil || math.Abs(got.Mean-c.want) > 1e-12 || got.Lo > got.Mean || got.Hi < got.Mean || got.Lo < 0 || got.Hi > 1 {
			t.Errorf("%s, %q at %d: %+v, expected %g within its interval", c.policy, c.task, c.length, got, c.want)
		}
	}
	for _, c := range s.Comparisons {
		if c.Task == "a" && c.Length == 1024 && (c.N != 3 || c.Better != 1 || c.Worse != 0 || c.P != 1 || c.Test != "McNemar, exact" || c.Verdict() != "no difference shown") {
			t.Errorf("%+v", c)
		}
		if c.Task == "" && c.Length == 0 && (c.N != 12 || c.Better != 8 || c.P > 0.05 || c.Verdict() != "ahead" || !strings.Contains(c.Test, "stratified")) {
			t.Errorf("%+v", c)
		}
	}
	if v := (Comparison{N: 5, Diff: -0.2, P: 0.01}).Verdict(); v != "behind" {
		t.Error(v)
	}
}

// TestMarkdown: every table has as many cells in each row as in its head.
func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	summary(t).Markdown(&b)
	cells, tables := 0, 0
	for _, line := range strings.Split(b.String(), "\n") {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		n := strings.Count(line, "|")
		if cells == 0 {
			cells = n
			tables++
		}
		if n != cells {
			t.Errorf("%d cells, expected %d: %s", n-1, cells-1, line)
		}
	}
	if tables != 6 {
		t.Errorf("%d tables, expected 6:\n%s", tables, b.String())
	}
	for _, want := range []string{"24 of 24 results", "100 [", "| ahead", "1019 / 20"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestSVG(t *testing.T) {
	s := summary(t)
	s.Settings.Model = `<m & "n">`
	var b bytes.Buffer
	if err := s.SVG(&b); err != nil {
		t.Fatal(err)
	}
	paths, texts := 0, ""
	for dec := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			if e.Name.Local == "path" {
				paths++
			}
		case xml.CharData:
			texts += string(e)
		}
	}
	if paths != 4 { // a line and a leader each
		t.Errorf("%d paths, expected 4", paths)
	}
	for _, want := range []string{"new 100", "old 17", "tokens of the prompt", "answers found, in per cent", "longest text in training", "1K", "4K", `<m & "n">`} {
		if !strings.Contains(texts, want) {
			t.Errorf("no %q in %q", want, texts)
		}
	}
	if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
		t.Error("the picture has places that are no numbers")
	}
	one := s
	one.Settings.Lengths = []int{1024}
	if err := one.SVG(io.Discard); err != nil {
		t.Errorf("one length: %v", err)
	}
	if err := (Report{Settings: settings()}).Summarise().SVG(io.Discard); err == nil {
		t.Error("a picture of nothing")
	}
}

// TestPlace: names do not cover each other and stay in the picture.
func TestPlace(t *testing.T) {
	lines := make([]series, 12)
	for i := range lines {
		lines[i].points = []point{{y: 0.01 * float64(i%3)}}
	}
	place(lines, func(share float64) float64 { return bottom - share*(bottom-top) })
	for i, a := range lines {
		if a.label < 0 || a.label > height {
			t.Errorf("name %d at %g", i, a.label)
		}
		for j, b := range lines[:i] {
			if math.Abs(a.label-b.label) < 16 {
				t.Errorf("names %d and %d at %g and %g", i, j, a.label, b.label)
			}
		}
	}
}

func TestMerge(t *testing.T) {
	st, _, err := run(t, "", -1, 1)
	if err != nil {
		t.Fatal(err)
	}
	a := Report{settings(), st.Records()}
	b := a
	b.Settings.Policies = []Policy{{"third", json.RawMessage(`{"K":3}`)}}
	b.Settings.Lengths = []int{512}
	b.Records = []Record{{Policy: "third", Task: "a", Length: 512}, st.Records()[0]}
	m, err := Merge([]Report{a, b}, []string{"a", "b"})
	if err != nil || len(m.Records) != 25 || len(m.Settings.Policies) != 3 || len(m.Settings.Lengths) != 3 || m.Settings.Lengths[0] != 512 {
		t.Errorf("%v: %d records, %+v", err, len(m.Records), m.Settings)
	}
	b.Settings.Seed = 9
	if _, err := Merge([]Report{a, b}, []string{"a", "b"}); err == nil || !strings.Contains(err.Error(), "b does not go with a: seed 9, expected 3") {
		t.Errorf("other seeds: %v", err)
	}
	b.Settings = settings()
	b.Settings.Policies = []Policy{{"old", json.RawMessage(`{"K":9}`)}}
	if _, err := Merge([]Report{a, b}, []string{"a", "b"}); err == nil || !strings.Contains(err.Error(), "policy old: k 9, expected 2") {
		t.Errorf("one name for two policies: %v", err)
	}
}

func TestDiffering(t *testing.T) {
	for _, c := range []struct{ got, want, said string }{
		{`{"K":512,"Rivals":{"Pool":7}}`, `{"K":512,"Rivals":{"Pool":9}}`, "snapkv-pool 7, expected 9"},
		{`{"K":512,"Rivals":{"Pool":7}}`, `{"Rivals":{"Pool":7},"K":256}`, "k 512, expected 256"},
		{`{"K":512}`, `{"K":512,"Tail":64}`, "tail none, expected 64"},
		{`{"K":512,"NInit":16}`, `{"K":512}`, "n-init 16, expected none"},
		{`{"K":512,"NInit":16}`, `{"NInit":16,"K":512}`, ""},
	} {
		if said := differing(json.RawMessage(c.got), json.RawMessage(c.want), ""); said != c.said {
			t.Errorf("%s and %s: %q, expected %q", c.got, c.want, said, c.said)
		}
	}
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	now := time.Unix(0, 0)
	p := Progress{Out: &b, now: func() time.Time { return now }}
	st, _ := Open("", settings())
	p.start(Units(settings(), st), 2)
	now = now.Add(time.Minute)
	p.done(Record{Policy: "new", Task: "a", Length: 1024, Prefill: 6, Decode: 2})
	// new: 5 more of 8 s at 1K and 6 of 32 s at 4K; old, of which nothing is known, as
	// long each; by two.
	if want := time.Duration(5*8+6*32+6*8+6*32) * time.Second / 2; p.remaining() != want {
		t.Errorf("%v left, expected %v", p.remaining(), want)
	}
	if got := strings.TrimSpace(b.String()); got != "1 of 24, about 4 min left; new, a at 1K" {
		t.Errorf("%q", got)
	}
}

func TestTokens(t *testing.T) {
	for n, want := range map[int]string{2048: "2K", 1536: "1.5K", 1 << 20: "1M", 131072: "128K", 1500: "1500", 300: "300"} {
		if got := Tokens(n); got != want {
			t.Errorf("%d: %q, expected %q", n, got, want)
		}
	}
}
