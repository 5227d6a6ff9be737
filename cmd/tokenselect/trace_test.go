//go:build !js

package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokenselect/engine/trace"
	"tokenselect/engine/trace/recording"
)

// TestBadTrace: every mistake ends with words that name what was found and what was
// expected, before anything is written.
func TestBadTrace(t *testing.T) {
	text := file(t, "text.txt", document)
	out := filepath.Join(t.TempDir(), "out.json.gz")
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"-question", "q"}, 2, "no -o, expected the file to write"},
		{[]string{"-o", out}, 2, "no -question, expected one, or a -task"},
		{[]string{"-o", out, "-question", "q", "more"}, 2, `"more" after the flags`},
		{[]string{"-o", out, "-task", "passkey", "-question", "q"}, 2, "-task with -document, -question"},
		{[]string{"-o", out, "-task", "sing"}, 2, `task "sing", expected of passkey`},
		{[]string{"-o", out, "-question", "q", "-document", text, "-length", "2K"}, 2, "-length and -seed with -document"},
		{[]string{"-o", out, "-question", "q", "-at", "5"}, 2, "-at belongs to -hide"},
		{[]string{"-o", out, "-question", "q", "-length", "long"}, 2, `-length "long": "LONG", expected numbers of tokens`},
		{[]string{"-o", out, "-question", "q", "-length", "2K,4K"}, 2, `-length "2K,4K", expected a number of tokens`},
		{[]string{"-o", out, "-question", "q", "-document", text, "-hide", "A sentence.", "-at", "5000"}, 2, "-at 5000, expected 0 to 39"},
		{[]string{"-o", out, "-question", "q", "-document", text, "-mark", "an owl"}, 2, `-mark "an owl": the document does not hold it`},
		{[]string{"-o", out, "-question", "q", "-document", "no/such/text"}, 1, "no/such/text"},
		{[]string{"-o", out, "-question", "q", "-record", "voices"}, 2, `"voices", expected of votes, mass, heads=16`},
		{[]string{"-o", out, "-question", "q", "-record", "heads=65"}, 2, "heads is 65, expected 0 to 64"},
		{[]string{"-o", out, "-question", "q", "-record", "scores=0"}, 2, "expected numbers, as in heads=16 or scores=0:3"},
		{[]string{"-o", out, "-question", "q", "-document", text, "-record", "scores=9:0"}, 1, "expected layers 0 to 7 and heads 0 to 7"},
		{[]string{"-o", out, "-question", "q", "-record", strings.Repeat("scores=0:0,", 8) + "scores=0:1"}, 2, "scores of 9 heads, expected at most 8"},
		{[]string{"-o", out, "-question", "q", "-tokens", "0"}, 2, "-tokens 0, expected at least 1"},
		{[]string{"-o", out, "-question", "q", "-sweep", "64"}, 2, `-sweep "64", expected k= and numbers`},
		{[]string{"-o", out, "-question", "q", "-sweep", "k=64,many"}, 2, `"many", expected a number of tokens`},
		{[]string{"-o", out, "-question", "q", "-sweep", "k=0"}, 2, "-sweep: selection: k is 0"},
		{[]string{"-o", out, "-question", "q", "-sweep-policies", "dense"}, 2, "-sweep-policies belongs to -sweep"},
		{[]string{"-o", "/no/such/x.json.gz", "-question", "q", "-model", "no/such/model"}, 1, "-o: /no/such/x.json.gz cannot be written: no such file"},
		{[]string{"-o", filepath.Dir(out), "-question", "q", "-model", "no/such/model"}, 1, "is a folder, expected a file"},
		{[]string{"-o", out, "-question", "q", "-document", file(t, "blank.txt", " \n\t")}, 1, "blank.txt is empty"},
		{[]string{"-info", text}, 1, "this is no recording"},
		{[]string{"-info", "no/such/file"}, 1, "no/such/file"},
	} {
		r := tokenselect(t, "", false, append([]string{"trace", "-device", "cpu"}, c.args...)...)
		if r.status != c.status || !strings.Contains(r.err, c.want) || strings.Contains(r.err, "goroutine") {
			t.Errorf("%v: status %d, expected %d; said %q, expected %q in it", c.args, r.status, c.status, r.err, c.want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s was written", out)
	}
}

// TestDescribeMarks: marks with the same text are one line, and not all texts have one.
func TestDescribeMarks(t *testing.T) {
	var marks []recording.Mark
	var found []int
	add := func(label string, n int) {
		marks, found = append(marks, recording.Mark{Label: label}), append(found, n)
	}
	for i := range 3000 {
		add("pen", i%3)
	}
	add("a sentence", 7)
	for i := range 30 {
		add(fmt.Sprint("word ", i), 1)
		add(fmt.Sprint("word ", i), 0)
	}
	got := describeMarks(marks, found, 320)
	if len(got) != mostMarks+1 || got[0] != `"pen", 3000 times: 2000 of them attended to whole, by at most 2 of 320 layers and steps` ||
		got[1] != `"a sentence": attended to whole by 7 of 320 layers and steps` || got[mostMarks] != "12 other texts, 24 times: 12 of them attended to whole" {
		t.Errorf("%q", got)
	}
}

// TestTrace records an answer from end to end: a sentence that is put into a text is
// found, marked and attended to; of the other budgets the one that reads all finds it
// too and a window that ends before it does not; what is printed is what the file has.
func TestTrace(t *testing.T) {
	out := filepath.Join(t.TempDir(), "fox.json.gz")
	args := []string{"trace", "-device", "cpu", "-o", out, "-length", "700", "-at", "100", "-hide", "Ada Dixon keeps a fox at home.",
		"-question", "Which animal does Ada Dixon keep?", "-expect", "fox", "-mark", "Ada Dixon", "-tokens", "12",
		"-k", "64", "-n-local", "64", "-chunk", "128", "-sweep", "k=32"}
	r := tokenselect(t, "", false, args...)
	if r.status != 0 {
		t.Fatalf("status %d, said %q", r.status, r.err)
	}
	again := tokenselect(t, "", false, "trace", "-info", out)
	if again.out != r.out || !strings.Contains(r.out, "Ada Dixon keeps a fox.") || !strings.Contains(r.out, "votes, attention mass, 16 rows of each head") {
		t.Errorf("-info printed\n%s%s\nthe recording said\n%s", again.out, again.err, r.out)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rec, err := recording.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	h := rec.Header
	sentence := "Ada Dixon keeps a fox at home."
	if at := strings.Index(h.Document.Text, sentence); len(h.Marks) != 2 || h.Marks[0].Start != at || h.Marks[0].End != at+len(sentence) || h.Marks[1].End != at+len("Ada Dixon") {
		t.Errorf("marks %+v, the sentence begins at %d", h.Marks, at)
	}
	if *h.Selection.K != 64 || *h.Selection.NInit != 16 || h.Selection.Index != "exact" || h.Record.Heads != 16 {
		t.Errorf("selection %+v, record %+v", h.Selection, h.Record)
	}
	if len(h.Sweep) != 3 {
		t.Fatalf("budgets %+v", h.Sweep)
	}
	few, dense, window := h.Sweep[0], h.Sweep[1], h.Sweep[2]
	if few.K != 32 || few.P < 0.5 || few.Rows != 16+32+64+1 || few.Recall <= 0.1 || few.Recall >= 1 || few.In >= 1 || !strings.Contains(few.Answer, "fox") || few.MS <= 0 {
		t.Errorf("with 32 rows: %+v", few)
	}
	if dense.P < 0.5 || dense.In != 1 || math.Abs(dense.Recall-1) > 1e-3 || dense.Rows < 700 {
		t.Errorf("dense: %+v", dense)
	}
	if window.P > 0.1 || window.In != 0 || window.Rows != 16+64+64+1 {
		t.Errorf("a window: %+v", window)
	}
	tokens := 0
	for {
		e, err := rec.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == trace.Token {
			tokens++
		}
	}
	if tokens < 5 {
		t.Errorf("%d tokens", tokens)
	}
}
