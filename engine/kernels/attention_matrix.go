package kernels

import "tokenselect/engine/gpu"

// halfMatrices is the form of matrices that kernels multiply, in subgroups of 32.
var halfMatrices = gpu.Matrices{Input: gpu.F16, Result: gpu.F32, M: 16, N: 16, K: 16}

// multipliesHalves tells whether a device's subgroups multiply them.
func multipliesHalves(dev gpu.Info) bool {
	f := dev.Features
	return f.Float16 && f.Subgroups == gpu.Subgroups{Least: 32, Most: 32} && f.Multiplies(halfMatrices)
}

// attentionChunkMatrix is attention_chunk for heads of size d, a multiple of 16,
// on devices whose subgroups of 32 multiply matrices. Queries, rotated keys and
// weights are rounded to float16; products are added up in float32.
func attentionChunkMatrix(t CacheType, d int) []gpu.Variant {
	if lean || t != CacheF16 || d%16 != 0 { // no browser offers them but for experiments
		return nil
	}
	const (
		blocks  = 2 // of the baseline's workgroups, for one of this
		rows    = blocks * chunkRows
		threads = 2 * rows // 16 rows to a subgroup
		keys    = 32       // entries of the list at a time
		scores  = 36 * rows
		weights = 40 * rows
	)
	tile := keys * (d + 8)
	shared := 4*tile + 4*scores + 2*weights + 16 + 4*2*keys
	name := "attention_chunk_f16_matrix"
	return []gpu.Variant{{
		Name: name,
		Fits: func(dev gpu.Info) bool {
			return multipliesHalves(dev) && dev.Limits.Shared >= shared
		},
		WGSL: wgsl(name, map[string]int{"HEAD_DIM": d, "VECS": d / 4, "HALF": d / 8, "STEPS": d / 16, "STRIDE": d + 8,
			"TILE": tile, "KEY_LOADS": ceil(keys*d/8, threads), "VALUE_LOADS": ceil(keys*d/4, threads)}),
	}}
}
