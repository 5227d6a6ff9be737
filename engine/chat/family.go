package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// layout lays out a conversation as a family of templates does.
type layout func(b *builder, messages []Message) error

// families are the templates that are laid out without being run, each in the
// variant that its name alone stands for.
var families = []struct {
	name string
	make func(f *Format) layout
}{
	{"chatml", func(f *Format) layout { return chatML{end: imEnd}.lay }},
	{"llama2", func(f *Format) layout { return llama2{f.bos, f.eos}.lay }},
	{"llama3", func(f *Format) layout { return llama3{bos: f.bos}.lay }},
	{"mistral", func(f *Format) layout {
		return mistral{bos: f.bos, open: " [INST] ", shut: " [/INST]", system: inFirst, before: " ", after: f.eos}.lay
	}},
	{"zephyr", func(f *Format) layout { return zephyr{f.eos}.lay }},
}

// Families are the names of the families of templates that are known.
func Families() []string {
	var names []string
	for _, f := range families {
		names = append(names, f.name)
	}
	return names
}

// laid makes a layout one of a format.
func (f *Format) laid(l layout) func([]Message) ([]Piece, error) {
	return func(messages []Message) ([]Piece, error) {
		b := builder{tok: f.tok}
		err := l(&b, messages)
		return b.pieces, err
	}
}

func (f *Format) byName(name string) (func([]Message) ([]Piece, error), bool) {
	for _, known := range families {
		if known.name == name {
			return f.laid(known.make(f)), true
		}
	}
	return nil, false
}

// byVocabulary is the format of a model without a template whose special tokens
// are a family's own.
func (f *Format) byVocabulary() (func([]Message) ([]Piece, error), error) {
	for _, family := range []struct {
		name   string
		tokens []string
	}{{"chatml", []string{imStart, imEnd}}, {"llama3", []string{headerStart, headerEnd, eot}}} {
		if !slices.ContainsFunc(family.tokens, func(s string) bool { _, ok := f.tok.ID(s); return !ok }) {
			lay, _ := f.byName(family.name)
			return lay, nil
		}
	}
	return nil, fmt.Errorf("it has no chat template; one must be given, in Jinja or as a name: %s", strings.Join(Families(), ", "))
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
type chatML struct {
	end      string // of a turn
	system   string // said where the conversation has no system message
	thoughts bool   // what was thought before earlier answers is left out
}

func (c chatML) lay(b *builder, messages []Message) error {
	if c.system != "" && messages[0].Role != "system" {
		messages = slices.Insert(slices.Clone(messages), 0, Message{"system", c.system})
	}
	for _, m := range messages {
		said := m.Content
		if i := strings.LastIndex(said, "</think>"); c.thoughts && m.Role == "assistant" && i >= 0 {
			said = strings.TrimLeft(said[i+len("</think>"):], "\n")
		}
		b.own(imStart + m.Role + "\n").said(said).own(c.end + "\n")
	}
	b.own(imStart + "assistant\n")
	return nil
}

// llama3 is the layout of Llama 3, and with a date of 3.1 to 3.3, which tell
// when they end to know things and what day it is.
type llama3 struct {
	bos  string
	date func() string
}

func (l llama3) lay(b *builder, messages []Message) error {
	b.own(l.bos)
	head := func(role string) *builder { return b.own(headerStart + role + headerEnd + "\n\n") }
	if l.date != nil {
		head("system").own("Cutting Knowledge Date: December 2023\nToday Date: " + l.date() + "\n\n")
		if messages[0].Role == "system" {
			b.said(strings.TrimSpace(messages[0].Content))
			messages = messages[1:]
		}
		b.own(eot)
	}
	for _, m := range messages {
		head(m.Role).said(strings.TrimSpace(m.Content)).own(eot)
	}
	head("assistant")
	return nil
}

// today is the date as Llama 3.2 has it.
func today() string { return time.Now().Format("02 Jan 2006") }

// alternating splits a conversation of a family whose turns alternate into what
// the system says and the turns.
func alternating(messages []Message) (system string, turns []Message, err error) {
	if messages[0].Role == "system" {
		system, messages = messages[0].Content, messages[1:]
	}
	for i, m := range messages {
		if (m.Role == "user") != (i%2 == 0) || m.Role == "system" {
			return "", nil, fmt.Errorf("turn %d is the %s's, expected user and assistant in turns, after one system message at most", i+1, m.Role)
		}
	}
	return system, messages, nil
}

// llama2 is the layout of Llama 2: every question begins a text, and the first
// one has the system's words in it.
type llama2 struct{ bos, eos string }

func (l llama2) lay(b *builder, messages []Message) error {
	system, turns, err := alternating(messages)
	for i, m := range turns {
		said := strings.TrimSpace(m.Content)
		switch {
		case m.Role == "assistant":
			b.own(" ").said(said).own(" " + l.eos)
			continue
		case i == 0 && messages[0].Role == "system":
			// Nothing is trimmed that stands after the marks but at the end.
			said = strings.TrimRightFunc(m.Content, unicode.IsSpace)
			b.own(l.bos + "[INST] <<SYS>>\n").said(system).own("\n<</SYS>>\n\n")
		default:
			b.own(l.bos + "[INST] ")
		}
		b.said(said).own(" [/INST]")
	}
	return err
}

// place is where a system message goes.
type place int

const (
	nowhere place = iota // the template refuses it
	inFirst              // before the first question
	inLast               // before the last question
	apart                // in marks of its own
)

// mistral is the layout of Mistral's models, of which there are several.
type mistral struct {
	bos           string
	open, shut    string // around a question
	system        place
	before, after string // around an answer
	trim          bool   // of answers
}

func (l mistral) lay(b *builder, messages []Message) error {
	var system string
	given, err := false, error(nil)
	if l.system != apart {
		given = messages[0].Role == "system"
		system, messages, err = alternating(messages)
	}
	if given && l.system == nowhere {
		return errors.New("the model's chat template takes no system message")
	}
	b.own(l.bos)
	for i, m := range messages {
		switch m.Role {
		case "system":
			b.own("[SYSTEM_PROMPT] ").said(m.Content).own("[/SYSTEM_PROMPT]")
		case "assistant":
			said := m.Content
			if l.trim {
				said = strings.TrimSpace(said)
			}
			b.own(l.before).said(said).own(l.after)
		default:
			b.own(l.open)
			if given && (l.system == inFirst && i == 0 || l.system == inLast && i == len(messages)-1) {
				b.said(system).own("\n\n")
			}
			b.said(m.Content).own(l.shut)
		}
	}
	return err
}

// zephyr is the layout of Zephyr and TinyLlama.
type zephyr struct{ eos string }

func (z zephyr) lay(b *builder, messages []Message) error {
	for _, m := range messages {
		b.own("<|" + m.Role + "|>\n").said(m.Content).own(z.eos + "\n")
	}
	b.own("<|assistant|>\n")
	return nil
}
