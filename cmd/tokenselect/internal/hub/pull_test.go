package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const q8 = "it-Q8_0.gguf"

// TestPull pulls a GGUF file over several connections.
func TestPull(t *testing.T) {
	t.Parallel()
	h := newHub(t, map[string][]byte{q8: noise(205_000, 1), "it-Q4_K_M.gguf": noise(5000, 2), "README.md": []byte("# it")})
	h.large = func(http.ResponseWriter, *http.Request, []byte) bool {
		time.Sleep(5 * time.Millisecond)
		return false
	}
	var s told
	var done, total int64
	store := Store{t.TempDir()}
	m := h.pulls(h.client(), store, "me/it", Options{Say: s.say, Progress: func(p Progress) {
		if !p.Verifying {
			done, total = p.Done, p.Total
		}
	}}, q8)
	if m.Name != "me/it:Q8_0" || m.Path != filepath.Join(m.Dir, q8) || m.Quant != "Q8_0" || m.Commit != h.commit || m.Size != 205_000 {
		t.Errorf("%+v", m)
	}
	if !strings.Contains(s.String(), "the one in Q8_0 is taken") || !strings.Contains(s.String(), "it-Q4_K_M.gguf") {
		t.Errorf("said %q, expected the choice and the others", &s)
	}
	if done != 205_000 || total != 205_000 {
		t.Errorf("progress ends at %d of %d", done, total)
	}
	if h.most < 2 || h.most > 4 || len(h.asked) != 21 {
		t.Errorf("%d connections at a time and %d requests, expected 2 to 4 and 21", h.most, len(h.asked))
	}
	if n := h.count(); n != 205_000 {
		t.Errorf("%d bytes were served, expected each once", n)
	}
	// Again: nothing is fetched.
	h.pulls(h.client(), store, "me/it:q8_0", Options{Say: s.say}, q8)
	if n := h.count(); n != 0 || !strings.Contains(s.String(), "up to date") {
		t.Errorf("%d bytes were served again, and said %q", n, &s)
	}
}

// TestPullSafetensors has the files of a model appear together.
func TestPullSafetensors(t *testing.T) {
	t.Parallel()
	config := []byte(`{"model_type": "llama"}`)
	files := map[string][]byte{"config.json": config, "tokenizer.json": noise(3000, 1), "model.safetensors.index.json": []byte("{}"),
		"model-00001-of-00002.safetensors": noise(30_000, 2), "model-00002-of-00002.safetensors": noise(20_000, 3),
		"pytorch_model.bin": noise(4000, 4), "onnx/model.onnx": noise(4000, 5), "chat_template.jinja": []byte("{{ messages }}")}
	h := newHub(t, files)
	store := Store{t.TempDir()}
	checks := 0
	o := Options{Folder: func(dir string) error {
		checks++
		if got, err := os.ReadFile(filepath.Join(dir, "config.json")); err != nil || !bytes.Equal(got, config) {
			t.Errorf("config.json is %q (%v) when it is looked at", got, err)
		}
		if all, _ := store.List(); len(all) != 1 || all[0].Complete {
			t.Errorf("listed meanwhile: %+v", all)
		}
		if slices.ContainsFunc(h.asked, func(s string) bool { return strings.Contains(s, "model-") }) {
			t.Errorf("weights were asked for before: %q", h.asked)
		}
		return nil
	}}
	want := []string{"config.json", "tokenizer.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "chat_template.jinja"}
	m := h.pulls(h.client(), store, "me/it", o, want...)
	if m.Name != "me/it" || m.Path != m.Dir || filepath.Base(m.Dir) != "it" || m.Parts != 2 || checks != 1 {
		t.Errorf("%+v after %d checks", m, checks)
	}
	if entries, _ := os.ReadDir(m.Dir); len(entries) != len(want)+1 {
		t.Errorf("%v, expected %v and the record", entries, want)
	}

	// Only what has changed is fetched.
	h.count()
	h.change(map[string][]byte{"config.json": config, "model-00002-of-00002.safetensors": noise(21_000, 6)})
	h.pulls(h.client(), store, "me/it", Options{}, want...)
	if n := h.count(); n != 21_000 {
		t.Errorf("%d bytes were served, expected the 21000 of the file that changed", n)
	}
	h.change(map[string][]byte{"README.md": []byte("new")})
	if m := h.pulls(h.client(), store, "me/it", Options{}, want...); m.Commit != h.commit || h.count() != 0 {
		t.Errorf("at commit %s, expected %s without fetching anything", m.Commit, h.commit)
	}
}

// TestPullSplit pulls all parts of a split file, and looks at the beginning of each.
func TestPullSplit(t *testing.T) {
	t.Parallel()
	parts := []string{"b/it-Q8_0-00001-of-00002.gguf", "b/it-Q8_0-00002-of-00002.gguf"}
	h := newHub(t, map[string][]byte{parts[0]: noise(30_000, 1), parts[1]: noise(40_000, 2)})
	o := Options{Header: func(files []Header) error {
		for i, f := range files {
			b := make([]byte, 100)
			if _, err := f.ReadAt(b, 0); err != nil || f.Path != parts[i] || !bytes.Equal(b, h.files[f.Path][:100]) {
				t.Errorf("part %d is %s and begins with %x (%v)", i, f.Path, b, err)
			}
		}
		return nil
	}}
	m := h.pulls(h.client(), Store{t.TempDir()}, "me/it", o, parts...)
	if m.Name != "me/it:Q8_0" || m.Parts != 2 || m.Path != filepath.Join(m.Dir, "b", "it-Q8_0-00001-of-00002.gguf") {
		t.Errorf("%+v", m)
	}
	if n := h.count(); n != 70_000 {
		t.Errorf("%d bytes were served, expected each once", n)
	}
}

// TestFaults has servers that misbehave, and still gets the file.
func TestFaults(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	var used sync.Map // addresses
	write := func(w http.ResponseWriter, r *http.Request, data []byte, n int) {
		var from, to int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(data)))
		w.Header().Set("Content-Length", fmt.Sprint(to-from+1))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(data[from:min(from+n, to+1)])
		w.(http.Flusher).Flush()
	}
	first := func() bool { return requests.Add(1)%3 == 1 }
	for _, c := range []struct {
		name  string
		large func(w http.ResponseWriter, r *http.Request, data []byte) bool
		said  string
	}{
		{"cut short", func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			if !first() {
				return false
			}
			write(w, r, data, 4321)
			panic(http.ErrAbortHandler)
		}, "unexpected EOF"},
		{"stalls", func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			if requests.Add(1) != 2 {
				return false
			}
			write(w, r, data, 4321)
			<-r.Context().Done()
			return true
		}, "nothing came any more for 100ms"},
		{"never answers", func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			if requests.Add(1) != 2 {
				return false
			}
			<-r.Context().Done()
			return true
		}, "nothing came any more for 100ms"},
		{"500", func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			if first() {
				http.Error(w, "oops", http.StatusInternalServerError)
				return true
			}
			return false
		}, "500 Internal Server Error; trying again"},
		{"429", func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			if requests.Add(1) == 2 {
				w.Header().Set("Retry-After", "1")
				http.Error(w, "slower", http.StatusTooManyRequests)
				return true
			}
			return false
		}, "429 Too Many Requests; trying again in 1s"},
		{"no ranges", func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			w.Write(data)
			return true
		}, "does not send parts of files"},
		{"no ranges, cut short", func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			if r.Header.Get("Range") == "" && requests.Add(1) == 1 {
				w.Write(data[:30_000])
				panic(http.ErrAbortHandler)
			}
			w.Write(data)
			return true
		}, "unexpected EOF"},
		{"addresses that are good for two requests", func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			n, _ := used.LoadOrStore(r.URL.RawQuery, new(atomic.Int64))
			if n.(*atomic.Int64).Add(1) > 2 {
				http.Error(w, "expired", http.StatusForbidden)
				return true
			}
			return false
		}, ""},
		{"another tag, once", func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprint(requests.Add(1) > 3)))
			return false
		}, "changed on the server"},
		{"pieces smaller than asked for", func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			var from, to int
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
			r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, min(from+6000, to)))
			return false
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			requests.Store(0)
			h := newHub(t, map[string][]byte{q8: noise(95_000, 1)})
			h.large = c.large
			var s told
			client := h.client()
			if strings.Contains(c.said, "nothing came") {
				client.Timing.Stall = 100 * time.Millisecond
			}
			h.pulls(client, Store{t.TempDir()}, "me/it", Options{Say: s.say}, q8)
			if !strings.Contains(s.String(), c.said) {
				t.Errorf("said %q, expected %q in it", &s, c.said)
			}
		})
	}
}

// TestLies has servers whose answers cannot be what the hub lists.
func TestLies(t *testing.T) {
	t.Parallel()
	data := noise(95_000, 1)
	header := func(key, value string) func(w http.ResponseWriter, r *http.Request, data []byte) bool {
		return func(w http.ResponseWriter, r *http.Request, data []byte) bool {
			w.Header().Set(key, value)
			w.WriteHeader(http.StatusPartialContent)
			w.Write(data[:10_000])
			return true
		}
	}
	for _, c := range []struct {
		name  string
		edit  func(*fakeHub)
		words []string
	}{
		{"other content", func(h *fakeHub) {
			h.large = func(w http.ResponseWriter, r *http.Request, data []byte) bool {
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(noise(len(data), 2)))
				return true
			}
		}, []string{q8, "digest sha256:", "expected sha256:", "deleted"}},
		{"a larger file", func(h *fakeHub) {
			h.large = func(w http.ResponseWriter, r *http.Request, data []byte) bool {
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(noise(len(data)+1, 2)))
				return true
			}
		}, []string{"/95001", "expected bytes ", "/95000"}},
		{"a smaller file", func(h *fakeHub) {
			h.large = func(w http.ResponseWriter, r *http.Request, data []byte) bool {
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data[:20_000]))
				return true
			}
		}, nil},
		{"another range", func(h *fakeHub) { h.large = header("Content-Range", "bytes 7-10006/95000") }, []string{`"bytes 7-10006/95000"`, "expected bytes "}},
		{"no range", func(h *fakeHub) { h.large = header("X", "y") }, []string{`answers with ""`}},
		{"a range that is none", func(h *fakeHub) { h.large = header("Content-Range", "bytes x-y/z") }, []string{"bytes x-y/z"}},
		{"more than all", func(h *fakeHub) {
			h.large = func(w http.ResponseWriter, r *http.Request, data []byte) bool {
				w.(http.Flusher).Flush()
				w.Write(data)
				w.Write(data)
				return true
			}
		}, []string{"sends more than the 95000 bytes"}},
		{"another length", func(h *fakeHub) {
			h.large = func(w http.ResponseWriter, r *http.Request, data []byte) bool {
				w.Header().Set("Content-Length", "5")
				w.Write(data[:5])
				return true
			}
		}, []string{"sends 5 bytes, expected 95000"}},
		{"a digest that moved on", func(h *fakeHub) {
			h.edit = func(l map[string]any) {
				l["siblings"].([]any)[0].(map[string]any)["lfs"].(map[string]any)["sha256"] = strings.Repeat("b", 64)
			}
		}, []string{"by now, expected bbbb"}},
		{"a size that moved on", func(h *fakeHub) {
			h.edit = func(l map[string]any) {
				l["siblings"].([]any)[0].(map[string]any)["lfs"].(map[string]any)["size"] = 94_000
			}
		}, []string{"the hub has \"95000\" bytes by now, expected 94000"}},
		{"always 503", func(h *fakeHub) {
			h.large = func(w http.ResponseWriter, r *http.Request, data []byte) bool {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
		}, []string{"503 Service Unavailable", "given up after 5 attempts"}},
		{"come back tomorrow", func(h *fakeHub) {
			h.large = func(w http.ResponseWriter, r *http.Request, data []byte) bool {
				w.Header().Set("RateLimit", `"resolvers";r=0;t=86400`)
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}
		}, []string{"429", "24h0m0s"}},
		{"redirects in a circle", func(h *fakeHub) {
			h.small = func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, r.URL.Path, http.StatusFound)
				return true
			}
		}, []string{"more than 10 times"}},
		{"redirects to a file", func(h *fakeHub) {
			h.small = func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
				return true
			}
		}, []string{"file:///etc/passwd"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHub(t, map[string][]byte{q8: data})
			c.edit(h)
			store := Store{t.TempDir()}
			_, err := h.client().Pull(context.Background(), store, parsed(t, "me/it"), Options{})
			refused(t, err, c.words...)
			if strings.Contains(err.Error(), "signature") {
				t.Errorf("%q tells the signature of an address", err)
			}
			if _, err := store.Find("me/it"); err == nil {
				t.Error("a model is there all the same")
			}
		})
	}
}

// afterwards is a hook that serves n bytes in requests of 10000, and then nothing.
func afterwards(n int64) func(w http.ResponseWriter, r *http.Request, data []byte) bool {
	var left atomic.Int64
	left.Store(n)
	return func(w http.ResponseWriter, r *http.Request, data []byte) bool {
		if left.Add(-10_000) >= 0 {
			return false
		}
		<-r.Context().Done()
		return true
	}
}

// TestResume interrupts a download, and goes on with it.
func TestResume(t *testing.T) {
	t.Parallel()
	h := newHub(t, map[string][]byte{q8: noise(200_000, 1)})
	store := Store{t.TempDir()}
	interrupt := func() {
		t.Helper()
		h.large = afterwards(100_000)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c := h.client()
		c.Timing.Stall = time.Minute
		_, err := c.Pull(ctx, store, parsed(t, "me/it"), Options{Progress: func(p Progress) {
			if p.Done == 100_000 {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted: %v", err)
		}
		// A request that the client has given up may not have begun here.
		h.hub.CloseClientConnections()
		h.cdn.CloseClientConnections()
		h.mu.Lock()
		h.large = nil
		h.mu.Unlock()
		h.count()
	}
	interrupt()
	all, err := store.List()
	if err != nil || len(all) != 1 || all[0].Complete || all[0].Have != 100_000 || all[0].Size != 200_000 || all[0].Name != "me/it:Q8_0" {
		t.Errorf("listed as %+v (%v), expected half of it", all, err)
	}
	_, err = store.Find("me/it")
	refused(t, err, "in part only", "tokenselect pull me/it:Q8_0")
	var s told
	h.pulls(h.client(), store, "me/it", Options{Say: s.say}, q8)
	if n := h.count(); n != 100_000 || !strings.Contains(s.String(), "going on with 97.7 KiB of 195.3 KiB") {
		t.Errorf("%d bytes were served, expected the other half; said %q", n, &s)
	}

	t.Run("changed on the hub", func(t *testing.T) {
		store.Remove("me/it")
		interrupt()
		h.change(map[string][]byte{q8: noise(200_000, 3)})
		h.pulls(h.client(), store, "me/it", Options{}, q8)
		if n := h.count(); n != 200_000 {
			t.Errorf("%d bytes were served, expected all of the new file", n)
		}
	})
	for name, damage := range map[string]func(part string) error{
		"damaged on the disk": func(part string) error { // of which no journal tells
			f, err := os.OpenFile(part, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			for at := int64(50); at < 200_000 && err == nil; at += 10_000 { // whichever pieces have come
				_, err = f.WriteAt([]byte("damage"), at)
			}
			return err
		},
		"cut on the disk": func(part string) error { return os.Truncate(part, 20) },
		"journal cut":     func(part string) error { return os.Truncate(part+".json", 20) },
		"journal gone":    func(part string) error { return os.Remove(part + ".json") },
		"journal of fables": func(part string) error {
			return os.WriteFile(part+".json", []byte(`{"size":200000,"have":[{"from":5,"to":1}]}`), 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			store.Remove("me/it")
			interrupt()
			parts, _ := filepath.Glob(filepath.Join(store.Root, "partial", "me", "it", "*", "*.part"))
			if len(parts) != 1 {
				t.Fatalf("parts %v, expected one", parts)
			}
			if err := damage(parts[0]); err != nil {
				t.Fatal(err)
			}
			h.pulls(h.client(), store, "me/it", Options{}, q8)
			if n := h.count(); n < 200_000 {
				t.Errorf("%d bytes were served, expected all of it again", n)
			}
		})
	}
	t.Run("by a server without ranges", func(t *testing.T) {
		store.Remove("me/it")
		interrupt()
		h.large = func(w http.ResponseWriter, r *http.Request, data []byte) bool { w.Write(data); return true }
		h.pulls(h.client(), store, "me/it", Options{}, q8)
	})
}

// TestTwoAtOnce pulls a model twice at the same time: it is fetched once.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	h := newHub(t, map[string][]byte{q8: noise(200_000, 1)})
	h.large = func(http.ResponseWriter, *http.Request, []byte) bool {
		time.Sleep(5 * time.Millisecond)
		return false
	}
	store := Store{t.TempDir()}
	var s told
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := h.client().Pull(context.Background(), store, parsed(t, "me/it"), Options{Say: s.say}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := h.count(); n != 200_000 {
		t.Errorf("%d bytes were served, expected each once", n)
	}
	if !strings.Contains(s.String(), "another tokenselect") {
		t.Errorf("said %q", &s)
	}
	h.pulls(h.client(), store, "me/it", Options{}, q8)
}

// TestRefusedFirst refuses a model by its first bytes, and fetches no others.
func TestRefusedFirst(t *testing.T) {
	t.Parallel()
	h := newHub(t, map[string][]byte{q8: noise(500_000, 1)})
	store := Store{t.TempDir()}
	read := int64(5000)
	o := Options{Header: func(files []Header) error {
		b := make([]byte, read)
		if len(files) != 1 || files[0].Path != q8 || files[0].Size != 500_000 {
			t.Errorf("%+v", files)
		}
		if _, err := files[0].ReadAt(b, 0); err != nil || !bytes.Equal(b, h.files[q8][:read]) {
			t.Errorf("the first bytes are not the file's: %v", err)
		}
		if n, err := files[0].ReadAt(b, 500_000-10); n != 10 || err != io.EOF {
			t.Errorf("at the end: %d bytes and %v, expected 10 and EOF", n, err)
		}
		return errors.New("architecture mamba")
	}}
	_, err := h.client().Pull(context.Background(), store, parsed(t, "me/it"), o)
	refused(t, err, "architecture mamba")
	if n := h.count(); n != read+10 {
		t.Errorf("%d bytes were served, expected the %d looked at", n, read+10)
	}
	if all, err := store.List(); err != nil || len(all) > 0 {
		t.Errorf("%+v (%v) is left", all, err)
	}
	check := o.Header
	o.Header = func(files []Header) error { check(files); return nil }
	h.pulls(h.client(), store, "me/it", o, q8)
	if n := h.count(); n != 500_000 {
		t.Errorf("%d bytes were served, expected none twice", n)
	}

	// Without ranges it is looked at when it is there.
	h.large = func(w http.ResponseWriter, r *http.Request, data []byte) bool { w.Write(data); return true }
	store.Remove("me/it")
	_, err = h.client().Pull(context.Background(), store, parsed(t, "me/it"), Options{Header: func(files []Header) error {
		if _, err := files[0].ReadAt(make([]byte, 10), 0); err != nil {
			return err
		}
		return errors.New("architecture mamba")
	}})
	refused(t, err, "architecture mamba")
	h.count()
	h.pulls(h.client(), store, "me/it", Options{}, q8)
	if n := h.count(); n != 0 {
		t.Errorf("%d bytes were served, expected what was there to be kept", n)
	}
}

// TestToken shows the token to the hub, and to nobody that it sends to.
func TestToken(t *testing.T) {
	t.Parallel()
	h := newHub(t, map[string][]byte{q8: noise(50_000, 1)})
	c := h.client()
	c.Token = Token{"hf_secret", "HF_TOKEN"}
	h.pulls(c, Store{t.TempDir()}, "me/it", Options{}, q8)
	if len(h.tokens) != 2 || !h.tokens["hub Bearer hf_secret"] || !h.tokens["cdn "] {
		t.Errorf("%v, expected the token at the hub alone", h.tokens)
	}
	c.Endpoint.Scheme, c.Endpoint.Host = "https", "huggingface.co"
	for u, want := range map[string]bool{"https://huggingface.co/x": true, "https://HuggingFace.co:443/x": true, "http://huggingface.co/x": false,
		"https://cdn.huggingface.co/x": false, "https://huggingface.co:8443/x": false, "https://huggingface.co.evil.org/": false, "https://huggingface.co@evil.org/": false} {
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.isHub(parsed); got != want {
			t.Errorf("%s: %v, expected %v", u, got, want)
		}
	}
}

// TestPrivate keeps a connection private that was.
func TestPrivate(t *testing.T) {
	h := newHub(t, map[string][]byte{q8: noise(50_000, 1)})
	secure := httptest.NewUnstartedServer(h.hub.Config.Handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	c, err := New(secure.URL, Token{})
	if err != nil {
		t.Fatal(err)
	}
	c.hurry()
	if _, err := c.Pull(context.Background(), Store{t.TempDir()}, parsed(t, "me/it"), Options{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
	c.HTTP.Transport.(*http.Transport).TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
	_, err = c.Pull(context.Background(), Store{t.TempDir()}, parsed(t, "me/it"), Options{})
	refused(t, err, "sends on to http://", "expected https")
}

// TestRefusals has the hub refuse, and says what that means.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, token string
		status      int
		code        string
		words       []string
	}{
		{"unknown", "", 401, "RepoNotFound", []string{"there is no model me/it", "set HF_TOKEN"}},
		{"unknown with a token", "x", 404, "RepoNotFound", []string{"there is no model me/it", "with the token of here"}},
		{"gated", "", 401, "GatedRepo", []string{"me/it is gated", "accept its terms on http", "set HF_TOKEN"}},
		{"gated with a token", "x", 403, "GatedRepo", []string{"me/it is gated", "the token of here does not open it"}},
		{"a token that expired", "x", 401, "", []string{"refuses the token of here"}},
		{"forbidden", "", 403, "", []string{"403 Forbidden", "me/it"}},
		{"no such revision", "", 404, "RevisionNotFound", []string{"me/it has no revision v9"}},
		{"not there", "", 404, "", []string{"there is no model me/it"}},
		{"with words", "", 403, "", []string{"403 Forbidden: ask the owner"}},
		{"broken", "", 500, "", []string{"500", "given up after 5 attempts"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHub(t, nil)
			h.api = func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("X-Error-Code", c.code)
				w.Header().Set("X-Error-Message", "ask the owner")
				w.WriteHeader(c.status)
				return true
			}
			client := h.client()
			client.Token = Token{c.token, "here"}
			_, err := client.Pull(context.Background(), Store{t.TempDir()}, parsed(t, "me/it@v9"), Options{})
			refused(t, err, c.words...)
		})
	}
	t.Run("of a file", func(t *testing.T) {
		h := newHub(t, map[string][]byte{q8: noise(50_000, 1)})
		h.small = func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("X-Error-Code", "GatedRepo")
			w.WriteHeader(401)
			return true
		}
		_, err := h.client().Pull(context.Background(), Store{t.TempDir()}, parsed(t, "me/it"), Options{})
		refused(t, err, "me/it is gated")
	})
}

// TestListings has listings that are not to be trusted.
func TestListings(t *testing.T) {
	t.Parallel()
	sibling := func(path string) func(map[string]any) {
		return func(l map[string]any) {
			l["siblings"].([]any)[0].(map[string]any)["rfilename"] = path
		}
	}
	for name, c := range map[string]struct {
		edit  func(l map[string]any)
		words []string
	}{
		"out of the folder":  {sibling("../x.gguf"), []string{`"../x.gguf"`, "leads out"}},
		"out of it later":    {sibling("a/../../x.gguf"), []string{"leads out"}},
		"of the root":        {sibling("/etc/x.gguf"), []string{"leads out"}},
		"a drive":            {sibling(`C:x.gguf`), []string{"no name for one here"}},
		"a share":            {sibling(`\\server\x.gguf`), []string{"no name for one here"}},
		"a line":             {sibling("x\n.gguf"), []string{"no name for one here"}},
		"hidden":             {sibling(".gguf"), []string{"no name for one here"}},
		"another repository": {func(l map[string]any) { l["id"] = "../.." }, []string{`id is "../.."`}},
		"no commit":          {func(l map[string]any) { l["sha"] = "../x" }, []string{`sha is "../x"`}},
		"no digest": {func(l map[string]any) {
			delete(l["siblings"].([]any)[0].(map[string]any), "lfs")
			delete(l["siblings"].([]any)[0].(map[string]any), "blobId")
		}, []string{"expected a size and a digest"}},
		"a digest that is none": {func(l map[string]any) {
			l["siblings"].([]any)[0].(map[string]any)["lfs"] = map[string]any{"sha256": "x", "size": 5}
		}, []string{"expected a size and a digest"}},
		"negative":     {func(l map[string]any) { l["siblings"].([]any)[0].(map[string]any)["lfs"].(map[string]any)["size"] = -1 }, []string{"-1 bytes"}},
		"nothing":      {func(l map[string]any) { l["siblings"] = nil }, []string{"neither GGUF files nor model.safetensors"}},
		"another form": {func(l map[string]any) { l["siblings"] = "all" }, []string{"not the hub's"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, map[string][]byte{q8: noise(50_000, 1)})
			h.edit = c.edit
			root := t.TempDir()
			_, err := h.client().Pull(context.Background(), Store{filepath.Join(root, "store")}, parsed(t, "me/it"), Options{})
			refused(t, err, c.words...)
			if entries, _ := os.ReadDir(root); len(entries) > 0 {
				t.Errorf("%v has been written", entries)
			}
		})
	}
}

// TestRoom refuses what does not fit, before it is fetched.
func TestRoom(t *testing.T) {
	h := newHub(t, map[string][]byte{q8: noise(50_000, 1)})
	store := Store{t.TempDir()}
	_, err := h.client().Pull(context.Background(), store, parsed(t, "me/it"), Options{Free: func(string) int64 { return 10_000 }})
	refused(t, err, "48.8 KiB more are needed", "9.8 KiB free")
	if n := h.count(); n > 0 {
		t.Errorf("%d bytes were served", n)
	}
	if all, _ := store.List(); len(all) > 0 {
		t.Errorf("%+v is left", all)
	}
	if n, ok := freeSpace(store.Root); ok && n <= 0 {
		t.Errorf("%d bytes free here", n)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = h.client().Pull(context.Background(), Store{blocked}, parsed(t, "me/it"), Options{})
	refused(t, err, blocked)
	for err, want := range map[error]bool{
		localError{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}}: false,
		fmt.Errorf("x: %w", &net.OpError{Op: "read", Err: syscall.ECONNRESET}): true,
		&net.DNSError{Err: "no such host", IsNotFound: true}:                   false,
		&net.DNSError{Err: "server misbehaving", IsTemporary: true}:            true,
	} {
		if temporary(err) != want {
			t.Errorf("%v is temporary: %v, expected %v", err, !want, want)
		}
	}
	if os.Getuid() == 0 {
		return // who may write everywhere
	}
	closed := t.TempDir()
	os.Chmod(closed, 0o500)
	_, err = h.client().Pull(context.Background(), Store{closed}, parsed(t, "me/it"), Options{})
	refused(t, err, closed, "cannot be written to", "TOKENSELECT_CACHE")
}
