package kernels

import "tokenselect/engine/gpu"

// matMulMatrix is the kernel called name, whose workgroups compute rows rows and cols
// columns of y, on devices whose subgroups of 32 multiply matrices. Values of x and of
// the weight are rounded to float16, each row of x times a power of two where it needs
// that; products are added up in float32.
func matMulMatrix(name string, rows, cols int) []gpu.Variant {
	if lean { // no browser offers them but for experiments
		return nil
	}
	const (
		stride  = 40     // values from row to row of a tile of 32
		sums    = 4 * 20 // a row's values of four subgroups
		blocks  = 2      // of 16 rows, to a subgroup
		threads = 128
	)
	tile := cols * stride
	shared := 2*(rows*stride+tile) + 4*16*sums + 4*rows + 16
	name += "_matrix"
	return []gpu.Variant{{
		Name: name,
		Fits: func(dev gpu.Info) bool { return multipliesHalves(dev) && dev.Limits.Shared >= shared },
		WGSL: wgsl(name, map[string]int{"COLS": cols, "BLOCKS": cols / 32, "RESULTS": blocks * cols / 32, "LOADS": 2 * cols / threads, "TILE": tile}),
	}}
}
