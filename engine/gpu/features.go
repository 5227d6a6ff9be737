package gpu

import (
	"fmt"
	"slices"
	"strings"
)

// Features are what a device can do beyond WebGPU's baseline, which every kernel
// has a shader for. Variants of a kernel use them.
type Features struct {
	Float16   bool       // shaders may compute in float16: "enable f16"
	Subgroups Subgroups  // shaders may exchange values within one: "enable subgroups"
	PackedDot bool       // dot products of four int8 values to a word: dot4I8Packed
	Matrices  []Matrices // products of small matrices that a subgroup computes together
}

// Subgroups are the invocations that a device runs in step: at least Least and
// at most Most of them, powers of two. 0: not known or not to be used.
type Subgroups struct{ Least, Most int }

// Matrices is one form in which a subgroup multiplies matrices: an M x K one of
// type Input with a K x N one of the same, added to an M x N one of type Result.
type Matrices struct {
	Input, Result Scalar
	M, N, K       int
}

// Scalar is the type of a matrix's values, by its name in WGSL.
type Scalar string

// The types of values that matrices have.
const (
	F32 Scalar = "f32"
	F16 Scalar = "f16"
	U32 Scalar = "u32"
	I32 Scalar = "i32"
)

// The names of features, as WebGPU has them where it does.
const (
	FeatureFloat16   = "shader-f16"
	FeatureSubgroups = "subgroups"
	FeaturePackedDot = "packed_4x8_integer_dot_product"
	FeatureMatrices  = "chromium-experimental-subgroup-matrix"
)

// FeatureNames are all of them.
var FeatureNames = []string{FeatureFloat16, FeatureSubgroups, FeaturePackedDot, FeatureMatrices}

// Names are the names of f's features.
func (f Features) Names() []string {
	var names []string
	for i, has := range []bool{f.Float16, f.Subgroups.Least > 0, f.PackedDot, len(f.Matrices) > 0} {
		if has {
			names = append(names, FeatureNames[i])
		}
	}
	return names
}

// Multiplies tells whether subgroups multiply matrices in the form m.
func (f Features) Multiplies(m Matrices) bool { return slices.Contains(f.Matrices, m) }

// Without is f without the features that are named.
func (f Features) Without(names []string) Features {
	if slices.Contains(names, FeatureFloat16) {
		f.Float16 = false
	}
	if slices.Contains(names, FeatureSubgroups) {
		f.Subgroups = Subgroups{}
	}
	if slices.Contains(names, FeaturePackedDot) {
		f.PackedDot = false
	}
	if slices.Contains(names, FeatureMatrices) {
		f.Matrices = nil
	}
	return f
}

// Unused are the features that a list of those to use leaves out: names with
// commas between them, "all" or "none".
func Unused(text string) ([]string, error) {
	switch text {
	case "all":
		return nil, nil
	case "none":
		return FeatureNames, nil
	}
	unused, names := slices.Clone(FeatureNames), strings.Split(text, ",")
	for _, n := range names {
		if !slices.Contains(FeatureNames, n) {
			return nil, fmt.Errorf("gpu: feature %q, expected all, none or some of %s with commas between them", n, strings.Join(FeatureNames, ", "))
		}
		unused = slices.DeleteFunc(unused, func(u string) bool { return u == n })
	}
	return unused, nil
}

func (f Features) String() string {
	var parts []string
	for _, n := range f.Names() {
		switch n {
		case FeatureSubgroups:
			n += fmt.Sprintf(" of %d", f.Subgroups.Least)
			if f.Subgroups.Most > f.Subgroups.Least {
				n += fmt.Sprintf(" to %d", f.Subgroups.Most)
			}
		case FeatureMatrices:
			var forms []string
			for _, m := range f.Matrices {
				forms = append(forms, fmt.Sprintf("%d x %d x %d of %s to %s", m.M, m.N, m.K, m.Input, m.Result))
			}
			n += " (" + strings.Join(forms, ", ") + ")"
		}
		parts = append(parts, n)
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}
