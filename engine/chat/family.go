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

// names are the families that can be named.
var names = []string{"chatml", "llama2", "llama3", "mistral", "zephyr"}

// Families are the names of the families of templates that are known.
func Families() []string { return append([]string(nil), names...) }

// named is the family that a name stands for, nil where it stands for none.
func (f *Format) named(name string) *family {
	switch name {
	case "chatml":
		return chatML(imEnd)
	case "llama2":
		return f.llama2()
	case "llama3":
		return f.llama3("")
	case "mistral":
		return f.mistral(" [INST] ", " [/INST]", " ", f.eos)
	case "zephyr":
		return f.zephyr()
	}
	return nil
}

// byVocabulary is the family of a model without a template whose special tokens
// are a family's own.
func (f *Format) byVocabulary() *family {
	has := func(tokens ...string) bool {
		for _, s := range tokens {
			if _, ok := f.tok.ID(s); !ok {
				return false
			}
		}
		return true
	}
	switch {
	case has(imStart, imEnd):
		return f.named("chatml")
	case has(headerStart, headerEnd, eot):
		return f.named("llama3")
	}
	return nil
}

// The special tokens of ChatML and Llama-3.
const (
	imStart     = "<|im_start|>"
	imEnd       = "<|im_end|>"
	headerStart = "<|start_header_id|>"
	headerEnd   = "<|end_header_id|>"
	eot         = "<|eot_id|>"
)

// chatML is the layout of SmolLM2, Qwen2.5, Qwen3 and many others.
func chatML(end string) *family {
	l := &family{answer: imStart + "assistant\n"}
	for i, r := range roles {
		l.marks[i] = marks{imStart + r + "\n", end + "\n"}
	}
	return l
}

// llama3 is the layout of Llama 3, and with a date of 3.1 to 3.3, which tell
// when they end to know things and what day it is.
func (f *Format) llama3(date string) *family {
	const after = headerEnd + "\n\n"
	l := &family{begin: f.bos, answer: headerStart + "assistant" + after, always: date != "", trimmed: [3]bool{true, true, true}}
	for i, r := range roles {
		l.marks[i] = marks{headerStart + r + after, eot}
	}
	if date != "" {
		l.marks[systemRole].before += "Cutting Knowledge Date: December 2023\nToday Date: " + date + "\n\n"
	}
	return l
}

// llama2 is the layout of Llama 2: every question begins a text, and the first
// one has the system's words in it.
func (f *Format) llama2() *family {
	l := f.mistral(f.bos+"[INST] ", " [/INST]", " ", " "+f.eos)
	l.begin, l.marks[systemRole] = "", marks{"<<SYS>>\n", "\n<</SYS>>\n\n"}
	l.trimmed = [3]bool{false, true, true}
	return l
}

// mistral is the layout of Mistral's models, of which there are several: with
// marks around questions and answers.
func (f *Format) mistral(open, shut, before, after string) *family {
	return &family{begin: f.bos, place: inFirst, alternating: true, marks: [3]marks{{"", "\n\n"}, {open, shut}, {before, after}}}
}

// zephyr is the layout of Zephyr and TinyLlama.
func (f *Format) zephyr() *family {
	l := &family{answer: "<|assistant|>\n"}
	for i, r := range roles {
		l.marks[i] = marks{"<|" + r + "|>\n", f.eos + "\n"}
	}
	return l
}
