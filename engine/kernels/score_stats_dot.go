package kernels

import "tokenselect/engine/gpu"

// dotKeys is how many keys of an index an invocation has at a time where it multiplies
// bytes, however many it has where it multiplies floats, whose rounds it keeps: a call has
// the workgroups and stats of the kernel's baseline.
const dotKeys = 2

// scoreStatsDot is score_stats from a key index by products of four bytes with four
// others. The shading language has them on every device that offers the feature, but
// Metal and GL have no such instruction: there they are written out as more
// instructions than floats take.
func scoreStatsDot(s scoreShape) []gpu.Variant {
	if lean || s.index == IndexNone { // a browser does not say what is underneath
		return nil
	}
	halves, bytes := 1, 2 // of a byte of the index, with a value each; of a value of a probe
	if s.index == IndexI4 {
		halves, bytes = 2, 1
	}
	round := s.round()
	s.keys = dotKeys
	name, consts := "score_stats_"+s.typeName()+"_dot", s.tileConsts()
	consts["ROUND"], consts["AHEAD"] = round, min(consts["BLOCKS"]-1, 1)
	consts["UNITS"], consts["VECTOR_BYTES"] = consts["VECTORS"]*halves*s.group, bytes*halves*s.group
	return []gpu.Variant{{
		Name: name,
		Fits: func(dev gpu.Info) bool {
			return dev.Features.PackedDot && (dev.Backend == "Vulkan" || dev.Backend == "D3D12")
		},
		WGSL: wgsl(name, consts),
	}}
}
