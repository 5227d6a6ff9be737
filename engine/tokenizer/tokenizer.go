// Package tokenizer turns text into token ids and back: byte-level byte-pair
// encoding as GPT-2, SmolLM, Qwen2 and Llama-3 use it. Every string of bytes,
// valid UTF-8 or not, comes back as it was.
package tokenizer

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"
)

// Spec is what a vocabulary file says; it can be written to GGUF and read back.
type Spec struct {
	Name         string   // file the spec came from, for errors
	Pre          string   // how text is split: "smollm", "gpt-2", "qwen2", "llama-bpe"
	Tokens       []string // in byte-level spelling, by id; special ones as they are
	Types        []int32  // GGUF's: 1 normal, 3 control, 4 user-defined, 5 unused; nil or one for each token
	Merges       []string // "a b", the most urgent first
	BOS, EOS     int      // -1 where absent
	PAD, UNK     int
	AddBOS       bool
	IgnoreMerges bool  // a word that is a token is that token, whatever the merges say
	EOT          []int // tokens that end an answer besides EOS
	ChatTemplate string
}

// The token types that matter here.
const (
	typeNormal  = 1
	typeControl = 3
	typeUser    = 4
	typeUnused  = 5
)

// endNames are tokens that end a turn or a text in the model families known.
var endNames = []string{"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>"}

// Tokenizer is a vocabulary ready for use. It is safe for concurrent use.
type Tokenizer struct {
	spec    Spec
	split   splitter
	ids     map[string]int // of all tokens, by their spelling
	bytes   [][]byte       // of each token
	rank    map[pair]merge // of merges
	byteID  [256]int       // token of each single byte, -1 where there is none
	special []specialToken // longest first
	user    []specialToken // those that are found even in plain text
	ends    map[int]bool

	mu    sync.Mutex
	cache map[string][]int // of words
}

type pair struct{ a, b int }

type merge struct{ rank, id int }

type specialToken struct {
	text string
	id   int
}

// maxCache bounds the words that are remembered.
const maxCache = 1 << 15

// New checks a spec and makes its tokenizer.
func New(s Spec) (*Tokenizer, error) {
	t, err := build(s)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", s.Name, err)
	}
	return t, nil
}

func build(s Spec) (*Tokenizer, error) {
	split, ok := splitters[s.Pre]
	if !ok {
		return nil, fmt.Errorf("pre-tokenizer %q is not supported; gpt-2, llama-bpe, qwen2 and smollm are", s.Pre)
	}
	if len(s.Tokens) == 0 {
		return nil, fmt.Errorf("no tokens")
	}
	if len(s.Merges) == 0 {
		return nil, fmt.Errorf("no merges: byte-level BPE needs them")
	}
	if s.Types != nil && len(s.Types) != len(s.Tokens) {
		return nil, fmt.Errorf("%d token types, expected one for each of %d tokens", len(s.Types), len(s.Tokens))
	}
	for name, id := range map[string]int{"bos": s.BOS, "eos": s.EOS, "pad": s.PAD, "unk": s.UNK} {
		if id < -1 || id >= len(s.Tokens) {
			return nil, fmt.Errorf("%s token is %d, expected an id below %d, or -1", name, id, len(s.Tokens))
		}
	}
	t := &Tokenizer{spec: s, split: split, ids: make(map[string]int, len(s.Tokens)), bytes: make([][]byte, len(s.Tokens)),
		rank: make(map[pair]merge, len(s.Merges)), cache: map[string][]int{}, ends: map[int]bool{}}
	for id, text := range s.Tokens {
		if other, ok := t.ids[text]; ok {
			return nil, fmt.Errorf("token %q has the ids %d and %d, expected one", text, other, id)
		}
		t.ids[text] = id
		switch t.kind(id) {
		case typeControl, typeUser, typeUnused:
			t.bytes[id] = []byte(text)
			if text != "" && t.kind(id) != typeUnused {
				t.special = append(t.special, specialToken{text, id})
				if t.kind(id) == typeUser {
					t.user = append(t.user, specialToken{text, id})
				}
			}
		default:
			t.bytes[id] = fromSpelling(text)
		}
	}
	for _, list := range [][]specialToken{t.special, t.user} {
		sort.SliceStable(list, func(i, j int) bool { return len(list[i].text) > len(list[j].text) })
	}
	for b := range t.byteID {
		t.byteID[b] = -1
		if id, ok := t.ids[string(spelling[b])]; ok {
			t.byteID[b] = id
		}
	}
	for rank, m := range s.Merges {
		a, b, ok := strings.Cut(m, " ")
		left, okA := t.ids[a]
		right, okB := t.ids[b]
		whole, okC := t.ids[a+b]
		if !ok || !okA || !okB || !okC {
			return nil, fmt.Errorf("merge %d is %q, expected two tokens whose join is a token", rank, m)
		}
		if _, twice := t.rank[pair{left, right}]; !twice {
			t.rank[pair{left, right}] = merge{rank, whole}
		}
	}
	if s.EOS >= 0 {
		t.ends[s.EOS] = true
	}
	for _, id := range s.EOT {
		if id < 0 || id >= len(s.Tokens) {
			return nil, fmt.Errorf("end-of-turn token is %d, expected an id below %d", id, len(s.Tokens))
		}
		t.ends[id] = true
	}
	for _, name := range endNames {
		if id, ok := t.ids[name]; ok && t.kind(id) == typeControl {
			t.ends[id] = true
		}
	}
	return t, nil
}

func (t *Tokenizer) kind(id int) int32 {
	if t.spec.Types == nil {
		return typeNormal
	}
	return t.spec.Types[id]
}

// Spec is what the tokenizer was made from.
func (t *Tokenizer) Spec() Spec { return t.spec }

// Len is the number of tokens.
func (t *Tokenizer) Len() int { return len(t.spec.Tokens) }

// ID is the id of a token by its spelling in the vocabulary.
func (t *Tokenizer) ID(token string) (int, bool) {
	id, ok := t.ids[token]
	return id, ok
}

// Token is the spelling of a token, "" of an id that there is not.
func (t *Tokenizer) Token(id int) string {
	if id < 0 || id >= len(t.spec.Tokens) {
		return ""
	}
	return t.spec.Tokens[id]
}

// IsSpecial tells whether a token is no text of a document: a control token.
func (t *Tokenizer) IsSpecial(id int) bool {
	return id >= 0 && id < len(t.bytes) && t.kind(id) == typeControl
}

// IsEnd tells whether a token ends an answer.
func (t *Tokenizer) IsEnd(id int) bool { return t.ends[id] }

// Encode is the ids of text, without a BOS. With parseSpecial the control
// tokens spelled in it become those tokens; without, they are plain text, as a
// user's text should be.
func (t *Tokenizer) Encode(text string, parseSpecial bool) []int {
	special := t.user
	if parseSpecial {
		special = t.special
	}
	ids := make([]int, 0, len(text)/3+1)
	for len(text) > 0 {
		at, found := len(text), specialToken{}
		for _, s := range special { // longest first, so that of two at one place the longer wins
			if i := strings.Index(text[:min(at+len(s.text), len(text))], s.text); i >= 0 && i < at {
				at, found = i, s
			}
		}
		ids = t.plain(ids, text[:at])
		if at < len(text) {
			ids = append(ids, found.id)
		}
		text = text[min(len(text), at+len(found.text)):]
	}
	return ids
}

// plain appends the ids of text without special tokens.
func (t *Tokenizer) plain(ids []int, text string) []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(text) > 0 {
		n := t.split(text)
		ids = t.word(ids, text[:n])
		text = text[n:]
	}
	return ids
}

// maxCached is the length of words that are remembered.
const maxCached = 64

func (t *Tokenizer) word(ids []int, word string) []int {
	if got, ok := t.cache[word]; ok {
		return append(ids, got...)
	}
	from := len(ids)
	if id, ok := t.ids[spell(word)]; ok && t.spec.IgnoreMerges {
		ids = append(ids, id)
	} else {
		ids = t.bpe(ids, word)
	}
	if len(word) <= maxCached {
		if len(t.cache) >= maxCache {
			clear(t.cache)
		}
		t.cache[strings.Clone(word)] = append([]int(nil), ids[from:]...)
	}
	return ids
}

// DecodeBytes is the bytes of tokens, special ones as their text. Ids that
// there are not are left out.
func (t *Tokenizer) DecodeBytes(ids []int) []byte {
	var b []byte
	for _, id := range ids {
		if id >= 0 && id < len(t.bytes) {
			b = append(b, t.bytes[id]...)
		}
	}
	return b
}

// Decode is DecodeBytes as a string.
func (t *Tokenizer) Decode(ids []int) string { return string(t.DecodeBytes(ids)) }

// Stream decodes tokens as they come.
type Stream struct {
	t    *Tokenizer
	held []byte // the start of a character whose end has not come
}

// Stream starts a stream.
func (t *Tokenizer) Stream() *Stream { return &Stream{t: t} }

// Push is the text that has become complete with a token: never a part of a
// character. Control tokens are no text.
func (s *Stream) Push(id int) string {
	if id < 0 || id >= len(s.t.bytes) || s.t.IsSpecial(id) {
		return ""
	}
	s.held = append(s.held, s.t.bytes[id]...)
	n := len(s.held)
	for back := 1; back <= min(utf8.UTFMax-1, n); back++ {
		if c := s.held[n-back]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(s.held[n-back:]) {
				n -= back
			}
			break
		}
	}
	text := string(s.held[:n])
	s.held = append(s.held[:0], s.held[n:]...)
	return text
}

// Flush is what is left: bytes that never became a character.
func (s *Stream) Flush() string {
	text := string(s.held)
	s.held = nil
	return text
}
