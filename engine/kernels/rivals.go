//go:build !lean

package kernels

import "tokenselect/engine/gpu"

// rivals are the kernels, but for attention, of policies that TokenSelect is
// compared with, which no browser runs.
func rivals() []*gpu.Kernel {
	return []*gpu.Kernel{pageBounds(CacheF16), pageBounds(CacheF32), pageScores(), topLists(),
		followScores(CacheF16), followScores(CacheF32), representatives(), blockScores(CacheF16), blockScores(CacheF32),
		windowStats(CacheF16), windowStats(CacheF32), windowMass(CacheF16), windowMass(CacheF32),
		headCut(), headStatsMerge(), maxPool(), probesOf(), roundBF16(), voteSum()}
}
