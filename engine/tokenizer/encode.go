package tokenizer

import (
	"slices"
	"strings"
)

// Part is a part of a text: one in which added tokens are looked for, or one that
// is plain whatever it spells.
type Part struct {
	Text    string
	Special bool
}

// Encode is the ids of text, without a BOS. With parseSpecial the control and
// user-defined tokens spelled in it become those tokens, as a tokenizer of
// Hugging Face's does with any text. Without, all of it is plain text, as a
// user's text should be: among the user-defined are also marks such as Qwen2's
// <|fim_prefix|>, which a document may no more set than <|im_end|>.
func (t *Tokenizer) Encode(text string, parseSpecial bool) []int {
	return t.EncodeParts([]Part{{text, parseSpecial}}, true)
}

// EncodeParts is the ids of the text that the parts make together. Where the plain
// parts spell no added token it is what Encode makes of the whole: words go across
// parts, but not across added tokens. begin says that nothing comes before the
// text, which PrefixFirst asks for.
func (t *Tokenizer) EncodeParts(parts []Part, begin bool) []int {
	var segments []segment
	size := 0
	for _, p := range parts {
		size += len(p.Text)
		if p.Special {
			segments = t.segments(segments, p.Text)
		} else {
			segments = t.appendText(segments, p.Text, false)
		}
	}
	ids := make([]int, 0, size/3+1)
	for i, s := range segments {
		switch {
		case s.id >= 0:
			ids = append(ids, s.id)
		case t.spec.NFC:
			ids = t.plain(ids, composed(s.text))
		case s.spelled || t.spec.Kind == ByteLevel:
			ids = t.plain(ids, s.text)
		default:
			ids = t.plain(ids, t.spelled(s.text, begin && i == 0))
		}
	}
	return ids
}

// WithBOS is the ids of a prompt with the BOS before them that the vocabulary
// asks for, if it does and they do not begin with it already.
func (t *Tokenizer) WithBOS(ids []int) []int {
	if bos := t.spec.BOS; t.spec.AddBOS && bos >= 0 && (len(ids) == 0 || ids[0] != bos) {
		return slices.Insert(ids, 0, bos)
	}
	return ids
}

// plain appends the ids of text without added tokens, in SentencePiece's spelling
// if it is of that kind.
func (t *Tokenizer) plain(ids []int, text string) []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := len(ids)
	for len(text) > 0 {
		n := t.split(text)
		ids = t.word(ids, text[:n])
		text = text[n:]
	}
	if t.spec.Kind == SentencePiece { // one UNK for any number of characters in a row
		unknown := t.spec.UNK
		ids = ids[:from+len(slices.CompactFunc(ids[from:], func(a, b int) bool { return a == unknown && b == unknown }))]
	}
	return ids
}

// maxCache bounds the words that are remembered, and maxCached their length in
// bytes.
const (
	maxCache  = 1 << 15
	maxCached = 64
)

func (t *Tokenizer) word(ids []int, word string) []int {
	if got, ok := t.cache[word]; ok {
		return append(ids, got...)
	}
	from := len(ids)
	if id, ok := t.whole(word); ok {
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

// whole is the token that a word is without any merges, where that is the rule.
func (t *Tokenizer) whole(word string) (int, bool) {
	if !t.spec.IgnoreMerges {
		return 0, false
	}
	id, ok := t.ids[spell(word)]
	return id, ok && t.kind(id) == typeNormal
}
