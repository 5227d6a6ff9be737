//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
)

// TestNotFound: who has no library is told where it was looked for and how to
// get one.
func TestNotFound(t *testing.T) {
	t.Setenv("DAWN_LIB", "")
	dir := t.TempDir()
	garbage := filepath.Join(dir, names[0])
	if err := os.WriteFile(garbage, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(dir, "gone")
	for _, c := range []struct {
		name, asked, env string
		want             []string
	}{
		{"file asked for", gone, "ignored", []string{gone + ", as asked for", "-dawn-lib", "DAWN_LIB"}},
		{"file of the environment", "", gone, []string{gone + ", as DAWN_LIB says"}},
		{"garbage", garbage, "", []string{garbage + ", as asked for (", names[0]}},
		{"folder with garbage", dir, "", []string{dir + ", as asked for (", garbage}},
		{"folder with nothing", t.TempDir(), "", []string{"as asked for; "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("DAWN_LIB", c.env)
			_, opened := Open(Options{Library: c.asked, Adapter: -1})
			_, listed := Adapters(c.asked)
			for _, err := range []error{opened, listed} {
				if !errors.Is(err, gpu.ErrNoAdapter) {
					t.Fatalf("%v, expected ErrNoAdapter", err)
				}
				for _, w := range c.want {
					if !strings.Contains(err.Error(), w) {
						t.Errorf("%v, expected %q in it", err, w)
					}
				}
			}
			t.Log(opened)
		})
	}
}

// TestNotDawn: a library of something else is refused by what it has not.
func TestNotDawn(t *testing.T) {
	other := map[string]string{"linux": "libc.so.6", "darwin": "/usr/lib/libSystem.B.dylib", "windows": "kernel32.dll"}[runtime.GOOS]
	if _, err := loadFile(other); err == nil || !strings.Contains(err.Error(), "wgpuCreateInstance") {
		t.Errorf("%v, expected that it has no wgpuCreateInstance", err)
	}
}

// TestPlaces: without a name the program's own folder comes first, then the
// system's loader, then folders that it may not know.
func TestPlaces(t *testing.T) {
	t.Setenv("DAWN_LIB", "")
	exe, err := os.Executable()
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		t.Fatal(err)
	}
	p := candidates("")
	if len(p.paths) < 2*len(names) || p.paths[0] != filepath.Join(filepath.Dir(exe), names[0]) || p.paths[len(names)] != names[0] {
		t.Errorf("%q", p.paths)
	}
	for _, n := range append([]string{filepath.Dir(exe)}, names...) {
		if !strings.Contains(p.text, n) {
			t.Errorf("%q does not say %s", p.text, n)
		}
	}
}
