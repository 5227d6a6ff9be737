//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// names are what Dawn's library is called: as Dawn's own build makes it, and as
// bun-webgpu packs it.
var names = map[string][]string{
	"linux":   {"libwebgpu_dawn.so", "libwebgpu_wrapper.so"},
	"darwin":  {"libwebgpu_dawn.dylib", "libwebgpu_wrapper.dylib"},
	"windows": {"webgpu_dawn.dll", "webgpu_wrapper.dll"},
}[runtime.GOOS]

// usual are the folders that a system's loader may not look into by itself.
var usual = map[string][]string{
	"linux":  {"/usr/local/lib", "/usr/lib", "/usr/lib/" + map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"},
	"darwin": {"/opt/homebrew/lib", "/usr/local/lib"},
}[runtime.GOOS]

// places are where Dawn's library may be, in the order in which it is looked
// for, and how that is said.
type places struct {
	paths []string
	text  string
}

// candidates are the places to look at. A place that was named is the only one.
func candidates(asked string) places {
	const env = "DAWN_LIB"
	for _, named := range []struct{ path, by string }{{asked, "as asked for"}, {os.Getenv(env), "as " + env + " says"}} {
		if named.path != "" {
			return places{within(named.path), fmt.Sprintf("%s, %s", named.path, named.by)}
		}
	}
	p := places{}
	said := []string{}
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		for _, n := range names {
			p.paths = append(p.paths, filepath.Join(filepath.Dir(exe), n))
		}
		said = append(said, filepath.Dir(exe))
	}
	p.paths = append(p.paths, names...)
	said = append(said, "the places of the system's loader")
	for _, folder := range usual {
		for _, n := range names {
			p.paths = append(p.paths, filepath.Join(folder, n))
		}
	}
	p.text = fmt.Sprintf("%s in %s", strings.Join(names, " and "), strings.Join(append(said, usual...), ", "))
	return p
}

// within is the libraries of a folder, or the file that path is.
func within(path string) []string {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return []string{path}
	}
	var list []string
	for _, n := range names {
		list = append(list, filepath.Join(path, n))
	}
	return list
}

// advice is how to get Dawn.
func advice() string {
	const build = "a build of Dawn with shared libraries has it; name the file with -dawn-lib or DAWN_LIB"
	if runtime.GOOS == "linux" && runtime.GOARCH == "arm64" {
		return build
	}
	return "`make dawn` fetches one; " + build
}
