//go:build !js

package chat_test

import (
	"testing"
	"time"

	"tokenselect/engine/chat"
	"tokenselect/engine/chat/jinja"
)

// way is one of the ways to make a format of a template.
type way struct {
	name    string
	compile chat.Compiler
	runs    bool
}

// ways are all, those that run a template on a day such as 26 Nov 2026.
func ways(t testing.TB, day string) []way {
	now := time.Now()
	if day != "" {
		var err error
		if now, err = time.Parse("02 Jan 2006", day); err != nil {
			t.Fatal(err)
		}
	}
	run := func(template string) (chat.Renderer, error) {
		r, err := jinja.New(template)
		if err == nil {
			r.Now = func() time.Time { return now }
		}
		return r, err
	}
	return []way{{name: "recognised"}, {"run", run, true}}
}
