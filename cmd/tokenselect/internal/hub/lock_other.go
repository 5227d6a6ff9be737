//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package hub

import "os"

// lockFile locks nothing: two pulls of one model at the same time are not told
// apart here. What they damage is found by its digest.
func lockFile(*os.File) error { return nil }
