//go:build !js

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// log is what a command says, while it runs.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serving runs serve until the test ends; said is what it says, url where it is.
func serving(t *testing.T, args ...string) (said *log, url string, stop func() int) {
	t.Helper()
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "HOME"} {
		if dir := os.Getenv(name); !strings.HasPrefix(dir, os.TempDir()) {
			t.Setenv(name, t.TempDir())
		}
	}
	said = &log{}
	ctx, cancel := context.WithCancel(context.Background())
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append([]string{"serve", "-addr", "127.0.0.1:0", "-device", "cpu"}, args...), stdio{strings.NewReader(""), io.Discard, said, false, false})
	}()
	stop = func() int {
		cancel()
		select {
		case s := <-status:
			status <- s
			return s
		case <-time.After(time.Minute):
			t.Fatal("serve does not end")
			return -1
		}
	}
	t.Cleanup(func() { stop() })
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if found := regexp.MustCompile(`is at (\S+)`).FindStringSubmatch(said.String()); found != nil && strings.Contains(said.String(), "computed on") {
			return said, found[1], stop
		}
		select {
		case s := <-status:
			t.Fatalf("serve ended with %d: %s", s, said.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("serve says no address: %s", said.String())
		}
	}
}

// complete asks OpenAI's API.
func complete(t *testing.T, client *http.Client, url, key string) (int, string) {
	t.Helper()
	body := `{"messages":[{"role":"user","content":"` + document + ` Which animal does Ada Dixon keep?"}]}`
	r, _ := http.NewRequest("POST", url+"v1/chat/completions", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	status, _, answer := answered(t, client, r)
	return status, answer
}

// answered is what a request gets.
func answered(t *testing.T, client *http.Client, r *http.Request) (status int, kind, body string) {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(raw)
}

func fetched(t *testing.T, url string) (status int, kind, body string) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answered(t, http.DefaultClient, r)
}

// TestServeBench: the command for browsers is served from beside the engine for
// browsers, as it is at the moment.
func TestServeBench(t *testing.T) {
	wasm := browserEngine(t)
	_, url, _ := serving(t, "-wasm", wasm)
	for _, program := range []string{"\x00asm\x01\x00\x00\x00", "\x00asm\x01\x00\x00\x00 and more"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(wasm), benchProgram), []byte(program), 0o644); err != nil {
			t.Fatal(err)
		}
		if status, kind, body := fetched(t, url+benchProgram); status != 200 || kind != "application/wasm" || body != program {
			t.Errorf("%d %s %q", status, kind, body)
		}
	}
}

// TestServe: page, models and API; another server forwards to the first; SIGTERM
// ends both.
func TestServe(t *testing.T) {
	const key = "a-key-for-this-test-only"
	said, url, stop := serving(t, "-api-keys", file(t, "keys", key+"\n"))
	if !strings.Contains(said.String(), "tokenselect.wasm is missing") {
		t.Errorf("nothing said of the missing wasm: %s", said)
	}
	resp, err := http.Get(url + "models.json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Models []struct{ Name string } }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || len(list.Models) != 1 || list.Models[0].Name != "needle-16m" {
		t.Errorf("models: %+v, %v", list, err)
	}
	resp.Body.Close()
	for path, kind := range map[string]string{"webgpu.js": "text/javascript", "simd128.js": "text/javascript", "simd128.wasm": "application/wasm", "tokenselect.js": "text/javascript"} {
		if status, got, _ := fetched(t, url+path); status != 200 || !strings.HasPrefix(got, kind) {
			t.Errorf("%s: %d %s", path, status, got)
		}
	}
	if strings.Contains(said.String(), benchProgram) {
		t.Errorf("of %s, which few have, it says %s", benchProgram, said)
	}
	if status, kind, body := fetched(t, url+benchProgram); status != 404 || !strings.HasPrefix(kind, "text/plain") || !strings.Contains(body, "make bench-wasm builds it") {
		t.Errorf("no %s: %d %s %s", benchProgram, status, kind, body)
	}
	if status, body := complete(t, http.DefaultClient, url, "another-key-for-this"); status != 401 {
		t.Errorf("with another key: %d %s", status, body)
	}
	if status, body := complete(t, http.DefaultClient, url, key); status != 200 || !strings.Contains(body, "fox") {
		t.Errorf("%d %s", status, body)
	}

	front, frontURL, stopFront := serving(t, "-upstream", url, "-upstream-key-file", file(t, "key", key))
	if status, body := complete(t, http.DefaultClient, frontURL, ""); status != 200 || !strings.Contains(body, "fox") {
		t.Errorf("forwarded: %d %s", status, body)
	}
	if strings.Contains(front.String()+said.String(), key) {
		t.Error("a key is in what a server says")
	}
	http.DefaultClient.CloseIdleConnections()
	if s := stopFront(); s != 0 {
		t.Errorf("status %d: %s", s, front)
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(syscall.SIGTERM)
	}
	if err != nil {
		t.Skipf("no signals here: %v", err)
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(said.String(), "stopped"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("SIGTERM does not stop it: %s", said)
		}
	}
	if s := stop(); s != 0 {
		t.Errorf("status %d: %s", s, said)
	}
}

func TestServeTLS(t *testing.T) {
	said, url, stop := serving(t, "-tls", "auto")
	found := regexp.MustCompile(`fingerprint of its certificate is (\S+)`).FindStringSubmatch(said.String())
	if found == nil || !strings.HasPrefix(url, "https://") {
		t.Fatalf("%s", said)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Get(url + "healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	client.CloseIdleConnections()
	stop()
	if again, _, _ := serving(t, "-tls", "auto"); !strings.Contains(again.String(), found[1]) {
		t.Errorf("another fingerprint at the next start: %s, then %s", said, again)
	}
}

func TestServeBadInput(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	absent := filepath.Join(t.TempDir(), "absent")
	any := []string{"-addr", "127.0.0.1:0"}
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"-addr", taken}, 1, "another port"},
		{[]string{"-addr", "here"}, 2, "expected HOST:PORT"},
		{[]string{"-addr", "127.0.0.1:99999"}, 2, `-addr "127.0.0.1:99999"`},
		{[]string{"page"}, 2, "1 arguments, expected flags only"},
		{[]string{"-tls", "on"}, 2, `-tls "on", expected auto`},
		{[]string{"-tls", "auto", "-tls-cert", "x", "-tls-key", "x"}, 2, "the one or the others"},
		{[]string{"-tls-cert", "x"}, 2, "belong together"},
		{append(any, "-tls-cert", absent, "-tls-key", absent), 1, absent},
		{[]string{"-generations", "0"}, 2, "-generations 0"},
		{[]string{"-grace", "-1s"}, 2, "-grace -1s"},
		{[]string{"-memory", "lots"}, 2, "512MiB"},
		{[]string{"-memory", "-3"}, 2, "expected 1 byte to"},
		{[]string{"-message", "100TiB"}, 2, "expected 1 byte to"},
		{[]string{"-upstream-key-file", "x"}, 2, "without -upstream"},
		{append(any, "-upstream", "ftp://x"), 2, "-upstream: upstream: URL \"ftp://x\", expected one like http://host:8000"},
		{append(any, "-models", absent), 1, absent},
		{append(any, "-default", "gpt"), 2, "-default: catalog: there is no model \"gpt\", there are: needle-16m"},
		{append(any, "-api-keys", absent), 1, absent},
		{append(any, "-wasm", absent), 1, absent},
		{append(any, "-device", "tpu"), 2, `"tpu"`},
		{append(any, "-device", "cpu", "-kv", "int4"), 2, "flag -kv"},
		{append(any, "-device", "cpu", "-allow-origin", "school"), 2, "flag -allow-origin: expected one like https://example.org"},
		{append(any, "-device", "cpu", "-memory", "1000"), 2, "-memory: pool: in 1000 bytes of memory: there is no room for a conversation of 1024 tokens"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			if r := tokenselect(t, "", false, append([]string{"serve"}, c.args...)...); r.status != c.status || !strings.Contains(r.err, c.want) {
				t.Errorf("status %d, expected %d; said %q, expected %q in it", r.status, c.status, r.err, c.want)
			}
		})
	}
}

func TestByteSizeFlag(t *testing.T) {
	for s, want := range map[string]int64{"1": 1, "512MiB": 512 << 20, "2GiB": 2 << 30, "1.5G": 3 << 29, "64k": 64 << 10, "10 MB": 10 << 20, "0": 0, "": 0, "G": 0, "1P": 0, "1e400": 0, "NaN": 0} {
		b := byteSizeFlag{limit: 1 << 40}
		if err := b.Set(s); b.n != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v; expected %d", s, b.n, err, want)
		}
	}
}
