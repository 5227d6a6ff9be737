// Package shaders holds the WGSL kernels: text in, text out. It imports nothing
// of this project; package kernels gives the text its meaning.
//
// A kernel is a file name.wgsl; what several share is in lib. There are two
// directives and no conditionals: two different kernels are two files.
//
//	//#import lib/reduce     the text of lib/reduce.wgsl, once
//	//#const HEAD_DIM        a name that is replaced by a u32 on assembly
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
	"sort"
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
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if arg, ok := strings.CutPrefix(line, "//#import "); ok {
			if err := a.add(strings.TrimSpace(arg)); err != nil {
				return fmt.Errorf("shaders: %s.wgsl:%d: %w", name, i+1, err)
			}
			continue
		}
		if arg, ok := strings.CutPrefix(line, "//#const "); ok {
			c := strings.TrimSpace(arg)
			if _, ok := a.consts[c]; !ok {
				return fmt.Errorf("shaders: %s.wgsl:%d: no number given for %s", name, i+1, c)
			}
			a.used[c] = true
		}
		a.text.WriteString(line)
		a.text.WriteByte('\n')
		a.lines = append(a.lines, place{"shaders/" + name + ".wgsl", i + 1})
	}
	return nil
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
