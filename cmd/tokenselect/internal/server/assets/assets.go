// Package assets serves the files of a page out of memory, compressed where the
// browser takes that.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Assets are files by their path below the root, "index.html".
type Assets struct {
	files   map[string]*file
	missing map[string]string
}

type file struct {
	kind string // Content-Type
	raw  []byte
	etag string // of raw, without quotes

	once sync.Once
	gz   []byte // nil: not worth it
}

// types are the content types by extension; the system's own table differs from
// one machine to the next.
var types = map[string]string{
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".mjs":         "text/javascript; charset=utf-8",
	".ts":          "text/plain; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".webmanifest": "application/manifest+json",
	".wasm":        "application/wasm",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".jpg":         "image/jpeg",
	".ico":         "image/x-icon",
	".woff2":       "font/woff2",
	".txt":         "text/plain; charset=utf-8",
	".go":          "text/plain; charset=utf-8",
	".wgsl":        "text/plain; charset=utf-8",
	".md":          "text/plain; charset=utf-8",
	".bcmap":       "application/octet-stream",
	".gz":          "application/gzip",
}

// New reads all files of root, and adds extra ones, which win. Missing says by
// path why a file that a page may ask for is not there.
func New(root fs.FS, extra map[string][]byte, missing map[string]string) (*Assets, error) {
	a := &Assets{files: map[string]*file{}, missing: missing}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(root, name)
		if err == nil {
			a.add(name, raw)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("assets: %w", err)
	}
	for name, raw := range extra {
		a.add(name, raw)
	}
	return a, nil
}

func (a *Assets) add(name string, raw []byte) {
	sum := sha256.Sum256(raw)
	kind := types[path.Ext(name)]
	if kind == "" {
		kind = "application/octet-stream"
	}
	a.files[name] = &file{kind: kind, raw: raw, etag: hex.EncodeToString(sum[:16])}
}

// Has tells whether there is a file for the path of a URL.
func (a *Assets) Has(urlPath string) bool {
	_, ok := a.files[name(urlPath)]
	return ok
}

func name(urlPath string) string {
	n := strings.TrimPrefix(urlPath, "/")
	if n == "" || strings.HasSuffix(n, "/") {
		n += "index.html"
	}
	return n
}

// ServeHTTP serves a file. Browsers keep it and ask each time whether it has
// changed.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, fmt.Sprintf("%s takes GET and HEAD", r.URL.Path), http.StatusMethodNotAllowed)
		return
	}
	f, ok := a.files[name(r.URL.Path)]
	if !ok {
		why := a.missing[name(r.URL.Path)]
		if why == "" {
			why = fmt.Sprintf("there is no %.200q here", r.URL.Path)
		}
		h.Set("Cache-Control", "no-store")
		http.Error(w, why, http.StatusNotFound)
		return
	}
	h.Add("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", f.kind)
	raw, etag := f.raw, f.etag
	if takesGzip(r.Header.Values("Accept-Encoding")) {
		if gz := f.gzip(); gz != nil {
			raw, etag = gz, etag+"-gzip"
			h.Set("Content-Encoding", "gzip")
			h.Set("Content-Length", strconv.Itoa(len(gz))) // ServeContent leaves it out of encoded answers
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(raw))
}

// gzip is the file compressed, or nil where that saves nothing worth having.
func (f *file) gzip() []byte {
	f.once.Do(func() {
		if len(f.raw) < 512 {
			return
		}
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return
		}
		z.Write(f.raw)
		z.Close()
		if b.Len() < len(f.raw)*9/10 {
			f.gz = b.Bytes()
		}
	})
	return f.gz
}

// Compress compresses all files now rather than when they are first asked for.
func (a *Assets) Compress() {
	for _, f := range a.files {
		f.gzip()
	}
}

// takesGzip reads Accept-Encoding: gzip or * with a weight above 0, gzip's own
// weight counting first.
func takesGzip(headers []string) bool {
	others := false
	for _, part := range strings.Split(strings.Join(headers, ","), ",") {
		coding, params, _ := strings.Cut(part, ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
				q = 0
			}
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return q > 0
		case "*":
			others = q > 0
		}
	}
	return others
}
