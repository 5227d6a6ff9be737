//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tokenselect/engine/gpu"
)

// complaint is an error in Dawn's words of several lines.
type complaint struct{ text string }

func (c *complaint) Error() string { return plain(c.text) }

var (
	// place is where Tint says what is wrong with a line of a shader.
	place = regexp.MustCompile(`(?:^|\s):(\d+):\d+ error: (.*)$`)
	// aside is what Dawn adds about what it was doing, and where in its source.
	aside = regexp.MustCompile(`^- While |^at \w+ \(.*:\d+\)$`)
)

// line is the line of the shader that c is about, 0 where it names none, and
// what it says about it.
func (c *complaint) line() (int, string) {
	for l := range strings.Lines(c.text) {
		if m := place.FindStringSubmatch(strings.TrimSpace(l)); m != nil {
			n, _ := strconv.Atoi(m[1])
			return n, m[2]
		}
	}
	return 0, plain(c.text)
}

// plain is Dawn's text without the lines that say what it was doing.
func plain(text string) string {
	var kept []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" && !aside.MatchString(l) {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, " ")
}

// oneLine is s without its line breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// shaderError is err, which came up while k was compiled, with its place in the
// source file. Errors that are not the shader's fault stay what they are.
func shaderError(k *gpu.Kernel, src gpu.Source, err error) error {
	var c *complaint
	if !errors.As(err, &c) {
		return fmt.Errorf("dawn: kernel %s: %w", k.Name, err)
	}
	line, message := c.line()
	e := &gpu.ShaderError{Kernel: k.Name, Message: message}
	if line > 0 && src.Locate != nil {
		e.File, e.Line = src.Locate(line)
	}
	return e
}
