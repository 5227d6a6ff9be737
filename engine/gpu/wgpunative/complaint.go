//go:build !js && cgo

package wgpunative

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tokenselect/engine/gpu"
)

var (
	header  = regexp.MustCompile(`┌─ .*:(\d+):\d+`)
	quoted  = regexp.MustCompile(`^\s*(\d+) │`)
	culprit = regexp.MustCompile(`\^ naga::Expression`)
)

// complaint finds the line of the shader that wgpu's message is about, 0 where
// it names none, and what it says.
//
// A message is a chain of causes, the last of them a box that shows the source
// and, under it, the reasons from the general to the particular. The box's
// header has the place of a whole function when an expression in it is wrong;
// the expression is then marked within the box.
func complaint(message string) (line int, text string) {
	var reasons []string
	boxed, shown := false, 0
	for l := range strings.Lines(message) {
		l = strings.TrimRight(l, "\r\n")
		if m := header.FindStringSubmatch(l); m != nil {
			line, _ = strconv.Atoi(m[1])
			boxed, reasons = true, nil
			continue
		}
		if m := quoted.FindStringSubmatch(l); m != nil {
			shown, _ = strconv.Atoi(m[1])
			continue
		}
		if boxed && culprit.MatchString(l) && shown > 0 {
			line = shown
		}
		t := strings.TrimSpace(l)
		switch {
		case t == "" || t == "Caused by:" || strings.ContainsAny(t, "│┌╰╭"):
		case strings.HasPrefix(t, "note: ") || strings.HasPrefix(t, "In wgpu") || strings.HasSuffix(t, "Validation Error"):
		default:
			reasons = append(reasons, t)
		}
	}
	return line, strings.Join(reasons, ": ")
}

// oneLine is s without its line breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// plain is err with what it says on one line.
func plain(err error) error {
	if errors.Is(err, gpu.ErrDeviceLost) || errors.Is(err, gpu.ErrOutOfMemory) {
		return err
	}
	if _, text := complaint(err.Error()); text != "" {
		return errors.New(text)
	}
	return errors.New(oneLine(err.Error()))
}

// shaderError is err, which came up while k was compiled, with its place in the
// source file. Errors that are not the shader's fault stay what they are.
func (d *Device) shaderError(k *gpu.Kernel, src gpu.Source, err error) error {
	err = d.raw(err)
	if errors.Is(err, gpu.ErrDeviceLost) || errors.Is(err, gpu.ErrOutOfMemory) {
		return fmt.Errorf("wgpunative: kernel %s: %w", k.Name, err)
	}
	e := &gpu.ShaderError{Kernel: k.Name, Message: plain(err).Error()}
	if line, _ := complaint(err.Error()); line > 0 && src.Locate != nil {
		e.File, e.Line = src.Locate(line)
	}
	return e
}
