package chat_test

import (
	"testing"

	"tokenselect/engine/chat"
)

// way is one of the ways to make a format of a template.
type way struct {
	name    string
	compile chat.Compiler
	runs    bool
}

func ways(testing.TB, string) []way { return []way{{name: "recognised"}} }
