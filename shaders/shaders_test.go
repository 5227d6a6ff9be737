package shaders

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// with replaces the embedded files for one test.
func with(t *testing.T, texts map[string]string) {
	m := fstest.MapFS{}
	for name, text := range texts {
		m[name+".wgsl"] = &fstest.MapFile{Data: []byte(text)}
	}
	files = m
	t.Cleanup(func() { files = embedded })
}

func TestAssemble(t *testing.T) {
	with(t, map[string]string{
		"kernel": "// head\n//#const N\n//#import lib/b\n//#import lib/a\nvar x: array<f32, N>; // NN is not N\nlast N_1 N+N\n",
		"lib/a":  "a1\n//#import lib/b\na2\n",
		"lib/b":  "b1\n//#const N\nb2 N",
	})
	a, err := Assemble("kernel", map[string]int{"N": 64})
	if err != nil {
		t.Fatal(err)
	}
	// A library comes in once, where it is first asked for.
	want := "// head\n//#const 64u\nb1\n//#const 64u\nb2 64u\na1\na2\nvar x: array<f32, 64u>; // NN is not 64u\nlast N_1 64u+64u\n"
	if a.Text != want {
		t.Errorf("text:\n%s\nexpected:\n%s", a.Text, want)
	}
	for n, want := range []place{
		{"", 0}, {"shaders/kernel.wgsl", 1}, {"shaders/kernel.wgsl", 2},
		{"shaders/lib/b.wgsl", 1}, {"shaders/lib/b.wgsl", 2}, {"shaders/lib/b.wgsl", 3},
		{"shaders/lib/a.wgsl", 1}, {"shaders/lib/a.wgsl", 3},
		{"shaders/kernel.wgsl", 5}, {"shaders/kernel.wgsl", 6}, {"", 0},
	} {
		if file, line := a.Locate(n); file != want.file || line != want.line {
			t.Errorf("line %d is from %s:%d, expected %s:%d", n, file, line, want.file, want.line)
		}
	}
	if lines := strings.Count(a.Text, "\n"); lines != len(a.lines) {
		t.Errorf("%d lines have places, expected %d", len(a.lines), lines)
	}
}

// TestEach: loops are written out, those within others too, and a line that is
// wrong is found in its file.
func TestEach(t *testing.T) {
	with(t, map[string]string{
		"kernel": "//#const N\n//#each I N\na[I] I2\n//#each J 2\nb[I][J]\n//#end\n//#end\n//#each I 0\nnever\n//#end\nend I\n",
	})
	a, err := Assemble("kernel", map[string]int{"N": 2})
	if err != nil {
		t.Fatal(err)
	}
	want := "//#const 2u\na[0u] I2\nb[0u][0u]\nb[0u][1u]\na[1u] I2\nb[1u][0u]\nb[1u][1u]\nend I\n"
	if a.Text != want {
		t.Errorf("text:\n%s\nexpected:\n%s", a.Text, want)
	}
	for n, want := range map[int]int{2: 3, 3: 5, 4: 5, 5: 3, 7: 5, 8: 11} {
		if _, line := a.Locate(n); line != want {
			t.Errorf("line %d is from line %d, expected %d", n, line, want)
		}
	}
}

func TestAssembleErrors(t *testing.T) {
	with(t, map[string]string{
		"plain":     "x\n",
		"number":    "x\n//#const N\n",
		"broken":    "x\n//#import lib/gone\n",
		"loop":      "x\n//#import lib/loop\n",
		"lib/loop":  "//#import lib/loop\ny\n",
		"endless":   "x\n//#each I 2\ny I\n",
		"uncounted": "//#each I N\n//#end\n",
		"unnamed":   "//#each 2\n//#end\n",
	})
	for _, c := range []struct {
		name   string
		consts map[string]int
		want   string
	}{
		{"gone", nil, "no kernel gone"},
		{"number", nil, "number.wgsl:2: no number given for N"},
		{"plain", map[string]int{"N": 1}, "number given for N, which no //#const declares"},
		{"number", map[string]int{"N": 1, "M": 1}, "number given for M"},
		{"broken", nil, "broken.wgsl:2: shaders: no kernel lib/gone"},
		{"endless", nil, "endless.wgsl:2: no //#end"},
		{"uncounted", nil, "uncounted.wgsl:1: //#each I N: N is no number"},
		{"unnamed", nil, "unnamed.wgsl:1: //#each 2, expected a name"},
	} {
		if _, err := Assemble(c.name, c.consts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %v: %v, expected %q in it", c.name, c.consts, err, c.want)
		}
	}
	if a, err := Assemble("loop", nil); err != nil || a.Text != "x\ny\n" {
		t.Errorf("a library that imports itself: %q, %v", a.Text, err)
	}
}

func TestNames(t *testing.T) {
	with(t, map[string]string{"b": "x", "a": "x", "lib/c": "x"})
	if n := Names(); !slices.Equal(n, []string{"a", "b"}) {
		t.Errorf("%v, expected the kernels in order and no library", n)
	}
}

// TestReserved: a name that WGSL keeps for its future is accepted by some
// compilers and refused by others.
func TestReserved(t *testing.T) {
	words := map[string]bool{}
	for _, w := range strings.Fields(reserved) {
		words[w] = true
	}
	comment := regexp.MustCompile(`//.*`)
	each(t, func(name, text string) {
		for i, line := range strings.Split(text, "\n") {
			for _, w := range regexp.MustCompile(`[A-Za-z_][A-Za-z_0-9]*`).FindAllString(comment.ReplaceAllString(line, ""), -1) {
				if words[w] || strings.HasPrefix(w, "__") {
					t.Errorf("%s.wgsl:%d: %s is a reserved word", name, i+1, w)
				}
			}
		}
	})
}

// everywhere are the files that all supported compilers are given: those of kernels
// that are no variants, and of the libs that they import.
func everywhere(t *testing.T) map[string]bool {
	files := map[string]bool{}
	var add func(name, text string)
	add = func(name, text string) {
		files[name] = true
		for _, m := range regexp.MustCompile(`(?m)^//#import (\S+)$`).FindAllStringSubmatch(text, -1) {
			imported, err := Text(m[1])
			if err != nil {
				t.Fatal(err)
			}
			add(m[1], imported)
		}
	}
	for _, name := range Names() {
		if text, err := Text(name); err != nil {
			t.Fatal(err)
		} else if !Variant(text) {
			add(name, text)
		}
	}
	return files
}

// TestBaseline: nothing that one of the supported compilers lacks.
func TestBaseline(t *testing.T) {
	banned := regexp.MustCompile(`\b(enable|requires|f16|subgroup\w*|unpack4x[IU]8|pack4x[IU]8|dot4[IU]8Packed|const_assert)\b`)
	size := regexp.MustCompile(`@workgroup_size\(([^)]*)\)`)
	constant := regexp.MustCompile(`(?m)^const \w+: \w+ = ([^;]*);`)
	comment := regexp.MustCompile(`//.*`)
	all := everywhere(t)
	each(t, func(name, text string) {
		text = comment.ReplaceAllString(text, "")
		if w := banned.FindString(text); w != "" && all[name] {
			t.Errorf("%s.wgsl: uses %s", name, w)
		}
		for _, m := range size.FindAllStringSubmatch(text, -1) {
			if m[1] != "256" && m[1] != "128" && m[1] != "64" && m[1] != "32" {
				t.Errorf("%s.wgsl: @workgroup_size(%s), expected one number up to 256", name, m[1])
			}
		}
		for _, m := range constant.FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`^-?[0-9.]+(e-?[0-9]+)?u?$`).MatchString(m[1]) {
				t.Errorf("%s.wgsl: a constant is %s, expected a number", name, m[1])
			}
		}
	})
}

// TestHeader: the first thing in a file is a sentence about it, and a kernel
// says what a workgroup does.
func TestHeader(t *testing.T) {
	each(t, func(name, text string) {
		if !strings.HasPrefix(text, "// ") {
			t.Errorf("%s.wgsl: begins without a comment", name)
		}
		head, _, _ := strings.Cut(text, "\n//#")
		if !strings.HasPrefix(name, "lib/") && !regexp.MustCompile(`(?i)workgroup`).MatchString(head) {
			t.Errorf("%s.wgsl: its header does not say what a workgroup does", name)
		}
	})
}

// each calls f for every file.
func each(t *testing.T, f func(name, text string)) {
	names := Names()
	libs, err := fs.ReadDir(files, "lib")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range libs {
		names = append(names, "lib/"+strings.TrimSuffix(l.Name(), ".wgsl"))
	}
	for _, name := range names {
		text, err := Text(name)
		if err != nil {
			t.Fatal(err)
		}
		f(name, text)
	}
}

// reserved is the list of the WGSL specification, section "Reserved Words".
const reserved = `NULL Self abstract active alignas alignof as asm asm_fragment async
attribute auto await become cast catch class co_await co_return co_yield coherent
column_major common compile compile_fragment concept const_cast consteval constexpr
constinit crate debugger decltype delete demote demote_to_helper do dynamic_cast enum
explicit export extends extern external fallthrough filter final finally friend from
fxgroup get goto groupshared highp impl implements import inline instanceof interface
layout lowp macro macro_rules match mediump meta mod module move mut mutable namespace
new nil noexcept noinline nointerpolation non_coherent noncoherent noperspective null
nullptr of operator package packoffset partition pass patch pixelfragment precise
precision premerge priv protected pub public readonly ref regardless register
reinterpret_cast require resource restrict self set shared sizeof smooth snorm static
static_assert static_cast std subroutine super target template this thread_local throw
trait try type typedef typeid typename typeof union unless unorm unsafe unsized use
using varying virtual volatile wgsl where with writeonly yield`
