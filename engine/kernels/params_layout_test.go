package kernels_test

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/shaders"
)

// paramsOf is the Go side of each kernel's Params.
var paramsOf = map[string]reflect.Type{
	"add":                  reflect.TypeFor[kernels.AddParams](),
	"argmax":               reflect.TypeFor[kernels.ArgmaxParams](),
	"attention_chunk_f16":  reflect.TypeFor[kernels.AttentionParams](),
	"attention_chunk_f32":  reflect.TypeFor[kernels.AttentionParams](),
	"attention_decode_f16": reflect.TypeFor[kernels.AttentionParams](),
	"attention_decode_f32": reflect.TypeFor[kernels.AttentionParams](),
	"attention_lists_f16":  reflect.TypeFor[kernels.AttentionListsParams](),
	"attention_lists_f32":  reflect.TypeFor[kernels.AttentionListsParams](),
	"attention_merge":      reflect.TypeFor[kernels.MergeParams](),
	"block_scores_f16":     reflect.TypeFor[kernels.BlockScoresParams](),
	"block_scores_f32":     reflect.TypeFor[kernels.BlockScoresParams](),
	"ceiling_multiply_add": reflect.TypeFor[kernels.MultiplyAddParams](),
	"ceiling_read":         reflect.TypeFor[kernels.ReadParams](),
	"embed_f16":            reflect.TypeFor[kernels.EmbedParams](),
	"embed_f32":            reflect.TypeFor[kernels.EmbedParams](),
	"embed_q4_0":           reflect.TypeFor[kernels.EmbedParams](),
	"embed_q4_1":           reflect.TypeFor[kernels.EmbedParams](),
	"embed_q8_0":           reflect.TypeFor[kernels.EmbedParams](),
	"follow_scores_f16":    reflect.TypeFor[kernels.FollowScoresParams](),
	"follow_scores_f32":    reflect.TypeFor[kernels.FollowScoresParams](),
	"gather_rows":          reflect.TypeFor[kernels.GatherRowsParams](),
	"head_cut":             reflect.TypeFor[kernels.HeadCutParams](),
	"head_stats":           reflect.TypeFor[kernels.VoteParams](),
	"head_norm":            reflect.TypeFor[kernels.HeadNormParams](),
	"key_index_i4":         reflect.TypeFor[kernels.KeyIndexParams](),
	"key_index_i8":         reflect.TypeFor[kernels.KeyIndexParams](),
	"kv_append_f16":        reflect.TypeFor[kernels.KVAppendParams](),
	"kv_append_f32":        reflect.TypeFor[kernels.KVAppendParams](),
	"matmul_any_f16":       reflect.TypeFor[kernels.MatMulParams](),
	"matmul_any_f32":       reflect.TypeFor[kernels.MatMulParams](),
	"matmul_f16":           reflect.TypeFor[kernels.MatMulParams](),
	"matmul_large_f16":     reflect.TypeFor[kernels.MatMulParams](),
	"matmul_large_q4_0":    reflect.TypeFor[kernels.MatMulParams](),
	"matmul_large_q4_1":    reflect.TypeFor[kernels.MatMulParams](),
	"matmul_large_q8_0":    reflect.TypeFor[kernels.MatMulParams](),
	"matmul_q4_0":          reflect.TypeFor[kernels.MatMulParams](),
	"matmul_q4_1":          reflect.TypeFor[kernels.MatMulParams](),
	"matmul_q8_0":          reflect.TypeFor[kernels.MatMulParams](),
	"matvec_any_f16":       reflect.TypeFor[kernels.MatMulParams](),
	"matvec_any_f32":       reflect.TypeFor[kernels.MatMulParams](),
	"matvec_f16":           reflect.TypeFor[kernels.MatMulParams](),
	"matvec_q4_0":          reflect.TypeFor[kernels.MatMulParams](),
	"matvec_q4_1":          reflect.TypeFor[kernels.MatMulParams](),
	"matvec_q8_0":          reflect.TypeFor[kernels.MatMulParams](),
	"norm_matvec_f16":      reflect.TypeFor[kernels.NormMatVecParams](),
	"norm_matvec_q4_0":     reflect.TypeFor[kernels.NormMatVecParams](),
	"norm_matvec_q4_1":     reflect.TypeFor[kernels.NormMatVecParams](),
	"norm_matvec_q8_0":     reflect.TypeFor[kernels.NormMatVecParams](),
	"max_pool":             reflect.TypeFor[kernels.MaxPoolParams](),
	"mean_rows":            reflect.TypeFor[kernels.MeanRowsParams](),
	"paged_dot_f16":        reflect.TypeFor[kernels.PagedDotParams](),
	"paged_dot_f32":        reflect.TypeFor[kernels.PagedDotParams](),
	"page_bounds_f16":      reflect.TypeFor[kernels.PageBoundsParams](),
	"page_bounds_f32":      reflect.TypeFor[kernels.PageBoundsParams](),
	"page_scores":          reflect.TypeFor[kernels.PageScoresParams](),
	"probes":               reflect.TypeFor[kernels.ProbesParams](),
	"representatives":      reflect.TypeFor[kernels.RepresentativesParams](),
	"rms_norm":             reflect.TypeFor[kernels.RMSNormParams](),
	"rope":                 reflect.TypeFor[kernels.RopeParams](),
	"round_bf16":           reflect.TypeFor[kernels.RoundParams](),
	"score_stats_f16":      reflect.TypeFor[kernels.ScoreStatsParams](),
	"score_stats_f32":      reflect.TypeFor[kernels.ScoreStatsParams](),
	"score_stats_i4":       reflect.TypeFor[kernels.ScoreStatsParams](),
	"score_stats_i8":       reflect.TypeFor[kernels.ScoreStatsParams](),
	"selection_cache":      reflect.TypeFor[kernels.SelectionCacheParams](),
	"soft_vote":            reflect.TypeFor[kernels.VoteParams](),
	"soft_vote_hist":       reflect.TypeFor[kernels.VoteParams](),
	"swiglu":               reflect.TypeFor[kernels.SwiGLUParams](),
	"top_k_border":         reflect.TypeFor[kernels.TopKParams](),
	"top_k_count":          reflect.TypeFor[kernels.TopKParams](),
	"top_k_hist":           reflect.TypeFor[kernels.TopKParams](),
	"top_k_take":           reflect.TypeFor[kernels.TopKParams](),
	"top_k_write":          reflect.TypeFor[kernels.TopKParams](),
	"top_lists":            reflect.TypeFor[kernels.TopListsParams](),
	"vote_stats":           reflect.TypeFor[kernels.VoteParams](),
	"window_mass_f16":      reflect.TypeFor[kernels.WindowParams](),
	"window_mass_f32":      reflect.TypeFor[kernels.WindowParams](),
	"window_stats_f16":     reflect.TypeFor[kernels.WindowParams](),
	"window_stats_f32":     reflect.TypeFor[kernels.WindowParams](),
	"vote_sum":             reflect.TypeFor[kernels.VoteSumParams](),
}

// headSizes are those that the tests make kernels for.
var headSizes = []int{16, 32, 64, 80, 96, 128}

var (
	comments  = regexp.MustCompile(`//[^\n]*`)
	structs   = regexp.MustCompile(`struct Params \{([^}]*)\}`)
	variables = regexp.MustCompile(`@group\((\d+)\)\s*@binding\((\d+)\)\s*var<([^>]*)>\s*(\w+)\s*:`)
	capitals  = regexp.MustCompile(`\b[A-Z][A-Z0-9_]+\b`)
	arrays    = regexp.MustCompile(`array<[^;={]*,\s*(\w+)>`)
)

// shadersOf are kernels and, as kernels of their own, their variants.
func shadersOf(all []*gpu.Kernel) (list []*gpu.Kernel) {
	for _, k := range all {
		list = append(list, k)
		for _, v := range k.Variants {
			list = append(list, k.With(gpu.Shader{Name: v.Name, WGSL: v.WGSL}))
		}
	}
	return list
}

// baseline is the kernel of a shader: a variant's name is the kernel's and one
// word more, what it uses.
func baseline(shader string) string {
	for _, uses := range []string{"_matrix", "_subgroup", "_packed", "_dot", "_tiled"} {
		shader = strings.TrimSuffix(shader, uses)
	}
	return shader
}

// TestLayout: what the shader of a kernel declares is what Go hands it: the
// fields of Params, and the bindings with their access.
func TestLayout(t *testing.T) {
	for _, k := range shadersOf(kernels.All(headSizes...)) {
		src, err := k.WGSL()
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		text := comments.ReplaceAllString(src.Text, "")
		if err := checkParams(k, text); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		var got, want []string
		for _, v := range variables.FindAllStringSubmatch(text, -1) {
			got = append(got, fmt.Sprintf("group %s binding %s: %s %s", v[1], v[2], v[3], v[4]))
		}
		access := map[gpu.Access]string{gpu.Read: "storage, read", gpu.ReadWrite: "storage, read_write"}
		for i, b := range k.Bindings {
			want = append(want, fmt.Sprintf("group 0 binding %d: %s %s", i, access[b.Access], b.Name))
		}
		want = append(want, "group 1 binding 0: uniform p")
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the shader declares\n%s\nexpected\n%s", k.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if len(k.Bindings) > 8 {
			t.Errorf("%s: %d storage buffers, and not every device has more than 8", k.Name, len(k.Bindings))
		}
	}
}

func checkParams(k *gpu.Kernel, text string) error {
	typ := paramsOf[baseline(k.Name)]
	if typ == nil {
		return fmt.Errorf("no Params type is known to this test")
	}
	if int(typ.Size()) != k.Params {
		return fmt.Errorf("kernel has params of %d bytes, expected %d of %s", k.Params, typ.Size(), typ)
	}
	m := structs.FindAllStringSubmatch(text, -1)
	if len(m) != 1 {
		return fmt.Errorf("%d structs called Params, expected 1", len(m))
	}
	var got, want []string
	for _, field := range strings.Split(m[0][1], ",") {
		if f := strings.Join(strings.Fields(field), " "); f != "" {
			got = append(got, f)
		}
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		word, ok := map[reflect.Kind]string{reflect.Uint32: "u32", reflect.Float32: "f32"}[f.Type.Kind()]
		if !ok {
			return fmt.Errorf("%s.%s is a %s, expected uint32 or float32", typ, f.Name, f.Type)
		}
		want = append(want, snake(f.Name)+": "+word)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("shader's Params are\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return nil
}

// snake is a Go name as the shaders write it: NSelect is n_select, KVHeads
// kv_heads.
func snake(name string) string {
	var b strings.Builder
	r := []rune(name)
	for i, c := range r {
		if i > 0 && unicode.IsUpper(c) && (!unicode.IsUpper(r[i-1]) || i+1 < len(r) && unicode.IsLower(r[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// TestPlaceholders: assembly leaves no name that stands for a number, and no
// array size that is one.
func TestPlaceholders(t *testing.T) {
	for _, k := range shadersOf(kernels.All(headSizes...)) {
		src, err := k.WGSL()
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		text := comments.ReplaceAllString(src.Text, "")
		for _, name := range capitals.FindAllString(text, -1) {
			if !strings.Contains(text, "const "+name+":") && !strings.Contains(text, "const "+name+" =") {
				t.Errorf("%s: %s is left in the text", k.Name, name)
			}
		}
		for _, m := range arrays.FindAllStringSubmatch(text, -1) {
			if strings.Trim(strings.TrimSuffix(m[1], "u"), "0123456789") != "" {
				t.Errorf("%s: array size %s, expected a number", k.Name, m[1])
			}
		}
	}
}

// TestComplete: every kernel has a shader and a twin, every shader a kernel.
func TestComplete(t *testing.T) {
	names := map[string]bool{}
	for _, k := range shadersOf(kernels.All(headSizes...)) {
		names[k.Name] = true
		if k.Twin == nil || k.Items == nil {
			t.Errorf("%s has no twin", k.Name)
		}
		text, err := shaders.Text(k.Name)
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		// One in tiles asks for memory, not for a feature of the language.
		if variant := baseline(k.Name) != k.Name && !strings.HasSuffix(k.Name, "_tiled"); variant != shaders.Variant(text) {
			t.Errorf("%s is a variant by its name: %v, by its text: %v", k.Name, variant, !variant)
		}
	}
	for _, name := range shaders.Names() {
		if !names[name] {
			t.Errorf("shaders/%s.wgsl has no kernel", name)
		}
	}
	for name := range paramsOf {
		if !names[name] {
			t.Errorf("Params of %s, which is no kernel", name)
		}
	}
}
