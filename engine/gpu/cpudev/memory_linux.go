package cpudev

import (
	"os"
	"strconv"
	"strings"
)

// available is the memory in bytes that can be had without swapping, as the
// kernel estimates it.
func available() (uint64, bool) {
	kib, err := strconv.ParseUint(strings.TrimSuffix(field("/proc/meminfo", "MemAvailable"), " kB"), 10, 64)
	return kib << 10, err == nil
}

// model is the name of the processor.
func model() string {
	if m := field("/proc/cpuinfo", "model name"); m != "" {
		return m
	}
	return "CPU"
}

// field is the value of the first line "name: value" of a file.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
