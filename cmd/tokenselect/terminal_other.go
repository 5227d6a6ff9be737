//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package main

import "os"

// isTerminal tells whether f is a character device other than the one that has
// nothing.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	null, missing := os.Stat(os.DevNull)
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && !(missing == nil && os.SameFile(info, null))
}
