package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tokenselect/web"
)

// result is what a command did.
type result struct {
	status   int
	out, err string
}

// tokenselect runs the command with input on standard input.
func tokenselect(t *testing.T, input string, terminal bool, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	status := run(context.Background(), args, stdio{strings.NewReader(input), &out, &err, terminal, terminal})
	return result{status, out.String(), err.String()}
}

// file writes text to a file of its own and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const document = "In Porto a clerk sold a yellow glove. Felix Ellis is 64 years old. Ada Dixon keeps a fox at home. It was a tall day, and the gardener went home early."

// TestBadInput: every mistake ends with the right status and words that name
// what was found and what was expected.
func TestBadInput(t *testing.T) {
	_, model := web.DefaultModel()
	damaged := append([]byte(nil), model[:len(model)/2]...)
	absent := filepath.Join(t.TempDir(), "absent.gguf")
	for _, c := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no command", nil, 2, "Commands:"},
		{"unknown command", []string{"rum"}, 2, `unknown command "rum"`},
		{"unknown flag", []string{"run", "-polcy", "dense", "q"}, 2, "-polcy"},
		{"unknown policy", []string{"run", "-policy", "sparse", "q"}, 2, `policy "sparse", expected tokenselect, dense, window`},
		{"unknown device", []string{"run", "-device", "tpu", "q"}, 2, `"tpu", expected auto, `},
		{"unknown cache", []string{"run", "-kv", "int4", "q"}, 2, `flag -kv: kernels: cache of type "int4", expected f16 or f32`},
		{"k of 0", []string{"run", "-k", "0", "q"}, 2, "k is 0, expected at least 1"},
		{"negative k", []string{"run", "-k", "-5", "q"}, 2, "k is -5, expected 0 to"},
		{"negative n_local", []string{"run", "-n-local", "-1", "q"}, 2, "n_local is -1"},
		{"negative n_init", []string{"run", "-n-init", "-1", "q"}, 2, "n_init is -1"},
		{"chunk of 0", []string{"run", "-chunk", "0", "q"}, 2, "chunk is 0, expected 1 to"},
		{"theta of 2", []string{"run", "-theta", "2", "q"}, 2, "theta is 2"},
		{"even pool", []string{"run", "-pool", "4", "q"}, 2, "pool is 4, expected 0 (no neighbours) or an odd number up to 17"},
		{"paper's chunk", []string{"run", "-policy", "paper", "-n-local", "128", "q"}, 2, "chunk is 256, expected at most n_local, 128"},
		{"not a number", []string{"run", "-k", "many", "q"}, 2, `"many"`},
		{"negative temperature", []string{"run", "-temperature", "-1", "q"}, 2, "-temperature -1, expected 0 or more"},
		{"no end of JSON", []string{"run", "-endless", "-json-schema", "{}", "q"}, 2, "-endless with -json-schema"},
		{"no tokens", []string{"run", "-max-tokens", "0", "q"}, 2, "-max-tokens 0, expected 1 to"},
		{"negative context", []string{"run", "-context", "-1", "q"}, 2, "-context -1, expected 0 (as needed) to"},
		{"context beyond numbers", []string{"run", "-context", "9223372036854775807", "q"}, 2, "-context 9223372036854775807, expected 0"},
		{"negative top-k", []string{"run", "-top-k", "-1", "q"}, 2, "-top-k -1, expected 0 (all)"},
		{"top-p of 2", []string{"run", "-top-p", "2", "q"}, 2, "-top-p 2, expected 0 (all) to 1"},
		{"top-p of NaN", []string{"run", "-top-p", "nan", "q"}, 2, "-top-p NaN"},
		{"top-k without temperature", []string{"run", "-top-k", "40", "q"}, 2, "-top-k 40 without -temperature"},
		{"top-p without temperature", []string{"run", "-top-p", "0.9", "q"}, 2, "-top-p 0.9 without -temperature"},
		{"arguments of version", []string{"version", "1"}, 2, "1 arguments, expected none"},
		{"negative penalty", []string{"run", "-repetition-penalty", "-1", "q"}, 2, "-repetition-penalty -1, expected more than 0"},
		{"penalty of 0", []string{"run", "-repetition-penalty", "0", "q"}, 2, "-repetition-penalty 0, expected more than 0"},
		{"cache of info", []string{"info", "-kv", "f64"}, 2, "flag -kv"},
		{"cache of demo", []string{"demo", "-kv", "f64"}, 2, "flag -kv"},
		{"cache of bench", []string{"bench", "-kv", "f64"}, 2, "flag -kv"},
		{"bench policy", []string{"bench", "-policies", "dense,foo"}, 2, `-policies "dense,foo": "foo", expected of tokenselect, dense`},
		{"bench device", []string{"bench", "-devices", "cpu,foo"}, 2, `-devices "foo", expected auto`},
		{"bench second CPU", []string{"bench", "-devices", "cpu:1", "-depths", "99"}, 2, "-devices cpu:1, expected cpu"},
		{"context too short", []string{"run", "-context", "10", "-file", file(t, "a.txt", document), "q"}, 1, "the context is 10"},
		{"schema that is no JSON", []string{"run", "-device", "cpu", "-json-schema", "{", "q"}, 2, "-json-schema: grammar: the schema is not JSON"},
		{"schema that is not kept to", []string{"run", "-device", "cpu", "-json-schema", file(t, "s.json", `{"not":{}}`), "q"}, 2, `#/not: the keyword "not" is not supported`},
		{"absent schema", []string{"run", "-device", "cpu", "-json-schema", "no/such/schema.json", "q"}, 1, "no/such/schema.json"},
		{"flag after the question", []string{"run", "Who?", "-file", "a.txt"}, 2, "-file after the question: flags come before it"},
		{"flag with a value after the question", []string{"run", "Who", "is", "it?", "--k=4"}, 2, "--k=4 after the question"},
		{"two questions", []string{"run", "Who is it?", "How old?"}, 2, "2 arguments after the flags"},
		{"model without a name", []string{"run", "-model", "", "q"}, 2, "-model: it is empty"},
		{"empty model of a trace", []string{"trace", "-model", "", "-o", "x"}, 2, "-model: it is empty"},
		{"empty MODEL", []string{"info", ""}, 2, "MODEL is empty"},
		{"empty schema", []string{"run", "-json-schema", "", "q"}, 2, "-json-schema: it is empty"},
		{"empty document", []string{"run", "-file", file(t, "none.txt", ""), "q"}, 1, "none.txt: the document is empty"},
		{"blank document", []string{"run", "-raw", "-file", file(t, "d.txt", document), "-file", file(t, "blank.txt", " \n\t"), "q"}, 1, "blank.txt: the document is empty"},
		{"nothing on standard input", []string{"run", "-file", "-", "q"}, 1, "-file -: the document is empty"},
		{"standard input twice", []string{"run", "-file", "-", "-file", "-", "q"}, 2, "-file: standard input can be read once"},
		{"no question", []string{"run", "-file", file(t, "b.txt", document)}, 2, "no question"},
		{"raw with a system message", []string{"run", "-raw", "-system", "Be brief.", "q"}, 2, "-raw with -system or -template"},
		{"absent template", []string{"run", "-template", "alpaca", "q"}, 1, "none of chatml, llama2, llama3, mistral, zephyr"},
		{"empty template", []string{"run", "-template", file(t, "empty.jinja", ""), "q"}, 1, "empty.jinja is empty"},
		{"no template", []string{"run", "-device", "cpu", "-template", file(t, "bad.jinja", "{% for"), "q"}, 1, "-template says how, -raw continues"},
		{"absent template to serve", []string{"serve", "-addr", "127.0.0.1:0", "-template", "alpaca"}, 1, "none of chatml, llama2, llama3, mistral, zephyr"},
		{"absent document", []string{"run", "-file", "no/such/file.txt", "q"}, 1, "no/such/file.txt"},
		{"absent model", []string{"run", "-model", absent, "q"}, 1, absent},
		{"empty model", []string{"info", file(t, "empty.gguf", "")}, 1, "empty.gguf"},
		{"truncated model", []string{"info", file(t, "half.gguf", string(damaged))}, 1, "half.gguf"},
		{"not a model", []string{"info", file(t, "page.html", "<html>")}, 1, "expected \"GGUF\""},
		{"two models", []string{"info", "a", "b"}, 2, "2 arguments"},
		{"context without bounds", []string{"info", "-context", "9223372036854775807"}, 2, "-context 9223372036854775807, expected 1 to 268435456"},
		{"demo without bounds", []string{"demo", "-tokens", "99999999999999"}, 2, "-tokens 99999999999999 -facts 5, expected 100 to 268435456 tokens"},
		{"demo without memory", []string{"demo", "-device", "cpu", "-tokens", "268435456"}, 1, "-tokens 268435456, expected at most "},
		{"bench without bounds", []string{"bench", "-depths", "1K,9223372036854775807"}, 2, `"9223372036854775807" is too large`},
		{"bench without memory", []string{"bench", "-devices", "cpu", "-depths", "1K,256M"}, 1, "-depths 268435456, expected at most "},
		{"bench of random weights without memory", []string{"bench", "-model", "random:tiny", "-devices", "cpu", "-depths", "256M"}, 1, "-depths 268435456, expected at most "},
		{"context of 0", []string{"info", "-context", "0"}, 2, "-context 0"},
		{"convert one argument", []string{"convert", "a"}, 2, "1 arguments, expected IN"},
		{"convert to q4_k", []string{"convert", "-type", "q4_k", "a", "b"}, 2, `"q4_k", expected q8_0, q4_0, f16, bf16 or f32`},
		{"convert to 8 bits of safetensors", []string{"convert", "-type", "q8_0", "a", "b.safetensors"}, 2, `"q8_0" for a file of safetensors, expected f16`},
		{"convert random and IN", []string{"convert", "-random", "tiny", "a", "b"}, 2, "2 arguments with -random"},
		{"convert no such shape", []string{"convert", "-random", "huge", "b"}, 2, `-random "huge"`},
		{"convert nothing", []string{"convert", absent, filepath.Join(t.TempDir(), "out.gguf")}, 1, absent},
		{"bench depths", []string{"bench", "-depths", "12,x"}, 2, `"X", expected numbers of tokens`},
		{"bench shape", []string{"bench", "-model", "random:huge", "-devices", "cpu"}, 2, `"huge", expected of needle-16m, qwen2.5-1.5b`},
		{"bench attention policy", []string{"bench", "-attention", "-devices", "cpu", "-policies", "dense,ntk"}, 2, `"ntk", expected of dense, tokenselect`},
		{"bench attention budgets", []string{"bench", "-attention", "-devices", "cpu", "-policies", "infllm", "-k", "64"}, 2, "infllm block is 128"},
		{"bench matvec shape", []string{"bench", "-matvec", "-shapes", "tiny,huge"}, 2, `"huge"`},
		{"bench both parts", []string{"bench", "-matvec", "-attention"}, 2, "one of them"},
		{"bench shapes of nothing", []string{"bench", "-shapes", "tiny"}, 2, "-shapes belongs"},
		{"bench nothing", []string{"bench", "-decode", "0"}, 2, "-decode 0"},
		{"bench of something", []string{"bench", "extra"}, 2, `"extra" after the flags`},
		{"demo of something", []string{"demo", "extra"}, 2, `"extra" after the flags`},
		{"demo facts", []string{"demo", "-facts", "0"}, 2, "-facts 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := tokenselect(t, "", false, c.args...)
			if r.status != c.status || !strings.Contains(r.err, c.want) {
				t.Errorf("status %d, expected %d; said %q, expected %q in it", r.status, c.status, r.err, c.want)
			}
			if strings.Contains(r.err, "goroutine") {
				t.Errorf("a stack trace: %s", r.err)
			}
		})
	}
}

// TestMemory asks for more context than any machine has: refused before it is
// taken.
func TestMemory(t *testing.T) {
	r := tokenselect(t, "", false, "run", "-device", "cpu", "-context", "200000000", "-file", file(t, "a.txt", document), "What does Ada Dixon keep?")
	if r.status != 1 || !strings.Contains(r.err, "memory") {
		t.Errorf("status %d, said %q; expected 1 and words about memory", r.status, r.err)
	}
}

func TestHelp(t *testing.T) {
	r := tokenselect(t, "", false, "-h")
	if r.status != 0 || !strings.Contains(r.out, "tokenselect run") {
		t.Errorf("-h: status %d, printed %q", r.status, r.out)
	}
	for _, c := range commands() {
		r := tokenselect(t, "", false, c.name, "-h")
		if r.status != 0 || !strings.Contains(r.out, "usage: tokenselect "+c.name) || r.err != "" {
			t.Errorf("%s -h: status %d, printed %q and %q", c.name, r.status, r.out, r.err)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, spelling := range []string{"version", "-version", "--version"} {
		r := tokenselect(t, "", false, spelling)
		if r.status != 0 || !regexp.MustCompile(`^tokenselect \S.*, go\S+, `+runtime.GOOS+"/"+runtime.GOARCH+"\n$").MatchString(r.out) {
			t.Errorf("%s: status %d, printed %q", spelling, r.status, r.out)
		}
	}
}

func TestRun(t *testing.T) {
	path := file(t, "doc.txt", document)
	r := tokenselect(t, "", false, "run", "-device", "cpu", "-file", path, "Which animal does Ada Dixon keep?")
	if r.status != 0 || r.out != "Ada Dixon keeps a fox.\n" || r.err != "" {
		t.Errorf("status %d, answered %q, said %q", r.status, r.out, r.err)
	}
	r = tokenselect(t, "", false, "run", "-v", "-device", "cpu", "-policy", "dense", "-file", path, "How old is Felix Ellis?")
	if r.status != 0 || !strings.Contains(r.out, "64") || !strings.Contains(r.err, "dense on") || !strings.Contains(r.err, "tok") {
		t.Errorf("-v: status %d, answered %q, said %q", r.status, r.out, r.err)
	}
	r = tokenselect(t, document, false, "run", "-device", "cpu", "-file", "-", "Which", "animal", "does", "Ada", "Dixon", "keep?")
	if r.status != 0 || r.out != "Ada Dixon keeps a fox.\n" {
		t.Errorf("standard input: status %d, answered %q, said %q", r.status, r.out, r.err)
	}
}

func TestRunJSON(t *testing.T) {
	r := tokenselect(t, "", false, "run", "-json", "-device", "cpu", "-file", file(t, "doc.txt", document), "Which animal does Ada Dixon keep?")
	if r.status != 0 {
		t.Fatalf("status %d, said %q", r.status, r.err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	if got["text"] != "Ada Dixon keeps a fox." || got["device"] != "cpu" || got["policy"] != "tokenselect" || got["finish_reason"] != "stop" {
		t.Errorf("printed %v", got)
	}
	for _, field := range []string{"prompt_tokens", "prefill_tok_s", "decode_tok_s", "ttft_ms", "kv_bytes"} {
		if v, ok := got[field].(float64); !ok || v <= 0 {
			t.Errorf("%s is %v, expected a positive number", field, got[field])
		}
	}
	for _, field := range []string{"cache_hits", "cache_misses", "output_ids"} {
		if _, ok := got[field]; !ok {
			t.Errorf("%s is missing", field)
		}
	}
}

// TestQuestion: what follows -- is a question, whatever it begins with.
func TestQuestion(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-k 4 Who is it?", "Who is it?"},
		{"Is it -5 or -x?", "Is it -5 or -x?"},
		{"-k 4 -- -k or not?", "-k or not?"},
	} {
		fs, args := command{name: "run"}.flags(stdio{}), strings.Fields(c.args)
		new(runFlags).add(fs)
		if err := parse(fs, args); err != nil {
			t.Fatal(err)
		}
		if got, err := questionOf(fs, args); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, expected %q", c.args, got, err, c.want)
		}
	}
}

// TestRunSchema: answers are JSON by a schema, from the command line or a file.
func TestRunSchema(t *testing.T) {
	const schema = ` {"type":"object","properties":{"animal":{"enum":["dog","fox","cat"]}},"required":["animal"]}`
	path := file(t, "doc.txt", document)
	for _, s := range []string{schema, file(t, "schema.json", schema)} {
		r := tokenselect(t, "", false, "run", "-device", "cpu", "-file", path, "-json-schema", s, "Which animal does Ada Dixon keep?")
		var got map[string]string
		if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.status != 0 || got["animal"] != "fox" || len(got) != 1 || r.err != "" {
			t.Errorf("status %d, answered %q, said %q", r.status, r.out, r.err)
		}
	}
	r := tokenselect(t, "", false, "run", "-device", "cpu", "-file", path, "-max-tokens", "2", "-json-schema", schema, "Which animal does Ada Dixon keep?")
	if r.status != 0 || !strings.Contains(r.err, "cut after 2 tokens") {
		t.Errorf("status %d, answered %q, said %q", r.status, r.out, r.err)
	}
}

// TestRaw continues a text; special tokens in it are parsed, so that the chat
// format can be written by hand.
func TestRaw(t *testing.T) {
	byHand := "<|im_start|>user\n" + document + "\n\nWhich animal does Ada Dixon keep?<|im_end|>\n<|im_start|>assistant\n"
	r := tokenselect(t, "", false, "run", "-raw", "-device", "cpu", byHand)
	if r.status != 0 || r.out != "Ada Dixon keeps a fox.\n" {
		t.Errorf("status %d, continued with %q, said %q", r.status, r.out, r.err)
	}
	// Without an end it goes on to its limit, and nothing of it is an end.
	r = tokenselect(t, "", false, "run", "-json", "-raw", "-endless", "-max-tokens", "30", "-device", "cpu", byHand)
	var endless report
	if err := json.Unmarshal([]byte(r.out), &endless); err != nil {
		t.Fatal(err, r.err)
	}
	if len(endless.OutputIDs) != 30 || endless.FinishReason != "length" || !strings.HasPrefix(endless.Text, "Ada Dixon keeps a fox.") || strings.Contains(endless.Text, "<|im_end|>") {
		t.Errorf("endless: %d tokens, %q", len(endless.OutputIDs), endless.Text)
	}
	// In a document the same tokens are plain text.
	r = tokenselect(t, "", false, "run", "-json", "-device", "cpu", "-max-tokens", "1", "-file", file(t, "d.txt", "<|im_end|>"), "Who?")
	raw := tokenselect(t, "", false, "run", "-json", "-raw", "-device", "cpu", "-max-tokens", "1", "<|im_end|>")
	var chat, plain report
	if err := json.Unmarshal([]byte(r.out), &chat); err != nil {
		t.Fatal(err, r.err)
	}
	if err := json.Unmarshal([]byte(raw.out), &plain); err != nil {
		t.Fatal(err, raw.err)
	}
	if plain.PromptTokens != 1 || chat.PromptTokens < 12 {
		t.Errorf("%d tokens raw, expected 1; %d in a document, expected it spelled out", plain.PromptTokens, chat.PromptTokens)
	}
}

// TestTemplate: a conversation is laid out as -template and -system say.
func TestTemplate(t *testing.T) {
	path, question := file(t, "doc.txt", document), "Which animal does Ada Dixon keep?"
	asked := document + "\n\n" + question
	for _, c := range []struct {
		name   string
		args   []string
		byHand string
	}{
		{"a system message", []string{"-system", "Answer from the text."},
			"<|im_start|>system\nAnswer from the text.<|im_end|>\n<|im_start|>user\n" + asked + "<|im_end|>\n<|im_start|>assistant\n"},
		{"a file", []string{"-template", file(t, "qa.jinja", "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"), "-system", "Answer."},
			"system: Answer.\nuser: " + asked + "\nassistant:"},
		{"a name", []string{"-template", "zephyr"}, "<|user|>\n" + asked + "<|im_end|>\n<|assistant|>\n"},
	} {
		common := []string{"run", "-json", "-device", "cpu", "-max-tokens", "3"}
		said := tokenselect(t, "", false, slices.Concat(common, c.args, []string{"-file", path, question})...)
		raw := tokenselect(t, "", false, append(common, "-raw", c.byHand)...)
		var got, want report
		if err := json.Unmarshal([]byte(said.out), &got); err != nil {
			t.Fatal(c.name, err, said.err)
		}
		if err := json.Unmarshal([]byte(raw.out), &want); err != nil {
			t.Fatal(c.name, err, raw.err)
		}
		if got.PromptTokens != want.PromptTokens || !slices.Equal(got.OutputIDs, want.OutputIDs) {
			t.Errorf("%s: %d tokens answered by %v, expected %d and %v", c.name, got.PromptTokens, got.OutputIDs, want.PromptTokens, want.OutputIDs)
		}
	}
}

func TestNotUTF8(t *testing.T) {
	path := file(t, "latin1.txt", "caf\xe9 and na\xefve. "+document)
	r := tokenselect(t, "", false, "run", "-device", "cpu", "-file", path, "Which animal does Ada Dixon keep?")
	if r.status != 0 || !strings.Contains(r.err, "2 bytes of") || !strings.Contains(r.err, "latin1.txt is not UTF-8") {
		t.Errorf("status %d, said %q, expected the number of bytes replaced", r.status, r.err)
	}
}

func TestBudgetWarning(t *testing.T) {
	r := tokenselect(t, "", false, "run", "-device", "cpu", "-k", "4096", "-file", file(t, "d.txt", document), "Which animal does Ada Dixon keep?")
	if r.status != 0 || !strings.Contains(r.err, "warning: n_init + k + n_local + chunk = 16 + 4096 + 256 + 256 = 4624") {
		t.Errorf("status %d, said %q, expected a warning about budgets", r.status, r.err)
	}
}

// TestInteractive asks two questions at the prompt; the second costs its own
// tokens only.
func TestInteractive(t *testing.T) {
	r := tokenselect(t, "How old is Felix Ellis?\nWhich animal does Ada Dixon keep?\n\nnot read\n", true, "run", "-device", "cpu", "-file", file(t, "d.txt", document))
	if r.status != 0 || !strings.Contains(r.out, "fox") || !strings.Contains(r.out, "64") || strings.Count(r.out, "\n") != 2 {
		t.Errorf("status %d, answered %q", r.status, r.out)
	}
	figures := strings.Count(r.err, "prompt ")
	if figures != 2 || !strings.Contains(r.err, "> ") {
		t.Errorf("said %q, expected a prompt and figures of two answers", r.err)
	}
}

// TestInteractiveCancel: Ctrl-C ends the prompt while a line is waited for, and the
// reading of a document from a pipe that does not end.
func TestInteractiveCancel(t *testing.T) {
	for _, args := range [][]string{{"-file", file(t, "d.txt", document)}, {"-file", "-", "Who?"}} {
		ctx, cancel := context.WithCancel(context.Background())
		in, keyboard := io.Pipe()
		defer keyboard.Close()
		var out bytes.Buffer
		said := &prompted{cancel: cancel}
		if args[1] == "-" {
			cancel()
		}
		ended := make(chan int, 1)
		go func() {
			ended <- run(ctx, append([]string{"run", "-device", "cpu"}, args...), stdio{in, &out, said, true, false})
		}()
		select {
		case status := <-ended:
			if status != 130 || !strings.Contains(said.String(), "interrupted") {
				t.Errorf("%q: status %d, said %q, expected 130 and the word interrupted", args, status, said)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%q: it waits for a line", args)
		}
	}
}

// prompted cancels when it is written a prompt.
type prompted struct {
	bytes.Buffer
	cancel func()
}

func (p *prompted) Write(b []byte) (int, error) {
	if string(b) == "> " {
		p.cancel()
	}
	return p.Buffer.Write(b)
}

func TestInfo(t *testing.T) {
	r := tokenselect(t, "", false, "info", "-context", "1000")
	for _, want := range []string{"llama: 8 layers", "16.5 M parameters", "Q8_0", "2048 tokens", "8192 tokens, split as smollm", "memory for 1000 tokens", "device cpu", "auto takes"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("printed %q, expected %q in it", r.out, want)
		}
	}
}

// TestConvert rewrites the built-in model to the same bytes, and leaves nothing
// behind when it fails.
func TestConvert(t *testing.T) {
	_, model := web.DefaultModel()
	in, dir := file(t, "in.gguf", string(model)), t.TempDir()
	out := filepath.Join(dir, "out.gguf")
	if r := tokenselect(t, "", false, "convert", in, out); r.status != 0 {
		t.Fatalf("status %d, said %q", r.status, r.err)
	}
	got, err := os.ReadFile(out)
	if err != nil || !bytes.Equal(got, model) {
		t.Errorf("%v; %d bytes written, expected the same %d", err, len(got), len(model))
	}
	if r := tokenselect(t, "", false, "convert", file(t, "bad.gguf", "GGUF"), filepath.Join(dir, "bad.gguf")); r.status != 1 {
		t.Errorf("a bad file: status %d", r.status)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files left, expected the one that was written", len(entries))
	}
}

// TestConvertFolder takes the built-in model to a folder of Hugging Face's and back to
// the same bytes, and to a safetensors file.
func TestConvertFolder(t *testing.T) {
	_, model := web.DefaultModel()
	dir := t.TempDir()
	folder, out := filepath.Join(dir, "needle-16m")+string(filepath.Separator), filepath.Join(dir, "out.gguf")
	for _, args := range [][]string{
		{"-type", "f32", file(t, "in.gguf", string(model)), folder},
		{filepath.Join(dir, "needle-16m"), out},
		{"-type", "bf16", out, filepath.Join(dir, "model.safetensors")},
		{"-type", "q4_0", out, filepath.Join(dir, "small.gguf")},
	} {
		if r := tokenselect(t, "", false, append([]string{"convert"}, args...)...); r.status != 0 {
			t.Fatalf("%q: status %d, said %q", args, r.status, r.err)
		}
	}
	got, err := os.ReadFile(out)
	if err != nil || !bytes.Equal(got, model) {
		t.Errorf("%v; %d bytes written, expected the same %d", err, len(got), len(model))
	}
	for path, want := range map[string]string{"model.safetensors": "as BF16", "small.gguf": "as Q4_0", "needle-16m": "as F32"} {
		if r := tokenselect(t, "", false, "info", filepath.Join(dir, path)); r.status != 0 || !strings.Contains(r.out, want) {
			t.Errorf("%s: status %d, %q and %q, expected it to say %q", path, r.status, r.out, r.err, want)
		}
	}
}

// TestConvertRefuses: what would overwrite something is refused, and what cannot be
// written is before anything is read, under the name that was given.
func TestConvertRefuses(t *testing.T) {
	_, model := web.DefaultModel()
	in := file(t, "in.gguf", string(model))
	folder := filepath.Join(t.TempDir(), "needle") + string(filepath.Separator)
	for range 2 { // its own folder is replaced
		if r := tokenselect(t, "", false, "convert", in, folder); r.status != 0 {
			t.Fatalf("status %d, said %q", r.status, r.err)
		}
	}
	other := filepath.Dir(file(t, "README.md", "not a model"))
	weights := filepath.Join(folder, "model.safetensors")
	for _, c := range []struct {
		in, out string
		status  int
		want    string
	}{
		{in, in, 2, "is read and would be written at once"},
		{folder, folder, 2, "is read and would be written at once"},
		{weights, folder, 2, "is read and would be written at once"},
		{folder, weights, 2, "is read and would be written at once"},
		{in, other, 1, "holds README.md, which is no file of a model"},
		{in, "", 2, "OUT is empty"},
		{"no/such/model", "/no/such/folder/x.gguf", 1, "convert: /no/such/folder/x.gguf cannot be written: no such file"},
		{"no/such/model", in + "/x/", 1, "in.gguf/x/ cannot be written: not a directory"},
		{"no/such/model", in + "/x.gguf", 1, "in.gguf/x.gguf cannot be written: not a directory"},
	} {
		r := tokenselect(t, "", false, "convert", c.in, c.out)
		if r.status != c.status || !strings.Contains(r.err, c.want) || strings.Contains(r.err, ".part") {
			t.Errorf("%s to %q: status %d, expected %d; said %q, expected %q in it", c.in, c.out, r.status, c.status, r.err, c.want)
		}
	}
	if got, err := os.ReadFile(in); err != nil || !bytes.Equal(got, model) {
		t.Errorf("%v; the model has %d bytes left of %d", err, len(got), len(model))
	}
}

// TestConvertRandom makes random weights of a shape by name, and of a config.json.
func TestConvertRandom(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "tiny.gguf")
	for _, args := range [][]string{
		{"-random", "tiny", "-type", "q4_0", out},
		{"-random", filepath.Join("..", "..", "engine", "testdata", "tiny-models", "qwen2-bias", "config.json"), "-type", "q4_0", filepath.Join(dir, "qwen2.gguf")},
	} {
		if r := tokenselect(t, "", false, append([]string{"convert"}, args...)...); r.status != 0 {
			t.Fatalf("%q: status %d, said %q", args, r.status, r.err)
		}
	}
	r := tokenselect(t, "", false, "info", out)
	if r.status != 0 || !strings.Contains(r.out, "2 layers, hidden 64") || !strings.Contains(r.out, "as Q4_0") {
		t.Errorf("status %d, %q, %q", r.status, r.out, r.err)
	}
	r = tokenselect(t, "", false, "bench", "-json", "-devices", "cpu", "-model", out, "-depths", "64", "-decode", "2", "-repeats", "1", "-policies", "dense")
	if r.status != 0 || !strings.Contains(r.out, `"Q4_0"`) {
		t.Errorf("status %d, %q, %q, expected a model without a tokenizer to be measured", r.status, r.out, r.err)
	}
}

// TestDemo hides two facts in a text of twice the trained length.
func TestDemo(t *testing.T) {
	r := tokenselect(t, "", false, "demo", "-device", "cpu", "-tokens", "4096", "-facts", "2")
	if r.status != 0 || strings.Count(r.out, "2 of 2")+strings.Count(r.out, "1 of 2") < 1 || strings.Count(r.out, "tokenselect   ") < 3 {
		t.Errorf("status %d, printed %q, said %q", r.status, r.out, r.err)
	}
}

func TestBench(t *testing.T) {
	r := tokenselect(t, "", false, "bench", "-json", "-devices", "cpu,cpu", "-depths", "300,1500", "-decode", "4", "-repeats", "1", "-policies", "tokenselect,dense")
	var rep benchReport
	if err := json.Unmarshal([]byte(r.out), &rep); err != nil || r.status != 0 {
		t.Fatalf("status %d, %v: %q, said %q", r.status, err, r.out, r.err)
	}
	if len(rep.Rows) != 4 {
		t.Fatalf("%d rows, expected 2 policies at 2 depths on 1 device", len(rep.Rows))
	}
	for _, row := range rep.Rows {
		if row.DecodeTokS <= 0 || row.PrefillTokS <= 0 || row.DecodeToShortest <= 0 || row.FirstTokenS <= 0 || row.Memory.Weights <= 0 || row.ProcessPeak <= 0 {
			t.Errorf("row %+v", row)
		}
		if row.Policy == "tokenselect" && (row.DecodeToDense <= 0 || row.FirstTokenToDense <= 0 || row.Memory.Selection <= 0) {
			t.Errorf("no ratio to dense: %+v", row)
		}
	}
	if r := tokenselect(t, "", false, "bench", "-devices", "cpu", "-depths", "300", "-decode", "4", "-repeats", "1"); r.status != 0 || !strings.Contains(r.out, "decode tok/s") {
		t.Errorf("status %d, printed %q", r.status, r.out)
	}
}

// TestBenchRandom measures a whole model with random weights, and what cannot be
// named is refused.
func TestBenchRandom(t *testing.T) {
	r := tokenselect(t, "", false, "bench", "-json", "-model", "random:tiny", "-devices", "cpu", "-depths", "40,700", "-decode", "2", "-repeats", "1", "-policies", "dense,tokenselect", "-k", "99")
	var rep benchReport
	if err := json.Unmarshal([]byte(r.out), &rep); err != nil || r.status != 0 {
		t.Fatalf("status %d, %v: %q, said %q", r.status, err, r.out, r.err)
	}
	if rep.Model != "random tiny" || rep.Weights != "Q8_0" || rep.Config.K != 99 || len(rep.Rows) != 4 {
		t.Errorf("%+v", rep)
	}
	if short, long := rep.Rows[0], rep.Rows[1]; long.FirstTokenS <= short.FirstTokenS || long.KVBytes < 700*2*4*2*2*16 {
		t.Errorf("at 40 %+v, at 700 %+v", short, long)
	}
	r = tokenselect(t, "", false, "bench", "-json", "-model", "random-q4_0:tiny", "-devices", "cpu", "-depths", "40", "-decode", "2", "-repeats", "1")
	var half benchReport
	if err := json.Unmarshal([]byte(r.out), &half); err != nil || half.Model != "random tiny" || half.Weights != "Q4_0" {
		t.Errorf("status %d, %v: %q, said %q", r.status, err, r.out, r.err)
	}
	r = tokenselect(t, "", false, "bench", "-markdown", "-model", "random:Tiny", "-devices", "cpu", "-depths", "40", "-decode", "2", "-repeats", "1")
	if r.status != 0 || !strings.Contains(r.out, "\n| window | 40 |") || !strings.Contains(r.out, "n_init ") {
		t.Errorf("status %d, printed %q, said %q", r.status, r.out, r.err)
	}
}

// TestBuiltInShape: the built-in model has the shape that goes by its name, also in
// builds that leave the model out.
func TestBuiltInShape(t *testing.T) {
	m, err := openModel("")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if named, err := shapeNamed("-shapes", "Needle-16M"); err != nil || !reflect.DeepEqual(named, m.Config) {
		t.Errorf("%+v, %v, expected %+v", named, err, m.Config)
	}
}

// TestBenchMatvec measures the products of a small model.
func TestBenchMatvec(t *testing.T) {
	r := tokenselect(t, "", false, "bench", "-json", "-matvec", "-shapes", "tiny", "-devices", "cpu", "-chunk", "3")
	var reports []matvecReport
	if err := json.Unmarshal([]byte(r.out), &reports); err != nil || r.status != 0 {
		t.Fatalf("status %d, %v: %q, said %q", r.status, err, r.out, r.err)
	}
	if len(reports) != 1 || len(reports[0].Rows) != 4*(6+3+5+1)+3+2 || reports[0].Config.Chunk != 3 || reports[0].Ceilings.Read <= 0 {
		t.Errorf("%+v", reports)
	}
}

// TestCancel stops a run that has just begun.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, err bytes.Buffer
	status := run(ctx, []string{"run", "-device", "cpu", "-file", file(t, "d.txt", document), "Who?"}, stdio{strings.NewReader(""), &out, &err, false, false})
	if status != 130 || !strings.Contains(err.String(), "interrupted") {
		t.Errorf("status %d, said %q, expected 130 and the word interrupted", status, err.String())
	}
}
