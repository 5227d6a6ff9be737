package hub

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeHub is a hub with one repository, me/it, and the machine that it sends to
// for large files.
type fakeHub struct {
	t         *testing.T
	hub, cdn  *httptest.Server
	redirects atomic.Int64

	mu           sync.Mutex
	files        map[string][]byte
	commit       string
	edit         func(listing map[string]any)                                   // of the listing
	api          func(w http.ResponseWriter, r *http.Request) bool              // before it; true: answered
	small        func(w http.ResponseWriter, r *http.Request) bool              // before a file of the hub itself, or a redirect
	large        func(w http.ResponseWriter, r *http.Request, data []byte) bool // before a file of the other machine
	asked        []string                                                       // paths and ranges, large files only
	served       int64                                                          // bytes of large files
	tokens       map[string]bool                                                // "hub" or "cdn" and the Authorization seen there
	atOnce, most int                                                            // requests for large files
}

// largeFrom is the size from which files are large.
const largeFrom = 1000

func newHub(t *testing.T, files map[string][]byte) *fakeHub {
	h := &fakeHub{t: t, files: files, commit: strings.Repeat("a", 40), tokens: map[string]bool{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hub, h.cdn = httptest.NewServer(http.HandlerFunc(h.serveHub)), httptest.NewServer(http.HandlerFunc(h.serveCDN))
	t.Cleanup(h.hub.Close)
	t.Cleanup(h.cdn.Close)
	return h
}

func (h *fakeHub) listing() map[string]any {
	var siblings []any
	for _, path := range slices.Sorted(maps.Keys(h.files)) {
		data := h.files[path]
		s := map[string]any{"rfilename": path, "size": len(data), "blobId": fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(data), data)))}
		if len(data) >= largeFrom {
			s["lfs"] = map[string]any{"sha256": fmt.Sprintf("%x", sha256.Sum256(data)), "size": len(data), "pointerSize": 130}
		}
		siblings = append(siblings, s)
	}
	return map[string]any{"id": "me/it", "sha": h.commit, "siblings": siblings}
}

func (h *fakeHub) serveHub(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.tokens["hub "+r.Header.Get("Authorization")] = true
	files, commit, api, small, cdn := h.files, h.commit, h.api, h.small, h.cdn
	h.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/api/models/me/it/revision/") {
		if r.URL.Query().Get("blobs") != "true" {
			h.t.Errorf("listing asked for as %s, expected with the files' digests", r.URL)
		}
		if api != nil && api(w, r) {
			return
		}
		h.mu.Lock()
		l := h.listing()
		if h.edit != nil {
			h.edit(l)
		}
		h.mu.Unlock()
		json.NewEncoder(w).Encode(l)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/me/it/resolve/"+commit+"/")
	data, there := files[path]
	if small != nil && small(w, r) {
		return
	}
	if !ok || !there {
		w.Header().Set("X-Error-Code", "EntryNotFound")
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	if len(data) < largeFrom {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		return
	}
	w.Header().Set("X-Linked-Etag", fmt.Sprintf(`"%x"`, sha256.Sum256(data)))
	w.Header().Set("X-Linked-Size", fmt.Sprint(len(data)))
	http.Redirect(w, r, cdn.URL+"/"+path+"?signature="+fmt.Sprint(h.redirects.Add(1)), http.StatusFound)
}

func (h *fakeHub) serveCDN(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.tokens["cdn "+r.Header.Get("Authorization")] = true
	h.asked = append(h.asked, strings.TrimPrefix(r.URL.Path, "/")+" "+r.Header.Get("Range"))
	data, large := h.files[strings.TrimPrefix(r.URL.Path, "/")], h.large
	h.atOnce++
	h.most = max(h.most, h.atOnce)
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.atOnce--
		h.mu.Unlock()
	}()
	if r.ProtoMajor != 1 {
		h.t.Errorf("asked through %s, expected HTTP/1.1, with which connections are many", r.Proto)
	}
	w = &countingWriter{w, h}
	if large != nil && large(w, r, data) {
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

type countingWriter struct {
	http.ResponseWriter
	h *fakeHub
}

func (w *countingWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.h.mu.Lock()
	w.h.served += int64(n)
	w.h.mu.Unlock()
	return n, err
}

func (w *countingWriter) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

// count is how many bytes of large files were served since it was last asked. It
// waits for requests whose client may have all it wants before they are counted.
func (h *fakeHub) count() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	for late := time.Now().Add(5 * time.Second); h.atOnce > 0 && time.Now().Before(late); {
		h.mu.Unlock()
		time.Sleep(time.Millisecond)
		h.mu.Lock()
	}
	n := h.served
	h.served, h.asked = 0, nil
	return n
}

// renewCDN is after a client that has gone: what it had asked for, and was not
// answered yet, would count with what others are served.
func (h *fakeHub) renewCDN() {
	h.cdn.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cdn = httptest.NewServer(http.HandlerFunc(h.serveCDN))
	h.t.Cleanup(h.cdn.Close)
}

// change replaces files, in a commit of its own.
func (h *fakeHub) change(files map[string][]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files = maps.Clone(h.files)
	maps.Copy(h.files, files)
	h.commit = fmt.Sprintf("%x", sha1.Sum([]byte(h.commit)))
}

// client is one with little patience.
func (h *fakeHub) client() *Client {
	c, err := New(h.hub.URL, Token{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.HTTP.CloseIdleConnections)
	c.hurry()
	return c
}

func (c *Client) hurry() {
	c.Piece = 10_000
	c.Timing = Timing{Stall: 5 * time.Second, Backoff: time.Millisecond, Longest: 4 * time.Millisecond, MostWait: 2 * time.Second,
		Attempts: 5, Journal: time.Millisecond}
}

// noise is n bytes that are the same for the same seed.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// told keeps what a pull says.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (s *told) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *told) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// pulls pulls a model that must come, and compares its files.
func (h *fakeHub) pulls(c *Client, s Store, name string, o Options, paths ...string) Model {
	h.t.Helper()
	m, err := c.Pull(context.Background(), s, parsed(h.t, name), o)
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	for _, path := range paths {
		got, err := os.ReadFile(filepath.Join(m.Dir, filepath.FromSlash(path)))
		if err != nil || !bytes.Equal(got, h.files[path]) {
			h.t.Errorf("%s: %d bytes (%v), expected the %d of the hub", path, len(got), err, len(h.files[path]))
		}
	}
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), ".part") || strings.HasSuffix(e.Name(), ".new") {
			h.t.Errorf("%s is left in the model's folder", e.Name())
		}
	}
	if !m.Complete || m.Have != m.Size {
		h.t.Errorf("%+v is not complete", m)
	}
	if left, _ := filepath.Glob(filepath.Join(s.Root, "partial", "*")); len(left) > 0 {
		h.t.Errorf("%v is left of the download", left)
	}
	return m
}

func parsed(t *testing.T, name string) Name {
	t.Helper()
	n, err := ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// refused fails unless err has all the words.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, expected one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q, expected %q in it", err, w)
		}
	}
}
