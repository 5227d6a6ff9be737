package chat

import (
	"strings"
	"time"
)

// rule is how a family's template is recognised: by its own words, of which all
// that make the layout must be there, so that one that is only like it is not
// taken for it. The first rule of a name is what the name stands for.
type rule struct {
	name   string
	must   []string // of words
	not    []string
	tokens []string // that tell the family of a vocabulary without a template
	family family   // {bos}, {eos} and {date} stand for what the model has
}

// rules are tried in their order.
var rules = []rule{
	// SmolLM2, Qwen2.5 and many others. Phi-4 begins turns alike, but sets
	// <|im_sep|> after the role; some trim what is said.
	{name: "chatml", tokens: []string{"<|im_start|>", "<|im_end|>"},
		must:   []string{"'<|im_start|>' + message", "<|im_end|>", "<|im_start|>assistant\n'"},
		not:    []string{"<|im_sep|>", "|trim", ".strip()", "</think>"},
		family: family{answer: "<|im_start|>assistant\n", marks: [3]marks{{"<|im_start|>system\n", "<|im_end|>\n"}, {"<|im_start|>user\n", "<|im_end|>\n"}, {"<|im_start|>assistant\n", "<|im_end|>\n"}}}},
	// Qwen3. Later ones begin the answer with a thought.
	{name: "chatml",
		must:   []string{"'<|im_start|>' + message", "<|im_end|>", "<|im_start|>assistant\n'", ".split('</think>')[-1].lstrip('\n')"},
		not:    []string{"<|im_sep|>", "|trim", ".strip()", "<think>\n' }}", "<think>\n'}}"},
		family: family{answer: "<|im_start|>assistant\n", thoughts: true, marks: [3]marks{{"<|im_start|>system\n", "<|im_end|>\n"}, {"<|im_start|>user\n", "<|im_end|>\n"}, {"<|im_start|>assistant\n", "<|im_end|>\n"}}}},
	{name: "chatml",
		must:   []string{"'<|im_start|>' + message", "eos_token", "<|im_start|>assistant\n'"},
		not:    []string{"<|im_sep|>", "<|im_end|>", "|trim", ".strip()", "</think>"},
		family: family{answer: "<|im_start|>assistant\n", marks: [3]marks{{"<|im_start|>system\n", "{eos}\n"}, {"<|im_start|>user\n", "{eos}\n"}, {"<|im_start|>assistant\n", "{eos}\n"}}}},

	// Every question begins a text, and the first one has the system's words in it.
	{name: "llama2",
		must: []string{"bos_token + '[INST] ' + content.strip() + ' [/INST]'", "' ' + content.strip() + ' ' + eos_token",
			"'<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content']"},
		not: []string{"elif true"},
		family: family{place: inFirst, alternating: true, trimmed: [3]bool{userRole: true, modelRole: true},
			marks: [3]marks{{"<<SYS>>\n", "\n<</SYS>>\n\n"}, {"{bos}[INST] ", " [/INST]"}, {" ", " {eos}"}}}},

	{name: "llama3", tokens: []string{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
		must: []string{"'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'", "message['content']|trim + '<|eot_id|>'", "bos_token"},
		not:  []string{"Cutting Knowledge Date"},
		family: family{begin: "{bos}", answer: "<|start_header_id|>assistant<|end_header_id|>\n\n", trimmed: [3]bool{true, true, true},
			marks: [3]marks{{"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"}, {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"}, {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"}}}},
	// 3.1 to 3.3, which tell when they end to know things and what day it is.
	{name: "llama3",
		must: []string{"'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'", "message['content']|trim + '<|eot_id|>'", "bos_token",
			"'Cutting Knowledge Date: December 2023\n'", "'Today Date: ' + date_string + '\n\n'"},
		family: family{begin: "{bos}", answer: "<|start_header_id|>assistant<|end_header_id|>\n\n", always: true, trimmed: [3]bool{true, true, true},
			marks: [3]marks{{"<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: {date}\n\n", "<|eot_id|>"}, {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"}, {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"}}}},

	// Between Mistral's templates the spaces around the marks differ, and where a
	// system message goes.
	{name: "mistral", must: []string{"bos_token }}", "' [INST] ' + message['content'] + ' [/INST]'", "{- ' ' + message['content'] + eos_token", merged, "loop.first and system_message is defined"},
		family: family{begin: "{bos}", place: inFirst, alternating: true, marks: [3]marks{{"", "\n\n"}, {" [INST] ", " [/INST]"}, {" ", "{eos}"}}}},
	{name: "mistral", must: []string{"bos_token }}", "'[INST] ' + message['content'] + '[/INST]'", "{- ' ' + message['content']|trim + eos_token", merged, "loop.last and system_message is defined"},
		family: family{begin: "{bos}", place: inLast, alternating: true, trimmed: [3]bool{modelRole: true}, marks: [3]marks{{"", "\n\n"}, {"[INST] ", "[/INST]"}, {" ", "{eos}"}}}},
	{name: "mistral", must: []string{"bos_token }}", "'[INST]' + message['content'] + '[/INST]'", "{- message['content'] + eos_token", merged, "loop.last and system_message is defined"},
		family: family{begin: "{bos}", place: inLast, alternating: true, marks: [3]marks{{"", "\n\n"}, {"[INST]", "[/INST]"}, {"", "{eos}"}}}},
	{name: "mistral", must: []string{"bos_token }}", "'[INST] ' + message['content'] + ' [/INST]'", "{ message['content'] + eos_token + ' '", only},
		family: family{begin: "{bos}", place: inFirst, alternating: true, bad: only, marks: [3]marks{{"", "\n\n"}, {"[INST] ", " [/INST]"}, {"", "{eos} "}}}},
	{name: "mistral", must: []string{"bos_token }}", "'[INST] ' + message['content'] + ' [/INST]'", "{ message['content'] + eos_token", only},
		family: family{begin: "{bos}", place: inFirst, alternating: true, bad: only, marks: [3]marks{{"", "\n\n"}, {"[INST] ", " [/INST]"}, {"", "{eos}"}}}},
	{name: "mistral", must: []string{"bos_token }}", "'[INST] ' + message['content'] + '[/INST]'", "{ ' ' + message['content'] + eos_token", "'[SYSTEM_PROMPT] ' + message['content'] + '[/SYSTEM_PROMPT]'"},
		family: family{begin: "{bos}", marks: [3]marks{{"[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]"}, {"[INST] ", "[/INST]"}, {" ", "{eos}"}}}},

	{name: "zephyr",
		must: []string{"{{ '<|system|>\n' + message['content'] + eos_token }}\n", "{{ '<|user|>\n' + message['content'] + eos_token }}\n",
			"{{ '<|assistant|>\n' + message['content'] + eos_token }}\n", "{{ '<|assistant|>' }}\n", "{% endif %}\n"},
		family: family{answer: "<|assistant|>\n", marks: [3]marks{{"<|system|>\n", "{eos}\n"}, {"<|user|>\n", "{eos}\n"}, {"<|assistant|>\n", "{eos}\n"}}}},
}

const (
	merged = "system_message + '\n\n' + message['content']"
	only   = "Only user and assistant roles are supported!"
)

// named is the family that a name stands for, nil where it stands for none.
func (f *Format) named(name string) *family {
	for i := range rules {
		if rules[i].name == name {
			return f.filled(&rules[i], "")
		}
	}
	return nil
}

// byVocabulary is the family of a model without a template whose special tokens
// are a family's own, nil where they are of none.
func (f *Format) byVocabulary() *family {
	for i := range rules {
		r := &rules[i]
		there := 0
		for _, s := range r.tokens {
			if _, ok := f.tok.ID(s); ok {
				there++
			}
		}
		if there > 0 && there == len(r.tokens) {
			return f.filled(r, "")
		}
	}
	return nil
}

// byTemplate is the family of the model's template, nil where it is of none.
func (f *Format) byTemplate() *family {
	t := f.template
	for _, as := range [][2]string{{`\n`, "\n"}, {`"`, `'`}, {"  ", " "}, {" | ", "|"}, {"' + '", ""}} {
		t = written(t, as[0], as[1])
	}
next:
	for i := range rules {
		r := &rules[i]
		for _, s := range r.must {
			if !strings.Contains(t, s) {
				continue next
			}
		}
		for _, s := range r.not {
			if strings.Contains(t, s) {
				continue next
			}
		}
		date := between(t, "date_string = '", "'")
		if strings.Contains(t, "strftime_now('%d %b %Y')") {
			date = time.Now().Format("02 Jan 2006")
		}
		l := f.filled(r, date)
		if l != nil && r.name == "chatml" {
			l.system = between(t, "<|im_start|>system\n", "<|im_end|>")
		}
		return l
	}
	return nil
}

// filled is a rule's family with the tokens of the model, nil where it has none
// that ends a turn.
func (f *Format) filled(r *rule, date string) *family {
	l := r.family
	fill := func(s *string) {
		*s = written(written(written(*s, "{bos}", f.bos), "{eos}", f.eos), "{date}", date)
	}
	if strings.Contains(l.marks[modelRole].after, "{eos}") && f.eos == "" {
		return nil
	}
	fill(&l.begin)
	for i := range l.marks {
		fill(&l.marks[i].before)
		fill(&l.marks[i].after)
	}
	return &l
}

// written is text with one thing written as another.
func written(text, thing, as string) string { return strings.Join(strings.Split(text, thing), as) }

// between is the first text that stands between two marks in one of a template's
// strings.
func between(text, mark, end string) string {
	for {
		var found bool
		if _, text, found = strings.Cut(text, mark); !found {
			return ""
		}
		if s, _, found := strings.Cut(text, end); found && s != "" && !strings.ContainsAny(s, "'{}") {
			return s
		}
	}
}

// Families are the names of the families of templates that are known.
func Families() []string {
	var names []string
	for i := range rules {
		if n := len(names); n == 0 || names[n-1] != rules[i].name {
			names = append(names, rules[i].name)
		}
	}
	return names
}
