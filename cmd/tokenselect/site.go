//go:build !js

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/web"
)

func siteCommand() []command {
	return []command{{"site", "-o DIR [flags]", "write the page, its lesson, the engine for browsers and a model as files that any web host can serve", runSite}}
}

// siteMark is the file by which a folder is known as a site that this command has
// written, and may replace.
const siteMark = "tokenselect-site.json"

type siteMarked struct {
	Kind string `json:"tokenselect"` // "site"
	V    int    `json:"v"`
}

func runSite(ctx context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	var f serveFlags
	out := fs.String("o", "", "`folder` to write: a new or empty one, or a site that this command wrote before, which is replaced as a whole")
	fs.Func("model", "`model` to offer, which comes first: a GGUF file, or the name of a pulled model; may be given several times", func(name string) error {
		f.offered = append(f.offered, name)
		return nil
	})
	fs.StringVar(&f.first, "default", "", "`name` of the model that comes first; default: that of -model, else the built-in needle-16m")
	fs.StringVar(&f.wasm, "wasm", "", "`file` of the engine for browsers, tokenselect.wasm, with wasm_exec.js beside it; default: those beside this program")
	if err := parse(fs, args); err != nil {
		return err
	}
	switch {
	case fs.NArg() > 0:
		return usagef("%q after the flags, expected nothing (the folder goes with -o)", fs.Arg(0))
	case *out == "":
		return usagef("no -o, expected the folder to write")
	}
	dir, err := siteFolder(*out)
	if err != nil {
		return err
	}
	files, missing, err := f.files(func(string, ...any) {})
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		names := slices.Sorted(maps.Keys(missing))
		return fmt.Errorf("%s is not beside this program, and a site answers nothing without it: make wasm builds it, and -wasm says where it is", names[0])
	}
	models, err := f.catalog(func(s string) { fmt.Fprintln(std.err, s) })
	if err != nil {
		return err
	}
	if err := models.Wait(ctx); err != nil {
		return err
	}
	made, err := writeSite(ctx, dir, files, models)
	if err != nil {
		return fmt.Errorf("-o %s: %w", *out, err)
	}
	fmt.Fprintf(std.out, "%s: %d files, %s. Any web host will do; to try it here:\n  python3 -m http.server -b 127.0.0.1 -d %s 8000\n", *out, made.files, byteSize(made.bytes), *out)
	return nil
}

// siteFolder is the folder of a path, free of links, if a site may be put there.
func siteFolder(path string) (string, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("-o: %w", err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return dir, nil
	}
	if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
		return "", fmt.Errorf("-o %s is a file, expected a folder", path)
	}
	if err != nil {
		return "", fmt.Errorf("-o: %w", err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, siteMark))
	var mark siteMarked
	if err != nil || json.Unmarshal(raw, &mark) != nil || mark.Kind != "site" {
		return "", fmt.Errorf("-o %s has %d files or folders, such as %s, and is no site of this command's: expected a new or empty folder, or such a site", path, len(entries), entries[0].Name())
	}
	return dir, nil
}

// written is what has been written of a site.
type written struct {
	files int
	bytes int64
}

// writeSite writes a site beside its place and moves it there when it is whole.
func writeSite(ctx context.Context, dir string, files map[string][]byte, models *catalog.Catalog) (written, error) {
	var made written
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return made, err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".new-*")
	if err != nil {
		return made, err
	}
	defer os.RemoveAll(fresh)
	if err := os.Chmod(fresh, 0o755); err != nil {
		return made, err
	}
	add := func(name string, r io.Reader) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := writeNew(filepath.Join(fresh, filepath.FromSlash(name)), r)
		made.files, made.bytes = made.files+1, made.bytes+n
		return err
	}
	static := web.Static()
	err = fs.WalkDir(static, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || files[name] != nil {
			return err
		}
		f, err := static.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return add(name, f)
	})
	if err != nil {
		return made, err
	}
	list := models.List()
	weights := func(digest, url string) error {
		f, err := models.Weights(digest)
		if err != nil {
			return err
		}
		defer f.Close()
		return add(url, f)
	}
	for _, m := range list.Models {
		if len(m.Parts) == 0 {
			err = weights(m.Digest, m.URL)
		}
		for _, p := range m.Parts {
			err = errors.Join(err, weights(p.Digest, p.URL))
		}
		if err != nil {
			return made, err
		}
	}
	for name, value := range map[string]any{"models.json": list, siteMark: siteMarked{"site", 1}} {
		raw, err := json.Marshal(value)
		if err != nil {
			return made, err
		}
		if err := add(name, bytes.NewReader(append(raw, '\n'))); err != nil {
			return made, err
		}
	}
	for name, raw := range files {
		if err := add(name, bytes.NewReader(raw)); err != nil {
			return made, err
		}
	}
	return made, swapFolder(fresh, dir)
}

// writeNew writes a file and the folders that it is in.
func writeNew(path string, r io.Reader) (int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	return n, errors.Join(err, f.Close())
}

// swapFolder puts a folder in the place of another, which may not be there. If it
// cannot, the other one stays.
func swapFolder(fresh, dir string) error {
	old := fresh + ".old"
	err := os.Rename(dir, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(fresh, dir); err != nil {
		return errors.Join(err, os.Rename(old, dir))
	}
	return os.RemoveAll(old)
}
