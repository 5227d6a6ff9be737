package chat

import (
	"fmt"
	"strings"
	"unicode"
)

// family is how the templates of a family lay a conversation out: marks around
// what each says, and what is done with it.
type family struct {
	begin  string   // of a conversation
	marks  [3]marks // by role
	answer string   // opens the answer
	bad    string   // why a system message is refused, "" where it is not

	system      string // said where the conversation has no system message
	always      bool   // there is a system message, be it empty
	place       place  // of the system message
	alternating bool   // user and model must speak in turns
	trimmed     [3]bool
	thoughts    bool // what was thought before earlier answers is left out
}

type marks struct{ before, after string }

// place is where a system message goes.
type place uint8

const (
	apart   place = iota // a turn of its own
	inFirst              // in the first question, with its marks
	inLast               // in the last one
)

// The indices of roles.
const (
	systemRole = iota
	userRole
	modelRole
)

func roleOf(m Message) int {
	for i, r := range roles {
		if m.Role == r {
			return i
		}
	}
	return -1
}

// lay lays messages out.
func (l *family) lay(b *builder, messages []Message) error {
	told := messages[0].Role == roles[systemRole]
	switch {
	case told && l.bad != "":
		return fmt.Errorf("the model's chat template takes no system message: %s", l.bad)
	case !told && (l.always || l.system != ""):
		messages = append([]Message{{roles[systemRole], l.system}}, messages...)
	}
	system := ""
	b.own(l.begin)
	turn := 0
	for i, m := range messages {
		role := roleOf(m)
		if i == 0 && role == systemRole && l.place != apart {
			system = m.Content
			continue
		}
		if l.alternating && role != userRole+turn%2 {
			return fmt.Errorf("turn %d is the %s's, expected user and assistant in turns, after one system message at most", turn+1, m.Role)
		}
		b.own(l.marks[role].before)
		said, trim := m.Content, l.trimmed[role]
		if told && role == userRole && (l.place == inFirst && turn == 0 || l.place == inLast && i == len(messages)-1) {
			b.own(l.marks[systemRole].before)
			b.said(system)
			b.own(l.marks[systemRole].after)
			if trim { // the question with the marks in it
				said, trim = strings.TrimRightFunc(said, unicode.IsSpace), false
			}
		}
		if trim {
			said = strings.TrimSpace(said)
		}
		if at := strings.LastIndex(said, endOfThought); l.thoughts && role == modelRole && at >= 0 {
			said = said[at+len(endOfThought):]
			for strings.HasPrefix(said, "\n") {
				said = said[1:]
			}
		}
		b.said(said)
		b.own(l.marks[role].after)
		turn++
	}
	b.own(l.answer)
	return nil
}

const endOfThought = "</think>"
