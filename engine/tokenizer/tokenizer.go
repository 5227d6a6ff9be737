// Package tokenizer turns text into token ids and back, by byte-pair encoding.
//
// Byte-level, as GPT-2, SmolLM, Qwen2, Llama-3 and Mistral's Tekken use it: every
// string of bytes, valid UTF-8 or not, comes back as it was, but for bytes that
// the vocabulary does not have: most have all 256, SmolLM2's lacks some of the
// control characters and of the bytes that UTF-8 never or hardly uses.
//
// SentencePiece's, as Llama-2, TinyLlama and Mistral use it: with a token for
// each byte text comes back too, but for the character ▁ (U+2581), which becomes
// a space, and for the first of the spaces that a text begins with under
// PrefixMissing and PrefixFirst.
package tokenizer

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
)

// Kind is how a vocabulary spells text and what is merged.
type Kind uint8

const (
	ByteLevel     Kind = iota // bytes, each spelled as a printable character, in words that Pre splits
	SentencePiece             // characters, a space spelled as ▁; one without a token becomes the tokens of its bytes
)

// Prefix is which texts a SentencePiece vocabulary puts a space before, so that
// their first word is spelled as a word inside a text is. A text here is what is
// between two added tokens, or between one and an end.
type Prefix uint8

const (
	PrefixNone    Prefix = iota
	PrefixAlways         // every text: GGUF's add_space_prefix, the normalizer Prepend
	PrefixMissing        // every text that does not begin with a space: Metaspace always
	PrefixFirst          // likewise, but only at the very beginning: Metaspace first
)

// Spec is what a vocabulary file says; it can be written to GGUF and to
// tokenizer.json and read back.
type Spec struct {
	Name         string // file the spec came from, for errors
	Kind         Kind
	Pre          string    // ByteLevel: how text is split: "smollm", "gpt-2", "qwen2", "llama-bpe", "tekken"
	NFC          bool      // ByteLevel: text is brought into Unicode's NFC before it is split, as Qwen's is
	Tokens       []string  // by id, spelled as Kind says; special ones as they are, bytes of SentencePiece as <0x0A>
	Types        []int32   // GGUF's: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; none, or one for each token
	Attributes   []int32   // how added tokens are matched, bits of Attr; none, or one for each token
	Merges       []string  // "a b", the most urgent first; SentencePiece may have Scores instead
	Scores       []float32 // SentencePiece: one for each token; without Merges the pair is merged whose token has the highest
	Prefix       Prefix    // SentencePiece
	BOS, EOS     int       // -1 where absent
	PAD, UNK     int       // SentencePiece: UNK stands for characters that have no token and whose bytes have none
	AddBOS       bool
	AddEOS       bool  // kept for those who read the file on: a prompt is continued, so that none of ours ends with EOS
	IgnoreMerges bool  // a word that is a token is that token, whatever the merges say
	EOT          []int // tokens that end an answer besides EOS
	ChatTemplate string
}

// How an added token is matched in a text, as Hugging Face's tokenizers do it.
const (
	AttrLStrip     = 1 << iota // white space before it belongs to it
	AttrRStrip                 // white space after it belongs to it
	AttrSingleWord             // only where no character of a word stands beside it
	AttrNormalized             // under PrefixNone and PrefixAlways: it is looked for in spelled text, with a prefix of its own
)

// The token types.
const (
	typeNormal  = 1
	typeUnknown = 2
	typeControl = 3
	typeUser    = 4
	typeUnused  = 5
	typeByte    = 6
)

// endNames are tokens that end a turn or a text in the model families known.
var endNames = []string{"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>"}

// Tokenizer is a vocabulary ready for use. It is safe for concurrent use.
type Tokenizer struct {
	spec     Spec
	split    splitter
	ids      map[string]int // of all tokens, by their spelling
	bytes    [][]byte       // of each token
	merges   map[pair]merge
	byteID   [256]int32 // token of each single byte, -1 where there is none
	pieces   pieces     // of SentencePiece
	special  matcher    // control and user-defined tokens, in text as it is
	prefixed matcher    // and those that are looked for in spelled text
	named    matcher    // all of them
	ends     map[int]bool

	mu      sync.Mutex
	cache   map[string][]int // of words
	scratch scratch
}

// New checks a spec and makes its tokenizer.
func New(s Spec) (*Tokenizer, error) {
	t, err := build(s)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", s.Name, err)
	}
	return t, nil
}

func build(s Spec) (*Tokenizer, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	t := &Tokenizer{spec: s, ids: make(map[string]int, len(s.Tokens)), bytes: make([][]byte, len(s.Tokens)),
		merges: make(map[pair]merge, len(s.Merges)), cache: map[string][]int{}, ends: map[int]bool{}}
	for id, text := range s.Tokens {
		if other, ok := t.ids[text]; ok {
			return nil, fmt.Errorf("token %q has the ids %d and %d, expected one", text, other, id)
		}
		t.ids[text] = id
	}
	for b := range t.byteID {
		t.byteID[b] = -1
	}
	var err error
	if s.Kind == SentencePiece {
		err = t.buildPieces()
	} else {
		err = t.buildByteLevel()
	}
	if err != nil {
		return nil, err
	}
	for id, text := range s.Tokens {
		switch t.kind(id) {
		case typeControl, typeUser, typeUnknown:
			t.named.add(text, id)
			if t.attributes(id)&AttrNormalized != 0 && s.Kind == SentencePiece && s.Prefix <= PrefixAlways {
				t.prefixed.add(t.spelled(text, true), id)
			} else {
				t.special.add(text, id)
			}
		}
	}
	return t, t.setEnds()
}

// check looks at what can be said of a spec without its merges.
func (s *Spec) check() error {
	if s.Kind > SentencePiece {
		return fmt.Errorf("kind %d, expected ByteLevel or SentencePiece", s.Kind)
	}
	if s.Prefix > PrefixFirst {
		return fmt.Errorf("prefix %d, expected one of those defined", s.Prefix)
	}
	if s.Kind == ByteLevel && s.Prefix != PrefixNone {
		return fmt.Errorf("a byte-level vocabulary with prefix %d, expected none", s.Prefix)
	}
	if len(s.Tokens) == 0 {
		return fmt.Errorf("no tokens")
	}
	for _, list := range []struct {
		name string
		n    int
	}{{"token types", len(s.Types)}, {"token attributes", len(s.Attributes)}, {"scores", len(s.Scores)}} {
		if list.n != 0 && list.n != len(s.Tokens) {
			return fmt.Errorf("%d %s, expected one for each of %d tokens", list.n, list.name, len(s.Tokens))
		}
	}
	for _, token := range []struct {
		name string
		id   int
	}{{"bos", s.BOS}, {"eos", s.EOS}, {"pad", s.PAD}, {"unk", s.UNK}} {
		if token.id < -1 || token.id >= len(s.Tokens) {
			return fmt.Errorf("%s token is %d, expected an id below %d, or -1", token.name, token.id, len(s.Tokens))
		}
	}
	return nil
}

func (t *Tokenizer) buildByteLevel() error {
	var ok bool
	if t.split, ok = splitters[t.spec.Pre]; !ok {
		return fmt.Errorf("pre-tokenizer %q is not supported; %s are", t.spec.Pre, splitterNames)
	}
	if len(t.spec.Merges) == 0 {
		return fmt.Errorf("no merges: byte-level BPE needs them")
	}
	for id, text := range t.spec.Tokens {
		switch t.kind(id) {
		case typeControl, typeUser, typeUnused:
			t.bytes[id] = []byte(text)
		default:
			t.bytes[id] = fromSpelling(text)
		}
	}
	for b := range t.byteID {
		if id, ok := t.ids[string(spelling[b])]; ok && t.spells(id, []byte{byte(b)}, nil) {
			t.byteID[b] = int32(id)
		}
	}
	return t.addMerges(func(left, right, whole int) bool { return t.spells(whole, t.bytes[left], t.bytes[right]) })
}

// addMerges takes the spec's merges in, of two tokens and the one that they
// become, those that may be done.
func (t *Tokenizer) addMerges(may func(left, right, whole int) bool) error {
	for rank, m := range t.spec.Merges {
		a, b, ok := strings.Cut(m, " ")
		left, okA := t.ids[a]
		right, okB := t.ids[b]
		whole, okC := t.ids[a+b]
		if !ok || !okA || !okB || !okC {
			return fmt.Errorf("merge %d is %q, expected two tokens whose join is a token", rank, m)
		}
		if !may(left, right, whole) {
			continue
		}
		p := pairOf(int32(left), int32(right))
		if _, twice := t.merges[p]; !twice {
			t.merges[p] = merge{int32(rank), int32(whole)}
		}
	}
	return nil
}

// spells tells whether a token may stand for the bytes left and right of plain
// text: it has those bytes and is no control token, even where a merge leads to
// one.
func (t *Tokenizer) spells(id int, left, right []byte) bool {
	whole := t.bytes[id]
	return t.kind(id) != typeControl && len(whole) == len(left)+len(right) &&
		bytes.HasPrefix(whole, left) && bytes.HasSuffix(whole, right)
}

// setEnds finds the tokens that end an answer. Where the spec names none but
// EOS, those known by name are written into it.
func (t *Tokenizer) setEnds() error {
	for _, id := range t.spec.EOT {
		if id < 0 || id >= len(t.spec.Tokens) {
			return fmt.Errorf("end-of-turn token is %d, expected an id below %d", id, len(t.spec.Tokens))
		}
		t.ends[id] = true
	}
	named := len(t.spec.EOT) == 0
	for _, name := range endNames {
		id, ok := t.ids[name]
		if !ok || len(t.spec.Types) != 0 && t.kind(id) != typeControl {
			continue
		}
		t.ends[id] = true
		if named && id != t.spec.EOS {
			t.spec.EOT = append(t.spec.EOT, id)
		}
	}
	if t.spec.EOS >= 0 {
		t.ends[t.spec.EOS] = true
	}
	return nil
}

func (t *Tokenizer) kind(id int) int32 {
	if len(t.spec.Types) == 0 {
		return typeNormal
	}
	return t.spec.Types[id]
}

func (t *Tokenizer) attributes(id int) int32 {
	if len(t.spec.Attributes) == 0 {
		return 0
	}
	return t.spec.Attributes[id]
}

// Spec is what the tokenizer was made from, EOT filled in by name where it was
// empty, and so are SentencePiece's Types.
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

// IsSpecial tells whether a token is no text of a document: a control token, or
// the one for characters that have none.
func (t *Tokenizer) IsSpecial(id int) bool {
	if id < 0 || id >= len(t.bytes) {
		return false
	}
	kind := t.kind(id)
	return kind == typeControl || kind == typeUnknown
}

// IsEnd tells whether a token ends an answer.
func (t *Tokenizer) IsEnd(id int) bool { return t.ends[id] }
