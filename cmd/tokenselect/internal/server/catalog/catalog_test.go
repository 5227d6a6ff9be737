package catalog_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
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
	if !reflect.DeepEqual(list.Models, []catalog.Model{want, second}) || list.Pending != nil {
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

// split is the built-in model in as many files: all tensors are in the first, behind
// its header, and the others have a header only.
func split(t *testing.T, dir, stem string, count int) [][]byte {
	t.Helper()
	_, data := web.DefaultModel()
	tensors := binary.LittleEndian.Uint64(data[8:])
	files := make([][]byte, count)
	for i := range files {
		var meta []byte
		put := func(key string, value int) {
			meta = binary.LittleEndian.AppendUint64(meta, uint64(len(key)))
			meta = append(meta, key...)
			meta = binary.LittleEndian.AppendUint32(meta, 4) // an unsigned number of 32 bits
			meta = binary.LittleEndian.AppendUint32(meta, uint32(value))
		}
		put("split.no", i)
		put("split.count", count)
		put("split.tensors.count", int(tensors))
		put(strings.Repeat("x", 16+31-(len(meta)+31)%32), 0) // a multiple of 32 bytes, to which tensors are aligned
		body := data
		if i > 0 {
			body = append(binary.LittleEndian.AppendUint32([]byte("GGUF"), 3), make([]byte, 16)...)
		}
		head := bytes.Clone(body[:24])
		binary.LittleEndian.PutUint64(head[16:], 4+binary.LittleEndian.Uint64(head[16:]))
		files[i] = append(append(head, meta...), body[24:]...)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%05d-of-%05d.gguf", stem, i+1, count)), files[i], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestSplit: the files of a split model are one model of several parts, each served
// under its own digest; what lacks a part, or has another's, is left out by name.
func TestSplit(t *testing.T) {
	var said saidtest.Lines
	dir := t.TempDir()
	files := split(t, dir, "big", 3)
	split(t, dir, "less", 3)
	if err := os.Remove(filepath.Join(dir, "less-00002-of-00003.gguf")); err != nil {
		t.Fatal(err)
	}
	split(t, dir, "mixed", 2)
	if err := os.WriteFile(filepath.Join(dir, "mixed-00002-of-00002.gguf"), files[1], 0o644); err != nil {
		t.Fatal(err)
	}
	split(t, dir, "turned", 2)
	first, second := filepath.Join(dir, "turned-00001-of-00002.gguf"), filepath.Join(dir, "turned-00002-of-00002.gguf")
	for _, move := range [][2]string{{first, first + ".old"}, {second, first}, {first + ".old", second}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	sidecar := filepath.Join(t.TempDir(), "digests.json")
	k := open(t, catalog.Config{Dir: dir, Sidecar: sidecar, Log: said.Say})
	for _, want := range []string{
		"less-00001-of-00003.gguf: part 2 of 3 is missing, less-00002-of-00003.gguf",
		"mixed-00002-of-00002.gguf: metadata key split.count is 3, expected 2",
		"turned-00002-of-00002.gguf is part 2 by its name, part 1 by its header",
	} {
		if strings.Count(said.String(), want) != 1 {
			t.Errorf("said %q, expected once %q", said.String(), want)
		}
	}
	models := k.List().Models
	if len(models) != 2 || models[1].Name != "big" || len(models[1].Parts) != 3 || models[1].URL != "" {
		t.Fatalf("%+v", models)
	}
	var size int64
	all := sha256.New()
	for i, p := range models[1].Parts {
		sum := fmt.Sprintf("%x", sha256.Sum256(files[i]))
		io.WriteString(all, sum)
		f, err := k.Weights(p.Digest)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := io.ReadAll(f); err != nil || !bytes.Equal(raw, files[i]) {
			t.Errorf("part %d: %d bytes, %v", i, len(raw), err)
		}
		f.Close()
		size += p.Size
		if p != (catalog.Part{Name: fmt.Sprintf("big-%05d-of-00003.gguf", i+1), URL: "weights/" + sum + ".gguf", Digest: sum, Size: int64(len(files[i]))}) {
			t.Errorf("part %d: %+v", i+1, p)
		}
		r, w := httptest.NewRequest("GET", "/"+p.URL, nil), httptest.NewRecorder()
		r.SetPathValue("file", sum+".gguf")
		r.Header.Set("Range", "bytes=100-")
		if k.ServeWeights(w, r); w.Code != 206 || !bytes.Equal(w.Body.Bytes(), files[i][100:]) {
			t.Errorf("part %d: %d, %d bytes", i+1, w.Code, w.Body.Len())
		}
	}
	if m := models[1]; m.Size != size || m.Digest != hex.EncodeToString(all.Sum(nil)) {
		t.Errorf("%d bytes and digest %s, expected %d and that of the digests", m.Size, m.Digest, size)
	}
	_, ckpt, err := k.Open("big")
	if err != nil || ckpt.Config.Layers != 8 {
		t.Fatalf("opened: %v", err)
	}
	if err := ckpt.Close(); err != nil {
		t.Error(err)
	}

	// What is known of it counts as long as none of its files changes.
	raw, err := os.ReadFile(sidecar)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sidecar, bytes.ReplaceAll(raw, []byte(models[1].Digest), []byte(strings.Repeat("0", 64))), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := open(t, catalog.Config{Dir: dir, Sidecar: sidecar}).List().Models[1].Digest; got != strings.Repeat("0", 64) {
		t.Errorf("digest %s, expected the one that was kept", got)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "big-00003-of-00003.gguf"), later, later); err != nil {
		t.Fatal(err)
	}
	if got := open(t, catalog.Config{Dir: dir, Sidecar: sidecar}).List().Models[1].Digest; got != models[1].Digest {
		t.Errorf("digest %s of a model with a part that changed, expected it computed again", got)
	}

	// One that was asked for by any of its files is listed, or what is wrong is an error.
	dir2 := t.TempDir()
	split(t, dir2, "big", 2)
	k = open(t, catalog.Config{Files: []catalog.File{{Name: "me/big", Path: filepath.Join(dir2, "big-00002-of-00002.gguf")}}})
	if models = k.List().Models; len(models) != 2 || models[1].Name != "me/big" || len(models[1].Parts) != 2 {
		t.Errorf("%+v", models)
	}
	path, data := web.DefaultModel()
	_, err = catalog.New(catalog.Config{Builtin: catalog.Builtin{Name: "a", Path: path, Data: data}, Files: []catalog.File{{Name: "less", Path: filepath.Join(dir, "less-00003-of-00003.gguf")}}})
	if err == nil || !strings.Contains(err.Error(), "part 2 of 3 is missing, less-00002-of-00003.gguf") {
		t.Errorf("a part is missing: %v", err)
	}
}
