package engine_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is who may import whom among this module's packages, by path below
// the module. Packages that are not named here may import nothing of it. Tests
// are free.
var mayImport = map[string][]string{
	"engine":                 {"engine/gpu", "engine/kernels", "engine/kvcache", "engine/model", "engine/record", "engine/sample", "engine/selection", "engine/trace", "engine/weights"},
	"engine/chat":            {"engine/tokenizer"},
	"engine/chat/jinja":      {"engine/chat"},
	"engine/gpu/cpudev":      {"engine/gpu"},
	"engine/gpu/dawn":        {"engine/gpu"},
	"engine/gpu/wgpunative":  {"engine/gpu", "engine/gpu/wgpunative/internal/wgpu"},
	"engine/gpu/webgpujs":    {"engine/gpu"},
	"engine/gpu/gputest":     {"engine/f16", "engine/gpu", "engine/gpu/dawn", "engine/gpu/webgpujs", "engine/gpu/wgpunative", "engine/kernels"},
	"engine/kernels":         {"engine/f16", "engine/gpu", "engine/kernels/simd", "shaders"},
	"engine/kernels/simd":    {"engine/f16"},
	"engine/kvcache":         {"engine/gpu", "engine/kernels"},
	"engine/model":           {"engine/f16", "engine/gpu", "engine/kernels", "engine/kvcache", "engine/weights"},
	"engine/record":          {"engine/gpu", "engine/kernels", "engine/kernels/simd", "engine/selection", "engine/trace"},
	"engine/selection":       {"engine/gpu", "engine/kernels"},
	"engine/session":         {"engine", "engine/chat", "engine/chat/jinja", "engine/gpu", "engine/record", "engine/sample", "engine/selection", "engine/tokenizer", "engine/trace", "engine/weights"},
	"engine/trace/recording": {"engine/trace"},
	"engine/weights":         {"engine/f16", "engine/tokenizer"},
	"wasm":                   {"engine", "engine/chat", "engine/gpu", "engine/gpu/cpudev", "engine/gpu/webgpujs", "engine/kernels", "engine/selection", "engine/session", "engine/tokenizer", "engine/trace", "engine/weights"},
	"cmd/tokenselect": {"cmd/tokenselect/internal/eval", "cmd/tokenselect/internal/eval/mass", "cmd/tokenselect/internal/eval/task",
		"cmd/tokenselect/internal/haystack", "cmd/tokenselect/internal/hub", "cmd/tokenselect/internal/layer", "cmd/tokenselect/internal/server", "cmd/tokenselect/internal/server/catalog",
		"cmd/tokenselect/internal/server/machine", "cmd/tokenselect/internal/server/metrics", "cmd/tokenselect/internal/server/openai",
		"cmd/tokenselect/internal/server/pool", "cmd/tokenselect/internal/server/selfsigned", "cmd/tokenselect/internal/server/upstream",
		"engine", "engine/chat", "engine/gpu", "engine/gpu/cpudev", "engine/gpu/dawn", "engine/gpu/webgpujs", "engine/gpu/wgpunative", "engine/grammar", "engine/kernels",
		"engine/kernels/simd", "engine/record", "engine/sample", "engine/selection", "engine/session", "engine/trace", "engine/trace/recording", "engine/weights",
		"shaders", // as text, for the page that shows it
		"web"},
	"cmd/tokenselect/internal/eval":      {"cmd/tokenselect/internal/eval/mass", "cmd/tokenselect/internal/eval/stat"},
	"cmd/tokenselect/internal/eval/mass": {"engine/record", "engine/selection", "engine/trace"},
	"cmd/tokenselect/internal/layer":     {"engine/f16", "engine/gpu", "engine/kernels", "engine/selection"},
	"cmd/tokenselect/internal/server": {"cmd/tokenselect/internal/server/assets", "cmd/tokenselect/internal/server/budget",
		"cmd/tokenselect/internal/server/catalog", "cmd/tokenselect/internal/server/live", "cmd/tokenselect/internal/server/metrics",
		"cmd/tokenselect/internal/server/queue", "engine/session", "engine/trace"},
	"cmd/tokenselect/internal/server/catalog": {"engine/weights"},
	"cmd/tokenselect/internal/server/live":    {"engine/trace"},
	"cmd/tokenselect/internal/server/local":   {"cmd/tokenselect/internal/server/catalog", "engine", "engine/gpu", "engine/session", "engine/trace"},
	"cmd/tokenselect/internal/server/machine": {"cmd/tokenselect/internal/server/catalog", "cmd/tokenselect/internal/server/local", "cmd/tokenselect/internal/server/openai",
		"cmd/tokenselect/internal/server/pool", "engine/gpu", "engine/session", "engine/trace"},
	"cmd/tokenselect/internal/server/openai":   {"engine/trace"},
	"cmd/tokenselect/internal/server/pool":     {"cmd/tokenselect/internal/server/openai", "engine", "engine/chat", "engine/gpu", "engine/grammar", "engine/sample", "engine/selection", "engine/session"},
	"cmd/tokenselect/internal/server/upstream": {"cmd/tokenselect/internal/server/openai", "engine/trace"},
}

// thirdParty is the packages that may import each module from outside.
var thirdParty = map[string][]string{
	"github.com/ardanlabs/jinja":          {"engine/chat/jinja"},
	"github.com/cogentcore/webgpu":        {"engine/gpu/wgpunative/internal/wgpu"},
	"github.com/ebitengine/purego":        {"engine/gpu/dawn"},
	"github.com/edsrzf/mmap-go":           {"engine/weights"},
	"github.com/google/uuid":              {"cmd/tokenselect/internal/server/live"},
	"github.com/gorilla/websocket":        {"cmd/tokenselect/internal/server/live"},
	"github.com/rajveermalviya/go-webgpu": {"engine/gpu/wgpunative/internal/wgpu"},
	"golang.org/x/text":                   {"engine/tokenizer"},
	"golang.org/x/sys":                    {"cmd/tokenselect", "cmd/tokenselect/internal/hub", "engine/kernels/simd", "engine/gpu/cpudev", "engine/weights"},
}

// TestImports holds the code to the layers of the design: the engine knows no
// device, selection and model do not know each other, text stays in session.
func TestImports(t *testing.T) {
	const module = "tokenselect/"
	seen := 0
	for _, build := range [][]string{
		{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=1"},
		{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=1", "GOFLAGS=-tags=gowebgpu"},
		{"GOOS=js", "GOARCH=wasm"},
	} {
		cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
		cmd.Env = append(cmd.Environ(), build...)
		out, err := cmd.Output()
		if err != nil {
			t.Skipf("skipped: go list does not run here: %v", err)
		}
		for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
			var p struct {
				ImportPath string
				Imports    []string
			}
			if err := dec.Decode(&p); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			seen++
			from := strings.TrimPrefix(p.ImportPath, module)
			for _, i := range p.Imports {
				to, ours := strings.CutPrefix(i, module)
				if ours && !slices.Contains(mayImport[from], to) {
					t.Errorf("%s imports %s, which the design does not allow", from, to)
				}
				for mod, only := range thirdParty {
					if strings.HasPrefix(i, mod) && !slices.Contains(only, from) {
						t.Errorf("%s imports %s, which only %v may", from, i, only)
					}
				}
				if first, _, _ := strings.Cut(i, "/"); strings.Contains(first, ".") && !ours {
					known := false
					for mod := range thirdParty {
						known = known || strings.HasPrefix(i, mod)
					}
					if !known {
						t.Errorf("%s imports %s, which is not among the dependencies", from, i)
					}
				}
			}
		}
	}
	if seen < 60 {
		t.Errorf("%d packages listed, expected all builds of all", seen)
	}
}

// TestWasmHasNoHTTP holds the engine for browsers to what a page gives it: the
// bytes come in through fetch, and an HTTP client would double its size.
func TestWasmHasNoHTTP(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-tags=wasmsimd", "tokenselect/wasm")
	cmd.Env = append(cmd.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("skipped: go list does not run here: %v", err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "tokenselect/engine/session") {
		t.Fatalf("%d packages listed, the engine not among them", len(deps))
	}
	for _, p := range deps {
		if first, _, _ := strings.Cut(p, "/"); strings.Contains(first, ".") {
			t.Errorf("tokenselect/wasm is linked with %s, expected no module but Go's own library", p)
		}
		if p == "net" || strings.HasPrefix(p, "net/") || strings.HasPrefix(p, "crypto/") {
			t.Errorf("tokenselect/wasm is linked with %s", p)
		}
	}
}
