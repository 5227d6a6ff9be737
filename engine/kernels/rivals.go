//go:build !lean

package kernels

import "tokenselect/engine/gpu"

// rivals are the kernels, but for attention, of policies that TokenSelect is
// compared with and of its options, which no browser runs.
func rivals() []*gpu.Kernel {
	return []*gpu.Kernel{pageBounds(CacheF16), pageBounds(CacheF32), pageScores(), topLists(),
		headCut(), headStatsMerge(), listSlide(), maxPool(), probesOf(), roundBF16(), topP(), voteSum()}
}
