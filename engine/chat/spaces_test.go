//go:build !js

package chat_test

import (
	"testing"

	"tokenselect/engine/chat/jinja"
)

// TestSpaces: a tag takes off the white space that touches it, and no other.
func TestSpaces(t *testing.T) {
	golden := readRenderings(t)
	if len(golden.Spaces) < 13 {
		t.Fatalf("%d templates, expected more", len(golden.Spaces))
	}
	for source, want := range golden.Spaces {
		r, err := jinja.Compile(source)
		if err != nil {
			t.Errorf("%q: %v", source, err)
			continue
		}
		if got, err := r.Render(golden.Conversations["three turns"], "<s>", "</s>"); err != nil || got != want {
			t.Errorf("%q: %q, %v, expected %q", source, got, err, want)
		}
	}
}
