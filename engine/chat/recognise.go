package chat

import (
	"strings"
	"time"
)

// byTemplate is the family of a template that is recognised by its own words, nil
// where it is not. It must have all that makes the layout: one that is only like
// a family's is not taken for it.
func (f *Format) byTemplate() *family {
	t := f.template
	for _, r := range [][2]string{{`\n`, "\n"}, {`"`, `'`}, {"  ", " "}} {
		t = strings.Join(strings.Split(t, r[0]), r[1])
	}
	w := words(t)
	switch {
	case w.have(imStart):
		return f.recogniseChatML(w)
	case w.have(headerStart):
		return f.recogniseLlama3(w)
	case w.have("<<SYS>>"):
		return f.recogniseLlama2(w)
	case w.have("[INST]"):
		return f.recogniseMistral(w)
	case w.have("<|user|>"):
		return f.recogniseZephyr(w)
	}
	return nil
}

// words are a chat template's text with the quotes and line breaks of its strings
// written in one way.
type words string

// have tells whether all are there.
func (w words) have(all ...string) bool {
	for _, s := range all {
		if !strings.Contains(string(w), s) {
			return false
		}
	}
	return true
}

// any tells whether some are there.
func (w words) any(some ...string) bool {
	for _, s := range some {
		if w.have(s) {
			return true
		}
	}
	return false
}

// between is the first text that stands between two marks in one of the
// template's strings.
func (w words) between(mark, end string) string {
	rest := string(w)
	for {
		var found bool
		if _, rest, found = strings.Cut(rest, mark); !found {
			return ""
		}
		if s, _, found := strings.Cut(rest, end); found && s != "" && !strings.ContainsAny(s, "'{}") {
			return s
		}
	}
}

// Phi-4 begins turns as ChatML does, but sets <|im_sep|> after the role; some trim
// what is said or begin the answer with a thought.
func (f *Format) recogniseChatML(w words) *family {
	end := imEnd
	if !w.have(imEnd) {
		end = f.eos
	}
	l := chatML(end)
	l.system = w.between("<|im_start|>system\n", imEnd)
	l.thoughts = w.have(".split('</think>')[-1].lstrip('\n')")
	if end == "" || w.any("<|im_sep|>", "|trim", "| trim", "content.strip()", "'].strip()", "<think>\n' }}", "<think>\n'}}") ||
		!w.any("<|im_start|>assistant\n'", "<|im_start|>assistant' + '\n'") || w.have(endOfThought) != l.thoughts {
		return nil
	}
	return l
}

func (f *Format) recogniseLlama3(w words) *family {
	date := ""
	if w.have("Cutting Knowledge Date") {
		if date = w.between("date_string = '", "'"); w.have("strftime_now('%d %b %Y')") {
			date = time.Now().Format("02 Jan 2006")
		}
		if date == "" || !w.have("'Cutting Knowledge Date: December 2023\n'", "'Today Date: ' + date_string + '\n\n'") {
			return nil
		}
	}
	if !w.have(headerEnd+"\n\n", eot) || !w.any("content'] | trim", "content']|trim") {
		return nil
	}
	return f.llama3(date)
}

func (f *Format) recogniseLlama2(w words) *family {
	if f.bos == "" || f.eos == "" || w.have("elif true") || !w.have("bos_token + '[INST] ' + content.strip() + ' [/INST]'",
		"' ' + content.strip() + ' ' + eos_token", "'<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content']") {
		return nil
	}
	return f.llama2()
}

// Between the versions of Mistral's templates the spaces around the marks differ,
// and where a system message goes.
func (f *Format) recogniseMistral(w words) *family {
	var l *family
	for _, open := range []string{" [INST] ", "[INST] ", "[INST]"} {
		for _, shut := range []string{" [/INST]", "[/INST]"} {
			if l == nil && w.have("'"+open+"' + message['content'] + '"+shut+"'") {
				l = f.mistral(open, shut, "", f.eos)
			}
		}
	}
	if l == nil || f.bos == "" || f.eos == "" || !w.any("{ bos_token }", "{- bos_token }") {
		return nil
	}
	answer := &l.marks[modelRole]
	switch {
	case w.have("' ' + message['content']|trim + eos_token"):
		answer.before, l.trimmed[modelRole] = " ", true
	case w.have("' ' + message['content'] + eos_token"):
		answer.before = " "
	case !w.any("{ message['content'] + eos_token", "{- message['content'] + eos_token"):
		return nil
	}
	if w.have("eos_token + ' '") {
		answer.after += " "
	}
	const merged = "system_message + '\n\n' + message['content']"
	const only = "Only user and assistant roles are supported!"
	switch {
	case w.have("loop.last and system_message is defined", merged):
		l.place = inLast
	case w.have("loop.first and system_message is defined", merged):
	case w.have("'[SYSTEM_PROMPT] ' + message['content'] + '[/SYSTEM_PROMPT]'"):
		l.place, l.alternating = apart, false
		l.marks[systemRole] = marks{"[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]"}
	case w.have(only):
		l.bad = only
	default:
		return nil
	}
	return l
}

func (f *Format) recogniseZephyr(w words) *family {
	for _, role := range roles {
		if !w.have("{{ '<|" + role + "|>\n' + message['content'] + eos_token }}\n") {
			return nil
		}
	}
	if f.eos == "" || !w.have("{{ '<|assistant|>' }}\n", "{% endif %}\n") {
		return nil
	}
	return f.zephyr()
}
