//go:build lean

package kernels

import "tokenselect/engine/gpu"

// lean is true: see spare.go.
const lean = true

// rivals are the kernels of policies that are only compared with, of which this
// build has none.
func rivals() []*gpu.Kernel { return nil }
