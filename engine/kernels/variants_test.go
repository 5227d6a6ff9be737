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

// multiplied is the form of matrices that kernels multiply.
var multiplied = gpu.Matrices{Input: gpu.F16, Result: gpu.F32, M: 16, N: 16, K: 16}

// withMatrices are the features of a device whose subgroups of 32 multiply such forms.
func withMatrices(forms ...gpu.Matrices) gpu.Features {
	return gpu.Features{Float16: true, Subgroups: gpu.Subgroups{Least: 32, Most: 32}, Matrices: forms}
}

// TestMatricesFit: matrices are multiplied where subgroups are of 32, which the shaders
// count on, in the one form that they have, and where their tiles have room.
func TestMatricesFit(t *testing.T) {
	all := []string{"attention_chunk_f16_matrix"}
	for _, size := range []string{"", "large_"} {
		for _, kind := range []string{"f16", "q4_0", "q4_1", "q8_0"} {
			all = append(all, "matmul_"+size+kind+"_matrix")
		}
	}
	slices.Sort(all)
	other := multiplied
	other.Result = gpu.F16
	fits := withMatrices(other, multiplied)
	wide, small := fits, gpu.Limits{Shared: 16 << 10}
	wide.Subgroups.Most = 64
	without := fits
	without.Matrices = []gpu.Matrices{other}
	for _, c := range []struct {
		name   string
		f      gpu.Features
		limits gpu.Limits
		want   []string
	}{
		{"all there is", fits, gpu.Limits{Shared: 48 << 10}, all},
		{"16 KiB", fits, small, []string{"matmul_f16_matrix", "matmul_q4_0_matrix", "matmul_q4_1_matrix", "matmul_q8_0_matrix"}},
		{"subgroups of 32 to 64", wide, gpu.Limits{Shared: 48 << 10}, nil},
		{"another form", without, gpu.Limits{Shared: 48 << 10}, nil},
		{"no float16", fits.Without([]string{gpu.FeatureFloat16}), gpu.Limits{Shared: 48 << 10}, nil},
	} {
		if got := best(gpu.Info{Features: c.f, Limits: c.limits}, "_matrix"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, expected %v", c.name, got, c.want)
		}
	}
}

// TestPackedFits: float16 is multiplied in pairs where a real GPU has it, in half of the
// memory that tiles of float32 take, unless matrices are multiplied or keys are large.
func TestPackedFits(t *testing.T) {
	half, matrices := gpu.Features{Float16: true}, withMatrices(multiplied)
	for _, c := range []struct {
		name   string
		kind   gpu.Kind
		f      gpu.Features
		shared int
		cache  kernels.CacheType
		large  bool
		want   string
	}{
		{"float16", gpu.Integrated, half, 16 << 10, kernels.CacheF16, false, "attention_chunk_f16_packed"},
		{"float16, 8 KiB", gpu.Integrated, half, 8 << 10, kernels.CacheF16, false, "attention_chunk_f16"},
		{"float16, a cache of float32", gpu.Integrated, half, 32 << 10, kernels.CacheF32, false, "attention_chunk_f32_tiled"},
		{"float16, large keys", gpu.Integrated, half, 32 << 10, kernels.CacheF16, true, "attention_chunk_f16_tiled"},
		{"no float16, 32 KiB", gpu.Discrete, gpu.Features{}, 32 << 10, kernels.CacheF16, false, "attention_chunk_f16_tiled"},
		{"no float16, 16 KiB", gpu.Discrete, gpu.Features{}, 16 << 10, kernels.CacheF16, false, "attention_chunk_f16"},
		{"matrices", gpu.Discrete, matrices, 48 << 10, kernels.CacheF16, false, "attention_chunk_f16_matrix"},
		{"matrices, large keys", gpu.Discrete, matrices, 48 << 10, kernels.CacheF16, true, "attention_chunk_f16_matrix"},
		{"matrices, 16 KiB", gpu.Discrete, matrices, 16 << 10, kernels.CacheF16, false, "attention_chunk_f16_packed"},
		{"software", gpu.Software, half, 32 << 10, kernels.CacheF16, false, "attention_chunk_f16"},
	} {
		dev := gpu.Info{Kind: c.kind, Features: c.f, Limits: gpu.Limits{Shared: c.shared}}
		var r gpu.Recording
		all := func(words int) gpu.Range { return gpu.All(&gpu.Buffer{Size: 4 * words}) }
		kernels.AttentionChunk(&r, c.cache, all(256), all(256), all(256), all(1), all(64), all(1<<10), all(256), all(256), 1, 1, 64, 4, 4,
			kernels.Attended{LargeKeys: c.large}, 1)
		if err := r.Err(); err != nil || r.Len() != 1 {
			t.Fatalf("%s: %d kernels, %v; expected one", c.name, r.Len(), err)
		}
		if got := r.Commands()[0].Kernel.Shaders(dev)[0].Name; got != c.want {
			t.Errorf("%s: %s, expected %s", c.name, got, c.want)
		}
	}
}
