package hub

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// put has a model be in a store as Pull leaves it.
func put(t *testing.T, s Store, r record, complete bool) {
	t.Helper()
	kind := "partial"
	if complete {
		kind = "models"
	}
	unit := r.Repo
	if r.Kind == kindGGUF {
		unit = strings.ReplaceAll(r.Files[0].Path, "/", "--")
	}
	dir := filepath.Join(s.folder(kind, r.name()), unit)
	for i := range r.Files {
		f := &r.Files[i]
		f.Digest = Digest("sha256:" + strings.Repeat("0", 64))
		path := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if complete {
			if err := os.WriteFile(path, make([]byte, f.Size), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		p, err := openPart(dir, *f, time.Hour, func(int64) {})
		if err != nil {
			t.Fatal(err)
		}
		p.WriteAt(make([]byte, f.Size/2), 0)
		if err := p.close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
}

func gguf(owner, repo, revision, path string) record {
	return record{Owner: owner, Repo: repo, Revision: revision, Kind: kindGGUF, Quant: quantOf(path), Files: []File{{Path: path, Size: 10}}}
}

// full is a store of many kinds of models, below a folder with a name that
// patterns would take for another one.
func full(t *testing.T) Store {
	s := Store{filepath.Join(t.TempDir(), "a[b]*c")}
	if os.MkdirAll(s.Root, 0o755) != nil {
		s.Root = filepath.Join(t.TempDir(), "a[b]c") // Windows has no stars
	}
	put(t, s, gguf("me", "it", "", "it-Q8_0.gguf"), true)
	put(t, s, gguf("me", "it", "", "sub/it-Q4_0.gguf"), true)
	put(t, s, gguf("me", "it", "", "it-Q2_K.gguf"), false)
	put(t, s, gguf("me", "it", "v/1", "it-Q8_0.gguf"), true)
	put(t, s, gguf("me", "two", "", "a-Q8_0.gguf"), true)
	put(t, s, gguf("me", "two", "", "b-Q8_0.gguf"), true)
	put(t, s, gguf("you", "IT2", "", "plain.gguf"), true)
	put(t, s, record{Owner: "you", Repo: "tensors", Kind: kindSafetensors, Files: []File{{Path: "config.json", Size: 4}, {Path: "model.safetensors", Size: 6}}}, true)
	put(t, s, record{Owner: "you", Repo: "both", Kind: kindSafetensors, Files: []File{{Path: "config.json", Size: 4}, {Path: "model.safetensors", Size: 6}}}, true)
	put(t, s, gguf("you", "both", "", "both-F16.gguf"), true)
	return s
}

func TestList(t *testing.T) {
	all, err := full(t).List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, m.Name)
		if want := int64(10); m.Size != want || (m.Complete && m.Have != want) || (!m.Complete && m.Have != want/2) {
			t.Errorf("%s: %d of %d bytes, expected of 10", m.Name, m.Have, m.Size)
		}
		if _, err := os.Stat(m.Path); err != nil && m.Complete {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	want := "me/it:Q2_K me/it:Q4_0 me/it:Q8_0 me/it@v%2F1:Q8_0 me/two/a-Q8_0.gguf me/two/b-Q8_0.gguf you/both/safetensors you/both:F16 you/IT2/plain.gguf you/tensors"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("listed %s\nexpected %s", s, want)
	}
	if all, err := (Store{filepath.Join(t.TempDir(), "none")}).List(); err != nil || len(all) > 0 {
		t.Errorf("of nothing: %v, %v", all, err)
	}
}

func TestFind(t *testing.T) {
	s := full(t)
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if got, err := s.Find(m.Name); m.Complete && (err != nil || got.Dir != m.Dir) {
			t.Errorf("%s: found %s (%v), expected %s", m.Name, got.Dir, err, m.Dir)
		}
	}
	for name, want := range map[string]string{
		"ME/It:q8_0": "me/it:Q8_0", "it:Q4_0": "me/it:Q4_0", "me/it/it-Q4_0.gguf": "me/it:Q4_0", "me/it/sub/it-Q4_0.gguf": "me/it:Q4_0", "me/it/*4_0*": "me/it:Q4_0",
		"me/it@v%2F1": "me/it@v%2F1:Q8_0", "it2": "you/IT2/plain.gguf", "tensors": "you/tensors", "you/tensors/model.safetensors": "you/tensors",
		"https://huggingface.co/you/IT2": "you/IT2/plain.gguf",
	} {
		if m, err := s.Find(name); err != nil || m.Name != want {
			t.Errorf("%s: found %q (%v), expected %s", name, m.Name, err, want)
		}
	}
	for name, words := range map[string][]string{
		"me/it":        {"more than one", "me/it:Q4_0", "me/it:Q8_0"},
		"me/two:Q8_0":  {"more than one", "me/two/a-Q8_0.gguf"},
		"me/it:Q2_K":   {"in part only", "tokenselect pull me/it:Q2_K"},
		"me/it:F16":    {"tokenselect pull me/it:F16"},
		"who/knows":    {"no model of that name", "tokenselect pull who/knows"},
		"knows":        {"no model of that name"},
		"who/../knows": {"who/../knows"},
		"":             {"owner/name"},
	} {
		_, err := s.Find(name)
		refused(t, err, words...)
	}
}

func TestRemove(t *testing.T) {
	s := full(t)
	for name, words := range map[string][]string{
		"me/it":      {"more than one", "me/it/*", "me/it:Q2_K", "me/it:Q4_0"},
		"two":        {"all with me/two/*"},
		"me/nothing": {"tokenselect list"},
		"../it":      {"../it"},
	} {
		gone, err := s.Remove(name)
		refused(t, err, words...)
		if len(gone) > 0 {
			t.Errorf("%s: %v is gone", name, gone)
		}
	}
	for _, c := range []struct {
		name string
		want int
	}{
		{"me/it:Q2_K", 1}, {"me/it/*", 2}, {"me/it@v%2F1", 1}, {"me/two/a-Q8_0.gguf", 1}, {"two", 1},
		{"you/tensors", 1}, {"it2", 1}, {"you/both/safetensors", 1}, {"you/both", 1},
	} {
		if gone, err := s.Remove(c.name); err != nil || len(gone) != c.want {
			t.Errorf("%s: removed %v (%v), expected %d", c.name, gone, err, c.want)
		}
	}
	if left, err := os.ReadDir(s.Root); err != nil || len(left) > 0 {
		t.Errorf("%v (%v) is left", left, err)
	}
}

// TestDamagedStore says what is damaged, and still has the other models.
func TestDamagedStore(t *testing.T) {
	for _, text := range []string{"", "{}", `{"owner":"a","repo":"../..","files":[{"path":"x"}]}`, `{"owner":"a","repo":"b","files":[{"path":"../x"}]}`} {
		s := Store{t.TempDir()}
		put(t, s, gguf("me", "it", "", "it-Q8_0.gguf"), true)
		path := filepath.Join(s.Root, "models", "me", "it", "it-Q8_0.gguf", recordName)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		put(t, s, gguf("me", "other", "", "other.gguf"), true)
		all, err := s.List()
		refused(t, err, path)
		if len(all) != 1 {
			t.Errorf("%+v is listed, expected the other model", all)
		}
		if _, err := s.Find("other"); err != nil {
			t.Error(err)
		}
		_, err = s.Find("me/it")
		refused(t, err, path)
	}
}

func TestLock(t *testing.T) {
	s := Store{t.TempDir()}
	n := Name{Owner: "me", Repo: "it"}
	l, err := s.lock(n, "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.lock(n, "x"); !errors.Is(err, errLocked) {
		t.Errorf("a second lock: %v, expected none", err)
	}
	if o, err := s.lock(n, "y"); err != nil {
		t.Errorf("of another model: %v", err)
	} else {
		o.release()
	}
	l.release()
	if l, err = s.lock(n, "x"); err != nil {
		t.Fatal(err)
	}
	l.release()
	if left, _ := os.ReadDir(s.Root); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
