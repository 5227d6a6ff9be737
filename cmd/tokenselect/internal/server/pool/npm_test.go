package pool_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/pool"
)

// TestNpmClient: OpenAI's client for JavaScript is content with the API. The
// answers that it gives up are given up here too.
func TestNpmClient(t *testing.T) {
	web := filepath.FromSlash("../../../../../web")
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("skipped: node is not here")
	}
	if _, err := os.Stat(filepath.Join(web, "node_modules", "openai")); err != nil {
		t.Skip("skipped: the npm package openai is not here: npm ci --prefix web")
	}
	m, _ := load(t)
	p := newPool(t, pool.Config{Model: m, Name: "needle-16m"})
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte("0123456789abcdef-right\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := openai.ReadKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	var gone atomic.Int32
	server := httptest.NewServer(openai.New(p, openai.Config{Keys: keys, Observe: func(o openai.Outcome) {
		if o.Status == 499 {
			gone.Add(1)
		}
	}}))
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), "node", "--test", filepath.Join(web, "test", "openai.test.mjs"))
	cmd.Env = append(cmd.Environ(), "TOKENSELECT_API="+server.URL+"/v1", "TOKENSELECT_API_KEY=0123456789abcdef-right")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "pass 8") {
		t.Errorf("%v, expected 8 tests that pass\n%s", err, out)
	}
	for until := time.Now().Add(time.Minute); (gone.Load() < 2 || p.Stats().Busy > 0) && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond)
	}
	if gone.Load() != 2 || p.Stats().Busy != 0 {
		t.Errorf("%d answers were given up, expected 2; %+v", gone.Load(), p.Stats())
	}
}
