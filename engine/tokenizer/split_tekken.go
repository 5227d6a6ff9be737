//go:build !lean

package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// Tekken is Mistral's from Nemo on, of models that no browser holds: there its
// tables are left out.
func init() {
	splitters["tekken"] = splitTekken
	splitterNames = "gpt-2, llama-bpe, qwen2, smollm and tekken"
}

// Letters and marks by Tekken's classes: of capitals, of small letters, and those
// that are in both.
func isBothCases(r rune) bool { return unicode.In(r, unicode.Lm, unicode.Lo, unicode.M) }
func isUpper(r rune) bool     { return unicode.In(r, unicode.Lu, unicode.Lt) || isBothCases(r) }
func isLower(r rune) bool     { return unicode.Is(unicode.Ll, r) || isBothCases(r) }

// splitTekken is, with U for [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], D for
// [\p{Ll}\p{Lm}\p{Lo}\p{M}] and P for [^\r\n\p{L}\p{N}],
// P?U*D+|P?U+D*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
func splitTekken(s string) int {
	first, size := char(s)
	if isNumber(first) {
		return size
	}
	before := 0
	if first != '\r' && first != '\n' && !isLetter(first) {
		before = size
	}
	for _, cased := range []func(string) int{capitalised, capitals} {
		if n := cased(s[before:]); n > 0 {
			return before + n
		}
		if n := cased(s); before > 0 && n > 0 {
			return n
		}
	}
	return otherwise(s, func(r rune) bool { return isNewline(r) || r == '/' })
}

// capitalised is U*D+: where no small letter follows the capitals, they give back
// their last letter that is in both classes.
func capitalised(s string) int {
	upper := run(s, isUpper)
	if lower := run(s[upper:], isLower); lower > 0 {
		return upper + lower
	}
	for upper > 0 {
		r, size := utf8.DecodeLastRuneInString(s[:upper])
		if isBothCases(r) {
			return upper
		}
		upper -= size
	}
	return 0
}

// capitals is U+D*, of a text that is not U*D+.
func capitals(s string) int { return run(s, isUpper) }
