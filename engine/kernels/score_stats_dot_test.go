package kernels_test

import (
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

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
		var got []string
		for _, k := range kernels.All(64) {
			if s := k.Shaders(gpu.Info{Backend: c.backend, Features: c.f})[0]; strings.HasSuffix(s.Name, "_dot") && !slices.Contains(got, s.Name) {
				got = append(got, s.Name)
			}
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s with %v: %v, expected %v", c.backend, c.f, got, c.want)
		}
	}
}
