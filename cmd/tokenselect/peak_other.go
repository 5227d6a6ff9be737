//go:build !linux

package main

import "runtime"

// processPeak is the most memory in bytes that Go has had of the system: what
// this system says of a whole process takes calls of its own.
func processPeak() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
