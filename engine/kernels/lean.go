//go:build lean

package kernels

// lean is true: see spare.go.
const lean = true
