package cpudev

import "golang.org/x/sys/unix"

// available is the machine's memory: what of it is free cannot be had cheaply.
func available() (uint64, bool) {
	n, err := unix.SysctlUint64("hw.memsize")
	return n, err == nil
}

// model is the name of the processor.
func model() string {
	if s, err := unix.Sysctl("machdep.cpu.brand_string"); err == nil {
		return s
	}
	return "CPU"
}
