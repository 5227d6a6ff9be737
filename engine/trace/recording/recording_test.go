package recording

import (
	"bytes"
	"compress/gzip"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/trace"
)

func number[T any](v T) *T { return &v }

// header is of a model of two layers and three heads, and of a document of 9 UTF-16
// code units in 3 tokens.
func header() Header {
	return Header{
		Created: "2026-11-27T12:00:00Z", Model: trace.Info{Model: "m", Layers: 2, Heads: 3, Policies: []string{"dense"}, Selection: trace.Selection{Policy: "dense"}},
		Selection: trace.Selection{Policy: "tokenselect", K: number(2)}, Document: Document{Name: "d.txt", Text: "One 😀 <b>"}, Question: "What?",
		Record: &trace.Record{Votes: true, Heads: 2}, Marks: []Mark{{Start: 4, End: 6, Label: "😀"}}, Expected: "b",
		Sweep: []Budget{{Policy: "dense", K: 2, Rows: 7, P: 0.5, Recall: 1, MS: 1.5, Answer: "b", In: 1}},
	}
}

// events are a whole answer.
func events() []trace.Event {
	return []trace.Event{
		{Type: trace.Layout, ID: 3, Document: &trace.Rows{First: 1, Lens: []int{4, 3, 2}}, Rows: []trace.RowText{{Row: 0, Text: "<s>"}, {Row: 4, Text: "What?"}}},
		{Type: trace.Prefill, ID: 3, Done: 5, Total: 5, MS: 2},
		{Type: trace.Token, ID: 3, Text: "b", Token: 7, Len: 5, P: 0.75, Top: []trace.Likely{{Token: 7, Text: "b", P: 0.75}}, Step: &trace.Step{
			N: 5, NInit: 1, NLocal: 1, Layers: []trace.Layer{
				{Attended: 5, Rows: []int{1, 2}, Votes: []byte{200, 180}, Cut: []float32{0.5, 0.25}, Candidates: 3, HeadVotes: []byte{5, 2},
					Top: [][]int{{3, 1}, {1}, {}}, Weights: []byte{190, 100, 120}, Scores: []trace.Scores{{Head: 2, Lo: -1, Hi: 1, Values: []byte{0, 9, 255, 4, 4}, Query: []float32{1, -0.5}, Keys: []trace.Key{{Row: 2, Values: []float32{1, 0}}}}}},
				{Attended: 5, All: true, Mass: [][]float32{{0.5, 0.25, 0.25, 0}, {1, 0, 0, 0}, {0, 0, 1, 0}}, Near: []float32{1, 1, 1}, Blocks: &trace.Blocks{0.5, 0.25}},
			}}},
		{Type: trace.Token, ID: 3, Token: 8, Len: 6, Step: &trace.Step{N: 6, NInit: 1, NLocal: 1, Layers: []trace.Layer{{Attended: 5, Hit: true, Add: []int{2}, Drop: []int{3}}, {Attended: 6, All: true}}}},
		{Type: trace.Done, ID: 3, Reason: "stop", Text: "b", Stats: &trace.Stats{AnswerTokens: 2}},
	}
}

// write makes a recording.
func write(t testing.TB, h Header, all []trace.Event) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if err := w.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read reads one.
func read(raw []byte) (h Header, all []trace.Event, rows [][][]int, err error) {
	r, err := NewReader(bytes.NewReader(raw))
	if err != nil {
		return h, nil, nil, err
	}
	for {
		e, err := r.Next()
		if err == io.EOF {
			return r.Header, all, rows, nil
		}
		if err != nil {
			return r.Header, all, rows, err
		}
		all, rows = append(all, e), append(rows, r.Rows())
	}
}

// unzipped is the text of a recording.
func unzipped(t testing.TB, raw []byte) string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestRoundTrip: what is read is what was written, compressed or not; of several
// prefills the last is kept, and events of other kinds are not.
func TestRoundTrip(t *testing.T) {
	sent := slices.Insert(events(), 1, trace.Event{Type: trace.Queued, Position: 1}, trace.Event{Type: trace.Prefill, ID: 3, Done: 2, Total: 5})
	raw := write(t, header(), sent)
	for _, form := range [][]byte{raw, []byte(unzipped(t, raw))} {
		h, got, rows, err := read(form)
		if err != nil {
			t.Fatal(err)
		}
		want := header()
		want.Kind, want.V = "recording", 1
		if !reflect.DeepEqual(h, want) {
			t.Errorf("header %+v\nexpected %+v", h, want)
		}
		if !reflect.DeepEqual(got, events()) {
			t.Errorf("events %+v\nexpected %+v", got, events())
		}
		if !slices.Equal(rows[2][0], []int{1, 3}) || rows[2][1] != nil || !slices.Equal(rows[3][0], []int{1, 2}) {
			t.Errorf("rows %v and %v, expected 1 and 3, then 1 and 2", rows[2], rows[3])
		}
	}
	if text := unzipped(t, raw); strings.Count(text, "\n") != 6 || !strings.Contains(text, `"text":"One 😀 <b>"`) {
		t.Errorf("the text is\n%s", text)
	}
}

// TestCutOff: a file that ends early says so, wherever it ends.
func TestCutOff(t *testing.T) {
	raw := write(t, header(), events())
	for n := 2; n < len(raw); n += 7 {
		if _, _, _, err := read(raw[:n]); err == nil {
			t.Fatalf("the first %d bytes of %d are read without an error", n, len(raw))
		}
	}
	text := unzipped(t, raw)
	for n := range len(text) - 1 {
		if _, _, _, err := read([]byte(text[:n])); err == nil {
			t.Fatalf("the first %d bytes of the text of %d are read without an error", n, len(text))
		}
	}
	lines := strings.SplitAfter(text, "\n")
	if _, _, _, err := read([]byte(strings.Join(lines[:4], ""))); err == nil || !strings.Contains(err.Error(), "after line 4, before the answer does: it was cut off") {
		t.Errorf("without its last lines: %v", err)
	}
}

// TestGarbage: every mistake is named, none is taken for something else.
func TestGarbage(t *testing.T) {
	text := unzipped(t, write(t, header(), events()))
	for _, c := range []struct{ from, to, want string }{
		{text, "", "empty, expected a header"},
		{text, "hello", "line 1: this is no recording"},
		{text, `{"type":"token"}`, "line 1: this is no recording"},
		{`"v":1`, `"v":2`, "v is 2, expected 1: another version"},
		{`"v":1`, `"v":1,"colour":"red"`, `unknown field "colour"`},
		{`"layers":2`, `"layers":0`, "0 layers of 3 heads"},
		{`"layers":2`, `"layers":3`, "line 4: token: step of 2 layers, expected 3"},
		{`"start":4,"end":6`, `"start":4,"end":60`, "marks: number 1 is 4 to 60, expected a piece of the document's 10"},
		{`"start":4,"end":6`, `"start":-4,"end":6`, "marks: number 1 is -4 to 6"},
		{`"heads":2}`, `"heads":200}`, "heads is 200"},
		{`"lens":[4,3,2]`, `"lens":[4,3,20]`, "line 2: layout: token 2 of the document is 20 UTF-16 code units, 3 are left"},
		{`"lens":[4,3,2]`, `"lens":[4,-3,2]`, "token 1 of the document is -3"},
		{`"first":1`, `"first":-1`, "first row is -1"},
		{`"row":4`, `"row":0`, "row 0 after row 0"},
		{`{"type":"prefill"`, `{"type":"loaded"`, `event "loaded", expected layout`},
		{`{"type":"prefill"`, `{"type":"layout"`, "layout after layout"},
		{`"r":[1,2]`, `"r":[1,0]`, "line 4: token: trace: layer 0: distance 0"},
		{`"r":[1,2]`, `"r":[1,2000]`, "layer 0: row 2001 is selected, the cache has 5"},
		{`"r":[1,2]`, `"r":[-1,2]`, "distance -1"},
		{`"-":[3]`, `"-":[4]`, "row 4 is dropped and was not there"},
		{`"v":"yLQ="`, `"v":"yLQA"`, "v has 3 values, expected 2"},
		{`"v":"yLQ="`, `"v":"y*Q="`, "illegal base64"},
		{`"hv":"BQI="`, `"hv":"BQ=="`, "hv has 1 values, expected 2"},
		{`"cut":[0.5,0.25]`, `"cut":[0.5]`, "cut has 1 values, expected 2"},
		{`"mass":[[0.5,0.25,0.25,0],`, `"mass":[`, "mass has 2 values, expected 3"},
		{`[1,0,0,0]`, `[1,0,0]`, "mass of head 1 has 3 values"},
		{`"near":[1,1,1]`, `"near":[1]`, "near has 1 values"},
		{`"top":[[3,1],[1],[]]`, `"top":[[3,1],[1]]`, "top has 2 values, expected 3"},
		{`"top":[[3,1],[1],[]]`, `"top":[[3,1],[1],[9]]`, "row 9 has weight for head 2, the cache has 5"},
		{`"top":[[3,1],[1],[]]`, `"top":[[3,1],[1],[2]]`, "w has 3 values, expected 4"},
		{`"head":2`, `"head":3`, "scores of head 3, expected 0 to 2"},
		{`"b":"AAn/BAQ="`, `"b":"AAk="`, "scores of head 2 have 2 values, expected 5"},
		{`"64":0,`, ``, "blocks of 5 sizes"},
		{`"n":6`, `"n":5`, "step over 5 rows after one over 5"},
		{`{"type":"done"`, `{"type":"token"`, "it was cut off"},
		{`"reason":"stop"`, `"reason":"stop"}` + "\n" + `{"type":"done"`, "something follows the answer's end"},
		{`"layers":[`, `"layers":[[`, "invalid character"},
		{`"a":5`, `"a":1e99`, "cannot unmarshal"},
	} {
		if !strings.Contains(text, c.from) {
			t.Fatalf("there is no %s in\n%s", c.from, text)
		}
		_, _, _, err := read([]byte(strings.Replace(text, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s for %.40s: %v, expected %q in it", c.to, c.from, err, c.want)
		}
	}
}

// TestHostile: a small file that claims to be a large one is given up, and bytes at
// random are no recording.
func TestHostile(t *testing.T) {
	line, all := maxLine, maxBytes
	defer func() { maxLine, maxBytes = line, all }()
	maxLine, maxBytes = 1<<16, 1<<20
	bomb := func(text string) []byte {
		var b bytes.Buffer
		zip := gzip.NewWriter(&b)
		io.WriteString(zip, text)
		zip.Close()
		return b.Bytes()
	}
	head := strings.SplitAfter(unzipped(t, write(t, header(), events())), "\n")[0]
	for _, text := range []string{strings.Repeat(" ", 1<<17), head + strings.Repeat("[", 1<<17), head + strings.Repeat("\n", 2<<20)} {
		if _, _, _, err := read(bomb(text)); err == nil || !strings.Contains(err.Error(), "more than 65536 bytes in a line or 1048576 in all") {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
	raw := write(t, header(), events())
	for i := range raw {
		damaged := bytes.Clone(raw)
		damaged[i] ^= 0x55
		read(damaged) // it may be an error or, in gzip's own header, none; it does not panic
	}
}

// TestWriter: what is no recording is not written as one.
func TestWriter(t *testing.T) {
	h := header()
	h.Marks[0].End = 100
	if _, err := NewWriter(io.Discard, h); err == nil || !strings.Contains(err.Error(), "header: marks: number 1") {
		t.Errorf("a mark outside of the document: %v", err)
	}
	w, err := NewWriter(io.Discard, header())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "has not ended") {
		t.Errorf("without an end: %v", err)
	}
	w, _ = NewWriter(io.Discard, header())
	if err := w.Event(trace.Event{Type: trace.Done}); err != nil {
		t.Fatal(err)
	}
	if err := w.Event(trace.Event{Type: trace.Token}); err == nil || !strings.Contains(err.Error(), "token after the answer's end") {
		t.Errorf("after the end: %v", err)
	}
}
