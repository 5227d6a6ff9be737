//go:build !lean

package kernels

// lean leaves out what the engine for browsers, which is built so, never runs: the
// plain twins of kernels that have a fast version or run on GPUs alone, and
// variants for what browsers do not offer or do not tell enough of.
const lean = false
