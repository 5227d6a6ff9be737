//go:build !js

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/web"
)

// site runs the command, and returns its exit status and what it said.
func site(t *testing.T, args ...string) (status int, said string) {
	t.Helper()
	var out bytes.Buffer
	status = run(context.Background(), append([]string{"site"}, args...), stdio{strings.NewReader(""), &out, &out, false, false})
	return status, out.String()
}

// browserEngine is a folder with files in the place of the engine for browsers.
func browserEngine(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"tokenselect.wasm", "wasm_exec.js"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("the bytes of "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "tokenselect.wasm")
}

func TestSite(t *testing.T) {
	wasm, parent := browserEngine(t), t.TempDir()
	dir := filepath.Join(parent, "docs", "site")
	if status, said := site(t, "-o", dir, "-wasm", wasm); status != 0 || !strings.Contains(said, "files") {
		t.Fatalf("status %d: %s", status, said)
	}
	read := func(name string) []byte {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	// All of the page, and what a server adds to it.
	static := web.Static()
	err := fs.WalkDir(static, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "wasm_exec.js" {
			return err
		}
		want, err := fs.ReadFile(static, name)
		if !bytes.Equal(read(name), want) {
			t.Errorf("%s is another file", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tokenselect.wasm", "wasm_exec.js"} {
		if got := string(read(name)); got != "the bytes of "+name {
			t.Errorf("%s: %q", name, got)
		}
	}
	var list catalog.List
	if err := json.Unmarshal(read("models.json"), &list); err != nil || len(list.Models) != 1 || list.Models[0].Name != "needle-16m" {
		t.Fatalf("models.json: %v, %+v", err, list)
	}
	sum := sha256.Sum256(read(list.Models[0].URL))
	if hex.EncodeToString(sum[:]) != list.Models[0].Digest {
		t.Errorf("%s has another digest than models.json says", list.Models[0].URL)
	}
	// Sources are as in the repository, and tests are left out.
	for _, name := range []string{"shaders/soft_vote.wgsl", "shaders/lib/paged_dot.wgsl", "engine/kernels/soft_vote.go", "engine/kernels/selection_cache.go"} {
		want, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read("source/"+name), want) {
			t.Errorf("source/%s is another file", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "source/engine/kernels/choose_test.go")); err == nil {
		t.Error("tests are among the sources")
	}

	// Once more: what was there goes, and nothing is left beside it.
	stale := filepath.Join(dir, "stale.js")
	if err := os.WriteFile(stale, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if status, said := site(t, "-o", dir, "-wasm", wasm); status != 0 {
		t.Fatalf("once more: status %d: %s", status, said)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("a file of the site before is still there")
	}
	if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
		t.Errorf("%v beside the site, expected it alone", entries)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v %v, expected a folder that a web server may read", info.Mode(), err)
	}
}

func TestSiteRefusals(t *testing.T) {
	wasm, dir := browserEngine(t), t.TempDir()
	full, file, empty := filepath.Join(dir, "full"), filepath.Join(dir, "file"), filepath.Join(dir, "empty")
	for _, err := range []error{os.Mkdir(full, 0o755), os.WriteFile(filepath.Join(full, "thesis.txt"), []byte("years"), 0o644), os.WriteFile(file, []byte("x"), 0o644), os.Mkdir(empty, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args   []string
		status int
		said   string
	}{
		{nil, 2, "no -o, expected the folder to write"},
		{[]string{"-o", full, "more"}, 2, `"more" after the flags`},
		{[]string{"-o", full, "-wasm", wasm}, 1, "has 1 files or folders, such as thesis.txt, and is no site of this command's"},
		{[]string{"-o", file, "-wasm", wasm}, 1, "is a file, expected a folder"},
		{[]string{"-o", filepath.Join(file, "in"), "-wasm", wasm}, 1, "not a directory"},
		{[]string{"-o", empty, "-wasm", filepath.Join(dir, "none.wasm")}, 1, "-wasm:"},
		{[]string{"-o", empty}, 1, "make wasm builds it"},
		{[]string{"-o", empty, "-wasm", wasm, "-model", filepath.Join(full, "thesis.txt")}, 1, "thesis.txt"},
		{[]string{"-o", empty, "-wasm", wasm, "-default", "none"}, 2, `there is no model "none"`},
	} {
		status, said := site(t, c.args...)
		if status != c.status || !strings.Contains(said, c.said) {
			t.Errorf("%q: status %d, %q, expected %d, %q", c.args, status, said, c.status, c.said)
		}
	}
	if raw, err := os.ReadFile(filepath.Join(full, "thesis.txt")); err != nil || string(raw) != "years" {
		t.Errorf("a folder that is no site was touched: %v", err)
	}
	if entries, _ := os.ReadDir(empty); len(entries) != 0 {
		t.Errorf("%v were written by commands that failed", entries)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("%v are left", entries)
	}
	// A mark that is something else's does not do.
	if err := os.WriteFile(filepath.Join(full, siteMark), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, _ := site(t, "-o", full, "-wasm", wasm); status != 1 {
		t.Error("a folder with another file of that name was replaced")
	}
	// An interrupted one leaves nothing.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if status := run(ctx, []string{"site", "-o", empty, "-wasm", wasm}, stdio{strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, false, false}); status != 130 {
		t.Errorf("interrupted: status %d", status)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("%v are left", entries)
	}
}
