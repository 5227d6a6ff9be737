//go:build linux || darwin

package weights

import "golang.org/x/sys/unix"

// drop lets go of the pages of a mapped file that are in memory. They are read again
// from the file, or from what the system still has of it, when they are needed:
// what was handed out of them stays good. That the system may not want to is no
// error.
func drop(data []byte) { _ = unix.Madvise(data, unix.MADV_DONTNEED) }
