package web

import (
	"io"
	"io/fs"
	"strings"
	"testing"

	"tokenselect/engine/trace"
	"tokenselect/engine/trace/recording"
)

// TestRecordings reads the recordings that the page comes with (make recordings), all
// of each: what its format says, the answer that it is there to show, and beside it
// what other budgets came to. A page that is served over a slow line has little to
// spare for one, and the program that has them all in it for all.
func TestRecordings(t *testing.T) {
	files, err := fs.Glob(Static(), "recordings/*.json.gz")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d recordings, %v, expected at least 3: make recordings", len(files), err)
	}
	total := int64(0)
	for _, name := range files {
		f, err := Static().Open(name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if total += info.Size(); info.Size() > 1_300_000 {
			t.Errorf("%s has %d bytes, expected at most 1.3 MB", name, info.Size())
		}
		r, err := recording.NewReader(f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		h, steps, answer := &r.Header, 0, ""
		for {
			e, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			switch e.Type {
			case trace.Token:
				steps++
				for i, l := range e.Step.Layers {
					if l.Mass == nil || l.Top == nil || (l.Votes == nil) == !l.Hit && r.Rows()[i] != nil {
						t.Fatalf("%s: step %d, layer %d lacks mass, heads or votes", name, steps, i)
					}
				}
			case trace.Done:
				answer = e.Text
			}
		}
		if steps < 5 || h.Expected == "" || !strings.Contains(answer, h.Expected) || len(h.Marks) == 0 {
			t.Errorf("%s: %q in %d steps, expected %q in it; %d marks", name, answer, steps, h.Expected, len(h.Marks))
		}
		s := h.Selection
		if s.Policy != "tokenselect" || s.NInit == nil || s.NLocal == nil || s.K == nil || s.Chunk == nil || s.Theta == nil || s.Pool == nil || s.Index == "" {
			t.Errorf("%s: something is absent of the selection %+v", name, s)
		}
		policies := map[string]int{}
		for _, b := range h.Sweep {
			policies[b.Policy]++
			if b.Rows <= 0 || b.Recall < 0 || b.Recall > 1.0001 || b.P < 0 || b.P > 1 || b.In < 0 || b.In > 1 {
				t.Errorf("%s: budget %+v", name, b)
			}
		}
		if policies["tokenselect"] < 3 || policies["dense"] != 1 || policies["window"] != 1 {
			t.Errorf("%s: budgets of %v", name, policies)
		}
		f.Close()
	}
	if total > 2_500_000 {
		t.Errorf("%d bytes in all, expected at most 2.5 MB", total)
	}
}
