// Package shaders holds the WGSL kernels: text in, text out. It imports nothing
// of this project; package kernels gives the text its meaning.
//
// A kernel is a file name.wgsl; what several share is in lib. There are three
// directives and no conditionals: two different kernels are two files.
//
//	//#import lib/reduce     the text of lib/reduce.wgsl, once
//	//#const HEAD_DIM        a name that is replaced by a u32 on assembly
//	//#each STEP STEPS       the lines up to //#end, as often as the number or
//	                         declared name says, with STEP replaced by 0u, 1u...
//
// Numbers are written in because some compilers in use accept neither a
// constant in @workgroup_size nor a constant expression as an array size or as
// the value of a constant. They are u32 by their spelling, as the same compilers
// take a number without a type for an i32.
package shaders

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"sort"
	"strconv"
	"strings"
)

//go:embed *.wgsl lib/*.wgsl
var embedded embed.FS

// files is read with ReadFile alone, not as any fs.FS: what that can ask of a
// file, such as its time in words, would be linked into every program.
var files fs.ReadFileFS = embedded // tests put others in its place

// Names lists the kernels: the .wgsl files outside lib, without the ending.
func Names() []string {
	entries, err := fs.Glob(files, "*.wgsl")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i, e := range entries {
		entries[i] = strings.TrimSuffix(e, ".wgsl")
	}
	sort.Strings(entries)
	return entries
}

// Variant tells whether a kernel's text uses features beyond WebGPU's baseline:
// whether it says after its header that it enables or requires some.
func Variant(text string) bool {
	return strings.Contains(text, "\nenable ") || strings.Contains(text, "\nrequires ")
}

// Text is the file of a kernel or of a lib as it stands.
func Text(name string) (string, error) {
	b, err := files.ReadFile(name + ".wgsl")
	if err != nil {
		return "", fmt.Errorf("shaders: no kernel %s", name)
	}
	return string(b), nil
}

type place struct {
	file string
	line int
}

// Assembled is a kernel's text with its imports and numbers written in.
type Assembled struct {
	Text  string
	lines []place
}

// Locate gives the source file and line of line n (from 1) of the text.
func (a Assembled) Locate(n int) (file string, line int) {
	if n < 1 || n > len(a.lines) {
		return "", 0
	}
	return a.lines[n-1].file, a.lines[n-1].line
}

// Assemble returns the kernel with its imports in place and each name that a
// //#const line declares replaced by its number, a u32. A declared name without a
// number, and a number without a declaration, are errors.
func Assemble(name string, consts map[string]int) (Assembled, error) {
	a := assembler{consts: consts, seen: map[string]bool{}, used: map[string]bool{}}
	if err := a.add(name); err != nil {
		return Assembled{}, err
	}
	for c := range consts {
		if !a.used[c] {
			return Assembled{}, fmt.Errorf("shaders: %s: number given for %s, which no //#const declares", name, c)
		}
	}
	text := replaceWords(a.text.String(), consts)
	return Assembled{text, a.lines}, nil
}

type assembler struct {
	consts     map[string]int
	seen, used map[string]bool
	text       strings.Builder
	lines      []place
}

func (a *assembler) add(name string) error {
	if a.seen[name] {
		return nil
	}
	a.seen[name] = true
	text, err := Text(name)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return a.block(name, lines, 0, nil)
}

// block adds lines of a file, the first of which is line first (from 0), with the
// loop variables of what it stands in replaced.
func (a *assembler) block(name string, lines []string, first int, loops map[string]int) error {
	for i := 0; i < len(lines); i++ {
		line, at := lines[i], fmt.Sprintf("shaders: %s.wgsl:%d", name, first+i+1)
		if arg, ok := strings.CutPrefix(line, "//#import "); ok {
			if err := a.add(strings.TrimSpace(arg)); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
			continue
		}
		if arg, ok := strings.CutPrefix(line, "//#each "); ok {
			end := loopEnd(lines[i+1:])
			if end < 0 {
				return fmt.Errorf("%s: no //#end", at)
			}
			variable, times, err := a.loop(arg)
			if err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
			inner := maps.Clone(loops)
			if inner == nil {
				inner = map[string]int{}
			}
			for inner[variable] = 0; inner[variable] < times; inner[variable]++ {
				if err := a.block(name, lines[i+1:i+1+end], first+i+1, inner); err != nil {
					return err
				}
			}
			i += end + 1
			continue
		}
		if arg, ok := strings.CutPrefix(line, "//#const "); ok {
			c := strings.TrimSpace(arg)
			if _, ok := a.consts[c]; !ok {
				return fmt.Errorf("%s: no number given for %s", at, c)
			}
			a.used[c] = true
		}
		a.text.WriteString(replaceWords(line, loops))
		a.text.WriteByte('\n')
		a.lines = append(a.lines, place{"shaders/" + name + ".wgsl", first + i + 1})
	}
	return nil
}

// loop reads what stands behind //#each: a variable and how often.
func (a *assembler) loop(arg string) (variable string, times int, err error) {
	words := strings.Fields(arg)
	if len(words) != 2 {
		return "", 0, fmt.Errorf("//#each %s, expected a name and how often", arg)
	}
	if n, ok := a.consts[words[1]]; ok {
		a.used[words[1]] = true
		return words[0], n, nil
	}
	n, err := strconv.Atoi(words[1])
	if err != nil || n < 0 {
		return "", 0, fmt.Errorf("//#each %s: %s is no number and none is given for it", arg, words[1])
	}
	return words[0], n, nil
}

// loopEnd is the index of the line that ends the loop whose lines these are, or -1.
func loopEnd(lines []string) int {
	depth := 1
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "//#each "):
			depth++
		case line == "//#end":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// replaceWords replaces whole identifiers.
func replaceWords(text string, consts map[string]int) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		j := i
		for j < len(text) && isWord(text[j]) {
			j++
		}
		if j == i {
			b.WriteByte(text[i])
			i++
			continue
		}
		if v, ok := consts[text[i:j]]; ok {
			fmt.Fprintf(&b, "%du", v)
		} else {
			b.WriteString(text[i:j])
		}
		i = j
	}
	return b.String()
}

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
