//go:build !js

// Package jinja runs the chat templates that come with models, unchanged. It is
// apart from package chat so that the engine for browsers goes without the library.
package jinja

import (
	"fmt"
	"time"

	"github.com/ardanlabs/jinja"

	"tokenselect/engine/chat"
)

// A template is a program that comes with a model's file. What it may take is
// bounded as far as the library lets us: its length, its time and its macros'
// calls, of which one that calls itself without end would end the process. Its
// memory is not bounded.
const (
	maxLength = 128 << 10 // bytes; the longest in use have 25 KiB
	maxCalls  = 10_000    // of macros in a rendering
)

// patience is how long a template may take.
var patience = 30 * time.Second

// Template is a chat template ready to run. It is safe for concurrent use.
type Template struct {
	t *jinja.Template

	// Now is the time that a template may ask for.
	Now func() time.Time
}

// Compile reads a template. It is a [chat.Compiler].
func Compile(source string) (chat.Renderer, error) {
	t, err := New(source)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// New is Compile with a Template that can be changed.
func New(source string) (*Template, error) {
	if len(source) > maxLength {
		return nil, fmt.Errorf("jinja: the template has %d bytes, expected at most %d", len(source), maxLength)
	}
	source, err := rewritten(source)
	if err != nil {
		return nil, fmt.Errorf("jinja: %w", err)
	}
	compiled, err := guarded(func() (*jinja.Template, error) { return jinja.Compile(source) })
	if err != nil {
		return nil, err
	}
	return &Template{compiled, time.Now}, nil
}

// called is the function that counts the calls of macros.
const called = "tokenselect_macro_called"

// Render implements [chat.Renderer], with the variables and functions that the
// library transformers gives to templates.
func (t *Template) Render(messages []chat.Message, bos, eos string) (string, error) {
	list := make([]jinja.Value, len(messages))
	for i, m := range messages {
		list[i] = jinja.NewDict()
		list[i].AsDict().Set("role", jinja.NewString(m.Role))
		list[i].AsDict().Set("content", jinja.NewString(m.Content))
	}
	calls := 0
	data := map[string]jinja.Value{
		"messages":              jinja.NewList(list),
		"add_generation_prompt": jinja.NewBool(true),
		"bos_token":             jinja.NewString(bos),
		"eos_token":             jinja.NewString(eos),
		"tools":                 jinja.None(),
		"documents":             jinja.None(),
		"strftime_now": jinja.NewCallable("strftime_now", func(args []jinja.Value, _ map[string]jinja.Value) (jinja.Value, error) {
			if len(args) != 1 || !args[0].IsString() {
				return jinja.Undefined(), fmt.Errorf("strftime_now: %d arguments, expected one string", len(args))
			}
			text, err := strftime(t.Now(), args[0].AsString())
			return jinja.NewString(text), err
		}),
		called: jinja.NewCallable("macro", func([]jinja.Value, map[string]jinja.Value) (jinja.Value, error) {
			if calls++; calls > maxCalls {
				return jinja.Undefined(), fmt.Errorf("macros are called more than %d times", maxCalls)
			}
			return jinja.NewString(""), nil
		}),
	}
	return guarded(func() (string, error) { return t.t.RenderValues(data) })
}

// guarded calls f, and makes an error of its panic or of its taking too long. It
// cannot be ended then, and goes on alone.
func guarded[T any](f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("jinja: the template's program failed: %v", p)
			}
			done <- r
		}()
		r.value, r.err = f()
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case r := <-done:
		return r.value, r.err
	case <-late.C:
		return *new(T), fmt.Errorf("jinja: the template has not come to an end in %v", patience)
	}
}
