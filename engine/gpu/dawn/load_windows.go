//go:build windows && (amd64 || arm64) && !nodawn

package dawn

import "syscall"

func openLibrary(path string) (uintptr, error) {
	h, err := syscall.LoadLibrary(path)
	return uintptr(h), err
}

func symbol(library uintptr, name string) (uintptr, error) {
	return syscall.GetProcAddress(syscall.Handle(library), name)
}

func loadedFrom(path string, _ uintptr) string { return path }
