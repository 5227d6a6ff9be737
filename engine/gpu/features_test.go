package gpu

import (
	"reflect"
	"slices"
	"testing"
)

var everything = Features{
	Float16: true, Subgroups: Subgroups{8, 32}, PackedDot: true,
	Matrices: []Matrices{{F16, F32, 16, 16, 16}},
}

// TestFeatures: names, words and Without speak of the same features.
func TestFeatures(t *testing.T) {
	if !slices.Equal(everything.Names(), FeatureNames) {
		t.Errorf("%v, expected %v", everything.Names(), FeatureNames)
	}
	want := "shader-f16, subgroups of 8 to 32, packed_4x8_integer_dot_product, chromium-experimental-subgroup-matrix (16 x 16 x 16 of f16 to f32)"
	if everything.String() != want || (Features{}).String() != "none" {
		t.Errorf("%q and %q, expected %q and none", everything.String(), Features{}.String(), want)
	}
	for i, name := range FeatureNames {
		rest := everything.Without([]string{name})
		if !slices.Equal(rest.Names(), slices.Delete(slices.Clone(FeatureNames), i, i+1)) {
			t.Errorf("without %s: %v", name, rest.Names())
		}
	}
	if none := everything.Without(FeatureNames); !reflect.DeepEqual(none, Features{}) {
		t.Errorf("without all: %v", none)
	}
	if m := (Matrices{F16, F32, 16, 16, 16}); !everything.Multiplies(m) || everything.Multiplies(Matrices{F16, F16, 16, 16, 16}) {
		t.Error("Multiplies takes other forms than there are")
	}
}

func TestUnused(t *testing.T) {
	for text, want := range map[string][]string{
		"all": nil, "none": FeatureNames,
		"subgroups,shader-f16": {FeaturePackedDot, FeatureMatrices},
	} {
		if got, err := Unused(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, expected %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "f16", "all,none", "subgroups,"} {
		if got, err := Unused(text); err == nil {
			t.Errorf("%q: %v, expected an error", text, got)
		}
	}
}

// TestShaders: the best variant that fits comes first, then the baseline, then what
// fits and does not suit.
func TestShaders(t *testing.T) {
	fits := func(f func(Features) bool) func(Info) bool { return func(i Info) bool { return f(i.Features) } }
	k := &Kernel{Name: "plain", Variants: []Variant{
		{Name: "matrix", Fits: fits(func(f Features) bool { return f.Matrices != nil })},
		{Name: "half", Fits: fits(func(f Features) bool { return f.Float16 })},
		{Name: "large", Fits: func(i Info) bool { return i.Limits.Shared > 16<<10 }, Suits: func(i Info) bool { return i.Kind.Real() }},
	}}
	names := func(f Features) (list []string) {
		for _, s := range k.Shaders(Info{Features: f}) {
			list = append(list, s.Name)
		}
		return list
	}
	for _, c := range []struct {
		f    Features
		want []string
	}{{everything, []string{"matrix", "half", "plain"}}, {Features{Float16: true}, []string{"half", "plain"}}, {Features{}, []string{"plain"}}} {
		if got := names(c.f); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, expected %v", c.f, got, c.want)
		}
	}
	for kind, want := range map[Kind][]string{Discrete: {"half", "large", "plain"}, Software: {"half", "plain", "large"}} {
		var got []string
		for _, s := range k.Shaders(Info{Kind: kind, Limits: Limits{Shared: 32 << 10}, Features: Features{Float16: true}}) {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, expected %v", kind, got, want)
		}
	}
	one := k.With(k.Shaders(Info{Features: everything})[0])
	if one == k || one.Name != "matrix" || one.Variants != nil {
		t.Errorf("With gives %s with %d variants", one.Name, len(one.Variants))
	}
}
