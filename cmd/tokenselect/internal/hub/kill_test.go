package hub

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// childHub names, in the environment, the hub that this program pulls me/it from
// in place of running tests, into childStore.
const childHub, childStore = "TOKENSELECT_TEST_HUB", "TOKENSELECT_TEST_STORE"

func TestMain(m *testing.M) {
	endpoint := os.Getenv(childHub)
	if endpoint == "" {
		os.Exit(m.Run())
	}
	c, err := New(endpoint, Token{})
	if err == nil {
		c.hurry()
		c.Timing.Stall = time.Minute
		c.Timing.Journal = 0 // what there is shall be seen from outside, when nothing more comes
		_, err = c.Pull(context.Background(), Store{os.Getenv(childStore)}, Name{Owner: "me", Repo: "it"}, Options{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child is this program as one that pulls.
func child(t *testing.T, endpoint, store string, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Skipf("skipped: there are no processes here: %v", err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(append(os.Environ(), childHub+"="+endpoint, childStore+"="+store), env...)
	return cmd
}

// TestKilled kills a process that downloads, and goes on where it was.
func TestKilled(t *testing.T) {
	t.Parallel()
	h := newHub(t, map[string][]byte{q8: noise(200_000, 1)})
	h.large = afterwards(100_000)
	store := Store{t.TempDir()}
	cmd := child(t, h.hub.URL, store.Root)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	have := func() int64 {
		all, err := store.List()
		if err != nil || len(all) != 1 {
			return 0
		}
		return all[0].Have
	}
	for end := time.Now().Add(10 * time.Second); have() < 50_000; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error("the other process has fetched nothing after ten seconds")
			break
		}
	}
	n := Name{Owner: "me", Repo: "it"}
	if _, err := store.lock(n, q8); err != errLocked {
		t.Errorf("the lock while the other process pulls: %v", err)
	}
	_, err := store.Remove("me/it")
	refused(t, err, "is being pulled")
	cmd.Process.Kill()
	cmd.Wait()
	there := have()
	h.mu.Lock()
	h.large = nil
	h.mu.Unlock()
	h.renewCDN()
	h.count()
	h.pulls(h.client(), store, "me/it", Options{}, q8)
	if got := h.count(); there < 50_000 || got != 200_000-there {
		t.Errorf("%d bytes were there and %d were served, expected the others", there, got)
	}
}

// TestProxy goes through the proxy that the environment names.
func TestProxy(t *testing.T) {
	t.Parallel()
	h := newHub(t, map[string][]byte{q8: noise(50_000, 1)})
	target, err := url.Parse(h.hub.URL)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.Host] = true
		mu.Unlock()
		if r.URL.Host != "hub.example" {
			t.Errorf("the proxy is asked for %s", r.URL)
		}
		r.URL.Host = target.Host
		h.serveHub(w, r)
	}))
	defer proxy.Close()
	store := t.TempDir()
	out, err := child(t, "http://hub.example", store, "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=", "REQUEST_METHOD=").CombinedOutput()
	if err != nil || !seen["hub.example"] {
		t.Errorf("%v: %s; through the proxy: %v", err, out, seen)
	}
	if m, err := (Store{store}).Find("me/it"); err != nil || !strings.HasSuffix(m.Path, q8) {
		t.Errorf("%+v (%v)", m, err)
	}
}
