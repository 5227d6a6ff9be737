package tokenizer

import "strings"

// Encode is the ids of text, without a BOS. With parseSpecial the control and
// user-defined tokens spelled in it become those tokens, as a tokenizer of
// Hugging Face's does with any text. Without, all of it is plain text, as a
// user's text should be: among the user-defined are also marks such as Qwen2's
// <|fim_prefix|>, which a document may no more set than <|im_end|>.
func (t *Tokenizer) Encode(text string, parseSpecial bool) []int {
	ids := make([]int, 0, len(text)/3+1)
	if !parseSpecial {
		return t.plain(ids, text)
	}
	for len(text) > 0 {
		at, length, id := t.special.find(text)
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
