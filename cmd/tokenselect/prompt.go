package main

import (
	"strings"

	"tokenselect/cmd/tokenselect/internal/eval/task"
	"tokenselect/engine/chat"
	"tokenselect/engine/session"
)

// prompt is the ids of a question about a document, the document first, as a
// conversation lays them out.
func prompt(m *session.Model, document, question string) ([]int, error) {
	return m.Prompt([]chat.Message{{Role: "user", Content: strings.TrimRight(document, "\r\n") + "\n\n" + question}})
}

// measure is how long tasks are told that documents and prompts are.
func measure(m *session.Model) (task.Measure, error) {
	_, err := prompt(m, "", "")
	return task.Measure{Text: m.Tokens, Prompt: func(document, question string) int {
		ids, _ := prompt(m, document, question) // as the one before, which did not fail
		return len(ids)
	}}, err
}
