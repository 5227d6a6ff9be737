package tokenizer

import "strings"

// Encode is the ids of text, without a BOS. With parseSpecial the control
// tokens spelled in it become those tokens; without, they are plain text, as a
// user's text should be.
func (t *Tokenizer) Encode(text string, parseSpecial bool) []int {
	special := &t.user
	if parseSpecial {
		special = &t.special
	}
	ids := make([]int, 0, len(text)/3+1)
	for len(text) > 0 {
		at, length, id := special.find(text)
		ids = t.plain(ids, text[:at])
		if length > 0 {
			ids = append(ids, id)
		}
		text = text[at+length:]
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
