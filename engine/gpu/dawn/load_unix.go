//go:build (darwin || linux) && (amd64 || arm64) && !nodawn

package dawn

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/ebitengine/purego"
)

// openLibrary keeps the library's symbols to itself: a program may also have
// wgpu-native, whose functions have the same names.
func openLibrary(path string) (uintptr, error) {
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func symbol(library uintptr, name string) (uintptr, error) { return purego.Dlsym(library, name) }

// loadedFrom is the file that has the code at address, for a path that the
// system's loader has found.
func loadedFrom(path string, address uintptr) string {
	if strings.ContainsRune(path, '/') {
		return path
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return path
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uintptr
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x", &from, &to); err != nil || address < from || address >= to {
			continue
		}
		if _, file, ok := strings.Cut(lines.Text(), "/"); ok {
			return "/" + file
		}
	}
	return path
}
