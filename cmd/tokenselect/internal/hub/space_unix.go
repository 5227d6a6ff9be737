//go:build darwin || freebsd || linux

package hub

import "syscall"

// freeSpace is how many bytes this user can still write below dir; false where
// the system does not tell.
func freeSpace(dir string) (int64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}
