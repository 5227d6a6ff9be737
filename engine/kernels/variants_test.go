package kernels_test

import (
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// best are the names, with an ending, of shaders that some kernel takes on a device.
func best(dev gpu.Info, ending string) (names []string) {
	for _, k := range kernels.All(64) {
		if s := k.Shaders(dev)[0]; strings.HasSuffix(s.Name, ending) && !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names
}

// TestPackedDotFits: packed products are for devices that have an instruction for
// them and may use it, and for scores from an index alone.
func TestPackedDotFits(t *testing.T) {
	packed := gpu.Features{PackedDot: true}
	for _, c := range []struct {
		backend string
		f       gpu.Features
		want    []string
	}{
		{"Vulkan", packed, []string{"score_stats_i4_dot", "score_stats_i8_dot"}},
		{"D3D12", packed, []string{"score_stats_i4_dot", "score_stats_i8_dot"}},
		{"Metal", packed, nil},
		{"OpenGL", packed, nil},
		{"WebGPU", packed, nil}, // a browser's
		{"Vulkan", packed.Without([]string{gpu.FeaturePackedDot}), nil},
	} {
		if got := best(gpu.Info{Backend: c.backend, Features: c.f}, "_dot"); !slices.Equal(got, c.want) {
			t.Errorf("%s with %v: %v, expected %v", c.backend, c.f, got, c.want)
		}
	}
}

// TestSubgroupsFit: a row's invocations are whole subgroups, of which there is memory
// for so many. Q4_0 and Q4_1 have 64 to a row, the others 128.
func TestSubgroupsFit(t *testing.T) {
	all := []string{"matvec_f16_subgroup", "matvec_q4_0_subgroup", "matvec_q4_1_subgroup", "matvec_q8_0_subgroup"}
	for sizes, want := range map[gpu.Subgroups][]string{
		{}: nil, {Least: 2, Most: 32}: nil, {Least: 4, Most: 4}: all, {Least: 32, Most: 32}: all, {Least: 32, Most: 64}: all,
		{Least: 64, Most: 128}: {"matvec_f16_subgroup", "matvec_q8_0_subgroup"}, {Least: 256, Most: 256}: nil,
	} {
		if got := best(gpu.Info{Features: gpu.Features{Subgroups: sizes}}, "_subgroup"); !slices.Equal(got, want) {
			t.Errorf("%+v: %v, expected %v", sizes, got, want)
		}
	}
}
