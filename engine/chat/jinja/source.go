//go:build !js

package jinja

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// The library takes white space off the nearest text beside a tag, and Jinja only
// off text that touches it: of "a {{ b }}{%- if c %}" it would make "ab". So the
// white space is dealt with here, with trim_blocks and lstrip_blocks set as the
// library transformers sets them, and what is left of the text is written as
// strings, of which the library takes nothing off.

// rewritten is a template without text outside of tags.
func rewritten(source string) (string, error) {
	source = strings.TrimSuffix(strings.ReplaceAll(source, "\r\n", "\n"), "\n")
	var b strings.Builder
	for lineStart := true; ; {
		at, t, err := nextTag(source)
		if err != nil {
			return "", err
		}
		text := source[:at]
		if t.kind == 0 {
			writeText(&b, text)
			return b.String(), nil
		}
		writeText(&b, t.trimLeft(text, lineStart))
		source = source[at+t.length:]
		t.write(&b)
		if t.name == "raw" {
			end := endRaw.FindStringIndex(source)
			if end == nil {
				return "", fmt.Errorf("unclosed raw block")
			}
			_, closing, err := nextTag(source[end[0]:])
			if err != nil {
				return "", err
			}
			writeText(&b, closing.trimLeft(t.trimRight(source[:end[0]]), false))
			t, source = closing, source[end[1]:]
		}
		rest := t.trimRight(source)
		switch taken := len(source) - len(rest); {
		case taken > 0:
			lineStart = source[taken-1] == '\n'
		default:
			lineStart = false
		}
		source = rest
	}
}

// endRaw is the tag that ends a part in which no tags are looked for.
var endRaw = regexp.MustCompile(`\{%[-+]?\s*endraw\s*[-+]?%\}`)

// tag is a tag of a template.
type tag struct {
	kind        byte // '{' of an expression, '%' of a statement, '#' of a comment, 0 of none
	left, right byte // its signs for white space, '-', '+' or 0
	inner       string
	name        string // of a statement
	length      int    // from brace to brace
}

// nextTag is the first tag and where it begins. A tag's end is not looked for in
// its strings, nor between its own brackets.
func nextTag(source string) (at int, t tag, err error) {
	for at < len(source) && !(source[at] == '{' && at+1 < len(source) && strings.IndexByte("{%#", source[at+1]) >= 0) {
		at++
	}
	if at == len(source) {
		return at, t, nil
	}
	t.kind = source[at+1]
	closer := map[byte]string{'{': "}}", '%': "%}", '#': "#}"}[t.kind]
	s, end, depth := source[at:], 2, 0
scan:
	for ; ; end++ {
		switch {
		case end+2 > len(s):
			return at, t, fmt.Errorf("unclosed tag: %.40q", s)
		case depth == 0 && s[end:end+2] == closer:
			break scan
		case t.kind == '#':
		case s[end] == '\'' || s[end] == '"':
			for quote := s[end]; ; {
				if end++; end >= len(s) {
					return at, t, fmt.Errorf("unclosed string: %.40q", s)
				}
				if s[end] == '\\' {
					end++
				} else if s[end] == quote {
					break
				}
			}
		case strings.IndexByte("([{", s[end]) >= 0:
			depth++
		case strings.IndexByte(")]}", s[end]) >= 0 && depth > 0:
			depth--
		}
	}
	t.length, t.inner = end+2, s[2:end]
	if t.inner != "" && strings.IndexByte("-+", t.inner[0]) >= 0 {
		t.left, t.inner = t.inner[0], t.inner[1:]
	}
	if n := len(t.inner) - 1; n >= 0 && strings.IndexByte("-+", t.inner[n]) >= 0 {
		t.right, t.inner = t.inner[n], t.inner[:n]
	}
	if words := strings.Fields(t.inner); t.kind == '%' && len(words) > 0 {
		t.name = words[0]
	}
	return at, t, nil
}

// trimLeft is the text before the tag without what the tag takes off. LineStart
// says that the text begins a line.
func (t tag) trimLeft(text string, lineStart bool) string {
	switch line := strings.LastIndexByte(text, '\n') + 1; {
	case t.left == '-':
		return strings.TrimRightFunc(text, unicode.IsSpace)
	case t.left == 0 && t.kind != '{' && (line > 0 || lineStart) && strings.TrimSpace(text[line:]) == "":
		return text[:line]
	}
	return text
}

// trimRight is the text after the tag without what the tag takes off.
func (t tag) trimRight(text string) string {
	switch {
	case t.right == '-':
		return strings.TrimLeftFunc(text, unicode.IsSpace)
	case t.right == 0 && t.kind != '{':
		return strings.TrimPrefix(text, "\n")
	}
	return text
}

// write writes the tag for the library. Comments are left out, and the marks that
// transformers has around what a model says.
func (t tag) write(b *strings.Builder) {
	switch {
	case t.kind == '#', t.name == "raw", t.name == "generation", t.name == "endgeneration":
	case t.kind == '{':
		b.WriteString("{{ " + spaced(t.inner) + " }}")
	default:
		b.WriteString("{% " + strings.TrimSpace(spaced(t.inner)) + " %}")
		if t.name == "macro" {
			b.WriteString("{{ " + called + "() }}")
		}
	}
}

// spaced is the inside of a tag with a space between what would end the tag for
// the library, which does not count brackets.
func spaced(inner string) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		b.WriteByte(c)
		switch {
		case quote != 0 && c == '\\' && i+1 < len(inner):
			i++
			b.WriteByte(inner[i])
		case c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == 0 && (c == '}' || c == '%') && i+1 < len(inner) && inner[i+1] == '}':
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// writeText writes text as an expression.
func writeText(b *strings.Builder, text string) {
	if text != "" {
		b.WriteString(`{{ "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `" }}`)
	}
}
