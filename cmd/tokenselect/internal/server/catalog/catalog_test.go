package catalog_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/cmd/tokenselect/internal/server/saidtest"
	"tokenselect/web"
)

func open(t *testing.T, c catalog.Config) *catalog.Catalog {
	t.Helper()
	path, data := web.DefaultModel()
	c.Builtin = catalog.Builtin{Name: "needle-16m", Path: path, Data: data}
	k, err := catalog.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := k.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return k
}

// folder holds a copy of the built-in model, and files that are none.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	_, data := web.DefaultModel()
	for name, raw := range map[string][]byte{
		"copy.gguf": data, "broken.gguf": data[:5000], "page.gguf": []byte("<html>"), "needle-16m.gguf": data, "notes.txt": []byte("no model"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.gguf"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestList(t *testing.T) {
	var said saidtest.Lines
	sidecar := filepath.Join(t.TempDir(), "cache", "digests.json")
	dir := folder(t)
	k := open(t, catalog.Config{Dir: dir, Sidecar: sidecar, Log: said.Say})
	_, data := web.DefaultModel()
	digest := fmt.Sprintf("%x", sha256.Sum256(data))
	w := httptest.NewRecorder()
	k.ServeList(w, httptest.NewRequest("GET", "/models.json", nil))
	var list catalog.List
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	want := catalog.Model{Name: "needle-16m", Title: "needle-16m (built in)", URL: "weights/" + digest + ".gguf", Digest: digest,
		Size: int64(len(data)), Context: 2048, Quantisation: "Q8_0"}
	second := want
	second.Name, second.Title = "copy", "needle-16m"
	if len(list.Models) != 2 || list.Models[0] != want || list.Models[1] != second || list.Pending != nil {
		t.Errorf("%s", w.Body)
	}
	for _, left := range []string{"broken.gguf", "page.gguf", "name of another model"} {
		if !strings.Contains(said.String(), left) {
			t.Errorf("nothing said of %s: %s", left, said.String())
		}
	}

	// Another start takes the digests from the first, and only of files that are
	// the same.
	raw, err := os.ReadFile(sidecar)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Repeat("0", 64)
	if err := os.WriteFile(sidecar, bytes.ReplaceAll(raw, []byte(digest), []byte(other)), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := open(t, catalog.Config{Dir: dir, Sidecar: sidecar}).List().Models[1].Digest; got != other {
		t.Errorf("digest %s, expected the one that was kept", got)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "copy.gguf"), later, later); err != nil {
		t.Fatal(err)
	}
	if got := open(t, catalog.Config{Dir: dir, Sidecar: sidecar}).List().Models[1].Digest; got != digest {
		t.Errorf("digest %s of a file that changed, expected it computed again", got)
	}
	if err := os.WriteFile(sidecar, []byte(`{"half`), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := open(t, catalog.Config{Dir: dir, Sidecar: sidecar}).List().Models[1].Digest; got != digest {
		t.Errorf("digest %s with a damaged file of digests", got)
	}
}

func TestFirst(t *testing.T) {
	k := open(t, catalog.Config{Dir: folder(t), First: "copy"})
	if name, err := k.Name(""); err != nil || name != "copy" {
		t.Errorf("the first is %q, %v", name, err)
	}
	name, ckpt, err := k.Open("needle-16m")
	if err != nil || name != "needle-16m" || ckpt.Config.Layers != 8 {
		t.Errorf("%s: %v", name, err)
	}
	if _, _, err := k.Open("none"); err == nil || !strings.Contains(err.Error(), "copy, needle-16m") {
		t.Errorf("no such model: %v", err)
	}
	path, data := web.DefaultModel()
	for _, c := range []catalog.Config{
		{Builtin: catalog.Builtin{Name: "a", Path: path, Data: data}, First: "none"},
		{Builtin: catalog.Builtin{Name: "a", Path: path, Data: data}, Dir: filepath.Join(t.TempDir(), "none")},
		{Builtin: catalog.Builtin{Name: "a", Path: path, Data: data[:100]}},
	} {
		if _, err := catalog.New(c); err == nil {
			t.Errorf("taken: first %q, folder %q, %d bytes", c.First, c.Dir, len(c.Builtin.Data))
		}
	}
}

// TestWeights: downloads that go on where they ended, of files and of the
// built-in model.
func TestWeights(t *testing.T) {
	dir := t.TempDir()
	_, data := web.DefaultModel()
	path := filepath.Join(dir, "other.gguf")
	other := append(bytes.Clone(data), 0) // one byte after the last tensor
	if err := os.WriteFile(path, other, 0o644); err != nil {
		t.Fatal(err)
	}
	var said saidtest.Lines
	k := open(t, catalog.Config{Dir: dir, Log: said.Say})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /weights/{file}", k.ServeWeights)
	server := httptest.NewServer(mux)
	defer server.Close()
	get := func(url string, headers ...string) (*http.Response, []byte) {
		t.Helper()
		req, _ := http.NewRequest("GET", server.URL+"/"+url, nil)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, body
	}
	models := k.List().Models
	if len(models) != 2 {
		t.Fatalf("%d models: %s", len(models), said.String())
	}
	for i, raw := range [][]byte{data, other} {
		m := models[i]
		resp, body := get(m.URL)
		sum := sha256.Sum256(body)
		if resp.StatusCode != 200 || resp.ContentLength != int64(len(raw)) || hex.EncodeToString(sum[:]) != m.Digest ||
			resp.Header.Get("ETag") != `"`+m.Digest+`"` || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") || resp.Header.Get("Accept-Ranges") != "bytes" {
			t.Errorf("whole: %d, %d bytes, %v", resp.StatusCode, len(body), resp.Header)
		}
		resp, body = get(m.URL, "Range", "bytes=1000000-", "If-Range", `"`+m.Digest+`"`)
		if resp.StatusCode != 206 || !bytes.Equal(body, raw[1_000_000:]) || resp.Header.Get("Content-Range") != fmt.Sprintf("bytes 1000000-%d/%d", len(raw)-1, len(raw)) {
			t.Errorf("the rest: %d, %d bytes, %v", resp.StatusCode, len(body), resp.Header)
		}
		if resp, body = get(m.URL, "Range", "bytes=1000000-", "If-Range", `"another"`); resp.StatusCode != 200 || len(body) != len(raw) {
			t.Errorf("the rest of something else: %d, %d bytes", resp.StatusCode, len(body))
		}
		if resp, _ = get(m.URL, "Range", "bytes=99999999-"); resp.StatusCode != 416 {
			t.Errorf("beyond the end: %d", resp.StatusCode)
		}
		if resp, _ = get(m.URL, "If-None-Match", `"`+m.Digest+`"`); resp.StatusCode != 304 {
			t.Errorf("what is there already: %d", resp.StatusCode)
		}
	}
	for _, url := range []string{"weights/" + strings.Repeat("0", 64) + ".gguf", "weights/" + models[0].Digest, "weights/..%2fgo.mod"} {
		if resp, _ := get(url); resp.StatusCode != 404 {
			t.Errorf("%s: %d, expected 404", url, resp.StatusCode)
		}
	}
	// A file that has changed is not served under the old digest.
	if err := os.WriteFile(path, append(other, 0), 0o644); err != nil {
		t.Fatal(err)
	}
	if resp, body := get(models[1].URL); resp.StatusCode != http.StatusGone || !strings.Contains(string(body), "changed") {
		t.Errorf("a changed file: %d %.100q", resp.StatusCode, body)
	}
}
