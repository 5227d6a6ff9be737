package chat

import "strings"

// byTemplate is the layout of a template that is recognised by its own words. It
// must have all that makes the layout: one that is only like a family's is not
// taken for it.
func (f *Format) byTemplate() (func([]Message) ([]Piece, error), bool) {
	t := template(strings.NewReplacer(`\n`, "\n", `"`, `'`, `  `, ` `).Replace(f.template))
	var l layout
	switch {
	case t.has("<|im_start|>"):
		l = t.chatML(f)
	case t.has("<|start_header_id|>"):
		l = t.llama3(f)
	case t.has("<<SYS>>"):
		l = t.llama2(f)
	case t.has("[INST]"):
		l = t.mistral(f)
	case t.has("<|user|>"):
		l = t.zephyr(f)
	}
	return f.laid(l), l != nil
}

// template is a chat template's text with all quotes and line breaks of its
// strings written in one way.
type template string

func (t template) has(all ...string) bool {
	for _, s := range all {
		if !strings.Contains(string(t), s) {
			return false
		}
	}
	return true
}

func (t template) any(some ...string) bool {
	for _, s := range some {
		if t.has(s) {
			return true
		}
	}
	return false
}

// chatML: Phi-4 begins turns alike, but sets <|im_sep|> after the role; some trim
// what is said or begin the answer with a thought.
func (t template) chatML(f *Format) layout {
	c := chatML{end: imEnd, system: t.between("<|im_start|>system\n", imEnd), thoughts: t.has(".split('</think>')[-1].lstrip('\n')")}
	if !t.has(imEnd) {
		c.end = f.eos
	}
	if c.end == "" || t.any("<|im_sep|>", "|trim", "| trim", "content.strip()", "'].strip()", "<think>\n' }}", "<think>\n'}}") ||
		!t.any("<|im_start|>assistant\n'", "<|im_start|>assistant' + '\n'") || t.has("</think>") != c.thoughts {
		return nil
	}
	return c.lay
}

// between is the first text that stands between two marks in one of the
// template's strings.
func (t template) between(mark, end string) string {
	rest := string(t)
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

func (t template) llama3(f *Format) layout {
	l := llama3{bos: f.bos}
	if !t.has(headerEnd+"\n\n", eot) || !t.any("content'] | trim", "content']|trim") {
		return nil
	}
	if t.has("Cutting Knowledge Date") {
		switch date := t.between("date_string = '", "'"); {
		case !t.has("'Cutting Knowledge Date: December 2023\n'", "'Today Date: ' + date_string + '\n\n'"):
			return nil
		case t.has("strftime_now('%d %b %Y')"):
			l.date = today
		case date != "":
			l.date = func() string { return date }
		default:
			return nil
		}
	}
	return l.lay
}

func (t template) llama2(f *Format) layout {
	if f.bos == "" || f.eos == "" || t.has("elif true") || !t.has("bos_token + '[INST] ' + content.strip() + ' [/INST]'",
		"' ' + content.strip() + ' ' + eos_token", "'<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content']") {
		return nil
	}
	return llama2{f.bos, f.eos}.lay
}

// mistral: the spaces around the marks, and where a system message goes, differ
// between versions.
func (t template) mistral(f *Format) layout {
	l := mistral{bos: f.bos, after: f.eos}
	question := false
	for _, open := range []string{" [INST] ", "[INST] ", "[INST]"} {
		for _, shut := range []string{" [/INST]", "[/INST]"} {
			if !question && t.has("'"+open+"' + message['content'] + '"+shut+"'") {
				l.open, l.shut, question = open, shut, true
			}
		}
	}
	switch {
	case t.has("' ' + message['content']|trim + eos_token"):
		l.before, l.trim = " ", true
	case t.has("' ' + message['content'] + eos_token"):
		l.before = " "
	case t.has("{ message['content'] + eos_token"), t.has("{- message['content'] + eos_token"):
	default:
		return nil
	}
	if t.has("eos_token + ' '") {
		l.after += " "
	}
	switch merged := "system_message + '\n\n' + message['content']"; {
	case t.has("loop.last and system_message is defined", merged):
		l.system = inLast
	case t.has("loop.first and system_message is defined", merged):
		l.system = inFirst
	case t.has("'[SYSTEM_PROMPT] ' + message['content'] + '[/SYSTEM_PROMPT]'"):
		l.system = apart
	case !t.has("Only user and assistant roles are supported!"):
		return nil
	}
	if !question || f.bos == "" || f.eos == "" || !t.has("{ bos_token }") && !t.has("{- bos_token }") {
		return nil
	}
	return l.lay
}

func (t template) zephyr(f *Format) layout {
	for _, role := range roles {
		if !t.has("{{ '<|" + role + "|>\n' + message['content'] + eos_token }}\n") {
			return nil
		}
	}
	if f.eos == "" || !t.has("{{ '<|assistant|>' }}\n") || !t.has("{% endif %}\n") {
		return nil
	}
	return zephyr{f.eos}.lay
}
