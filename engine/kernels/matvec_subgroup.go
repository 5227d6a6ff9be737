package kernels

import "tokenselect/engine/gpu"

// matVecSubgroup is matvec of a weight of few rows where subgroups add up what lanes
// invocations have of rows rows each.
func matVecSubgroup(t WeightType, lanes, rows int) []gpu.Variant {
	if lean { // for less than 1 % of a token of a model that suits a browser
		return nil
	}
	const least = 4 // invocations of a subgroup that there is memory for
	name, outputs := "matvec_"+t.String()+"_subgroup", 128/lanes*rows
	return []gpu.Variant{{
		Name: name,
		Fits: func(dev gpu.Info) bool {
			s := dev.Features.Subgroups
			return s.Least >= least && s.Most <= lanes
		},
		WGSL: wgsl(name, map[string]int{"LANES": lanes, "ROWS": rows, "OUTPUTS": outputs, "SUBGROUPS": lanes / least, "PARTS": outputs * lanes / least}),
	}}
}
