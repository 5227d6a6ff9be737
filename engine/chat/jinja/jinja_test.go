//go:build !js

package jinja_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tokenselect/engine/chat"
	"tokenselect/engine/chat/jinja"
)

func render(t *testing.T, template string) (string, error) {
	t.Helper()
	r, err := jinja.Compile(template)
	if err != nil {
		return "", err
	}
	return r.Render([]chat.Message{{Role: "user", Content: " hi "}}, "<s>", "</s>")
}

// TestVariables: a template sees what transformers gives it.
func TestVariables(t *testing.T) {
	for _, c := range []struct{ template, want string }{
		{"{{ bos_token }}{{ eos_token }}", "<s></s>"},
		{"{{ messages[0].role }}|{{ messages[-1]['content'] }}", "user| hi "},
		{"{{ add_generation_prompt }}", "True"},
		{"{{ tools is none }}{{ documents is none }}{{ enable_thinking is defined }}", "TrueTrueFalse"},
		// Blocks take the line break after them, and the space of their line before.
		{"a\n  {% if true %}\nb\n  {% endif %}\nc\n", "a\nb\nc"},
		{"{% raw -%} {{ x }}\n{%- endraw %}\n{{ 'y' }}", "{{ x }}y"},
		{"{% generation %}{{ messages[0].content }}{% endgeneration %}", " hi "},
		{"a\r\n{% if true %}\r\nb{% endif %}", "a\nb"},
		{"{% macro f(x) %}\n  [{{ x }}]\n{% endmacro %}\n{{ f(1) }}{{ f(2) }}", "  [1]\n  [2]\n"},
		{"{%- macro f(x) -%}  [{{ x }}]{%- endmacro -%} {{ f('%') }}", "[%]"},
	} {
		if got, err := render(t, c.template); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, expected %q", c.template, got, err, c.want)
		}
	}
}

// TestHostile: a template that is none, or does not want to end, is an error.
func TestHostile(t *testing.T) {
	for _, c := range []struct{ name, template, want string }{
		{"unclosed", "{% for m in messages %}", "unclosed"},
		{"an unclosed tag", "{{ messages", "unclosed tag"},
		{"an unclosed string", "{{ 'a }}", "unclosed string"},
		{"unclosed raw", "{% raw %}{{ x }}", "unclosed raw"},
		{"no tag", "{% nothing %}", "nothing"},
		{"no filter", "{{ messages | nothing }}", "nothing"},
		{"long", strings.Repeat(" ", 128<<10+1), "131073 bytes, expected at most 131072"},
		{"deep", "{{ " + strings.Repeat("(", 2<<10) + " }}", ""},
		{"refuses", "{{ raise_exception('no thanks') }}", "no thanks"},
		{"fails", "{{ messages | selectattr('role') | list }}{{ 'a' * -1 }}", "failed"},
		{"calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "more than 10000 times"},
		{"endless", "{% set r = range(100000) %}{% for a in r %}{% for b in r %}{% for c in r %}{% endfor %}{% endfor %}{% endfor %}", "not come to an end"},
	} {
		if c.name == "endless" {
			jinja.Hurry(t, 200*time.Millisecond)
		}
		if text, err := render(t, c.template); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.40q, %v, expected %q in an error", c.name, text, err, c.want)
		}
	}
}

func TestStrftime(t *testing.T) {
	at := time.Date(2026, time.March, 7, 15, 4, 5, 0, time.UTC)
	for format, want := range map[string]string{
		"%d %b %Y": "07 Mar 2026", "%Y-%m-%d": "2026-03-07", "%B %d, %Y": "March 07, 2026", "on %A the 2nd, 100%%": "on Saturday the 2nd, 100%",
		"%H:%M:%S %I%p %j %y": "15:04:05 03PM 066 26", "%": "%",
	} {
		if got, err := jinja.Strftime(at, format); err != nil || got != want {
			t.Errorf("%s: %q, %v, expected %q", format, got, err, want)
		}
	}
	if _, err := jinja.Strftime(at, "%d %Q"); err == nil || !strings.Contains(err.Error(), "%Q") {
		t.Errorf("%%Q: %v", err)
	}
}

// FuzzRewritten: any text is rewritten or refused, and what has been rewritten
// stays as it is but for spaces.
func FuzzRewritten(f *testing.F) {
	addTemplates(f)
	for _, s := range []string{"{{", "{%-", "{{ '", "{%-%}", "{{-}}", "{# {{ #}", "{% raw %}{% endraw", "{{ {'a': {}} }}", "a\r\n{%+ if x +%}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		once, err := jinja.Rewritten(source)
		if err != nil || strings.Contains(once, "macro") {
			return
		}
		twice, err := jinja.Rewritten(once)
		bare := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if err != nil || bare(twice) != bare(once) {
			t.Errorf("%q becomes %q, and that %q, %v", source, once, twice, err)
		}
	})
}

// costly is what a template may take without bound, and fuzzing must not: repetition,
// and numbers that lengths are made of.
var costly = regexp.MustCompile(`range|\*|[0-9]{5}`)

// FuzzTemplate: whatever program comes with a model, it is refused or run, and leaves
// this one as it was.
func FuzzTemplate(f *testing.F) {
	addTemplates(f)
	f.Add("{% set ns = namespace(a=1) %}{% for m in messages[::-1] %}{% set ns.a = ns.a + loop.index0 %}{{ m | tojson(indent=2) }}{% endfor %}{{ ns.a // 2 ~ 'x' if ns.a is number else [1, 2][0:1] }}")
	f.Fuzz(func(t *testing.T, source string) {
		if costly.MatchString(source) {
			return
		}
		r, err := jinja.Compile(source)
		if err != nil {
			return
		}
		messages := []chat.Message{{Role: "system", Content: "s"}, {Role: "user", Content: "q"}, {Role: "assistant", Content: "a"}, {Role: "user", Content: " r "}}
		text, err := r.Render(messages, "<s>", "</s>")
		if err != nil {
			if strings.Contains(err.Error(), "not come to an end") {
				t.Fatal(err)
			}
			return
		}
		if again, err := r.Render(messages, "<s>", "</s>"); err != nil || len(again) != len(text) {
			t.Fatalf("%q, and then %q, %v", text, again, err)
		}
	})
}

func addTemplates(f *testing.F) {
	files, err := filepath.Glob("../testdata/templates/*.jinja")
	if err != nil || len(files) < 13 {
		f.Fatalf("%d templates, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
}
