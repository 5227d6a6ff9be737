//go:build !js

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/hub"
	"tokenselect/web"
)

// hubOf is a hub whose one repository, me/needle, has these files.
func hubOf(t *testing.T, files map[string][]byte) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/models/me/needle/revision/") {
			var siblings []any
			for path, data := range files {
				siblings = append(siblings, map[string]any{"rfilename": path, "size": len(data), "lfs": map[string]any{"sha256": fmt.Sprintf("%x", sha256.Sum256(data)), "size": len(data)}})
			}
			json.NewEncoder(w).Encode(map[string]any{"id": "me/needle", "sha": strings.Repeat("a", 40), "siblings": siblings})
			return
		}
		path := strings.TrimPrefix(r.URL.Path, "/me/needle/resolve/"+strings.Repeat("a", 40)+"/")
		data, ok := files[path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(s.Close)
	t.Setenv("HF_ENDPOINT", s.URL)
	t.Setenv("TOKENSELECT_CACHE", filepath.Join(t.TempDir(), "cache"))
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_TOKEN", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
}

// TestPulled pulls the built-in model as if it was another one, and uses it by
// its name.
func TestPulled(t *testing.T) {
	_, model := web.DefaultModel()
	mamba := bytes.Replace(bytes.Clone(model[:4096]), []byte("llama"), []byte("mamba"), -1)
	hubOf(t, map[string][]byte{"needle-Q8_0.gguf": model, "needle-F16.gguf": append(mamba, model[4096:]...)})
	says := func(status int, words string, args ...string) result {
		t.Helper()
		r := tokenselect(t, "", false, args...)
		if r.status != status || !strings.Contains(r.out+r.err, words) {
			t.Errorf("%q: status %d, printed %q and %q, expected %d and %q", args, r.status, r.out, r.err, status, words)
		}
		return r
	}
	says(0, "no model has been pulled", "list")
	says(1, "tokenselect pull me/needle", "run", "-model", "me/needle", "q")
	says(2, "expected one MODEL", "pull")
	says(2, "owner/name", "pull", "needle")
	says(2, "-connections 0", "pull", "-connections", "0", "me/needle")
	says(1, "has no model \"Q4_K_M\"", "pull", "me/needle:Q4_K_M")
	if r := says(1, "this program cannot run the model", "pull", "me/needle:F16"); strings.Contains(r.err, "kept") {
		t.Errorf("said %q, expected nothing to be kept", r.err)
	}

	r := says(0, "me/needle:Q8_0: ", "pull", "me/needle")
	if !strings.Contains(r.err, "the one in Q8_0 is taken") {
		t.Errorf("said %q, expected the choice", r.err)
	}
	r = says(0, "me/needle:Q8_0", "list")
	if strings.Contains(r.out, "F16") || !strings.Contains(r.out, byteSize(int64(len(model)))) {
		t.Errorf("listed %q", r.out)
	}
	path := file(t, "doc.txt", document)
	says(0, "Ada Dixon keeps a fox.", "run", "-model", "me/needle", "-device", "cpu", "-file", path, "Which animal does Ada Dixon keep?")
	says(0, "needle-Q8_0.gguf", "info", "needle:q8_0")
	out := filepath.Join(t.TempDir(), "out.gguf")
	says(0, "out.gguf", "convert", "me/needle/needle-Q8_0.gguf", out)
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, model) {
		t.Errorf("converted to %d bytes (%v), expected the same %d", len(got), err, len(model))
	}
	f := serveFlags{offered: []string{"me/needle"}}
	c, err := f.catalog(func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if name, _, err := c.Open(""); err != nil || name != "me/needle:Q8_0" {
		t.Errorf("the server has %q first (%v)", name, err)
	}

	says(0, "me/needle:F16", "pull", "-force", "me/needle:F16")
	says(1, "more than one", "run", "-model", "me/needle", "q")
	says(1, "mamba", "run", "-model", "me/needle:F16", "q")
	f.offered = []string{"me/needle:F16"}
	if _, err := f.catalog(func(string) {}); err == nil || !strings.Contains(err.Error(), "mamba") {
		t.Errorf("a server offers what it cannot run: %v", err)
	}
	says(0, "removed me/needle:F16: "+byteSize(int64(len(model)))+" freed", "rm", "me/needle:F16")
	says(0, "freed", "rm", "needle")
	says(0, "no model has been pulled", "list")
	says(1, "no model of that name", "rm", "needle")
	says(2, "no MODEL", "rm")
}

// TestServedModel offers only what pages can fetch.
func TestServedModel(t *testing.T) {
	if _, err := servedModel(t.TempDir()); err == nil || !strings.Contains(err.Error(), "tokenselect convert") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := servedModel(file(t, "bad.gguf", "GGUF")); err == nil || !strings.Contains(err.Error(), "bad.gguf") {
		t.Errorf("a file that is none: %v", err)
	}
}

// TestTransfer draws a download on a terminal, and tells of it elsewhere.
func TestTransfer(t *testing.T) {
	var b bytes.Buffer
	tr := transfer{w: &b, live: true}
	began := time.Now().Add(-2 * time.Second)
	tr.marks, tr.drawn = []mark{{began, 0}}, began
	tr.show(hub.Progress{Done: 20 << 20, Total: 100 << 20})
	if s := b.String(); !strings.HasPrefix(s, "\r 20 %  20.0 MiB of 100.0 MiB  ") || !strings.Contains(s, " MiB/s  ") || !strings.HasSuffix(s, "s left") {
		t.Errorf("drawn %q", s)
	}
	tr.say("again")
	if s := b.String(); !strings.HasSuffix(s, " \ragain\n") || strings.Count(s, "\n") != 1 {
		t.Errorf("drawn %q, expected the line to be wiped first", s)
	}
	b.Reset()
	tr = transfer{w: &b, every: time.Hour}
	tr.show(hub.Progress{Done: 1, Total: 2})
	tr.drawn = began.Add(-time.Hour)
	tr.show(hub.Progress{Done: 2, Total: 2, Verifying: true})
	tr.clear()
	if s := b.String(); s != "100 %  2 B of 2 B verified\n" {
		t.Errorf("told %q", s)
	}
}
