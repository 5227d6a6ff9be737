package tokenizer

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// splitter gives the length in bytes of the first word of a text that is not
// empty. Merges never cross words.
type splitter func(text string) int

// splitters are the pre-tokenizers, by GGUF's names. Each is a regular
// expression of its model's, written out: Go's regexp has no lookahead.
var splitters = map[string]splitter{
	"gpt-2":     splitGPT2,
	"smollm":    splitSmolLM,
	"qwen2":     func(s string) int { return splitModern(s, 1) },
	"llama-bpe": func(s string) int { return splitModern(s, 3) },
	"tekken":    splitTekken,
}

func splitterNames() string {
	return strings.Join(slices.Sorted(maps.Keys(splitters)), ", ")
}

// char is the first character of s and its size. A byte that is not UTF-8 is a
// character of its own, no letter, number or space.
func char(s string) (rune, int) { return utf8.DecodeRuneInString(s) }

func isLetter(r rune) bool { return unicode.IsLetter(r) }
func isNumber(r rune) bool { return unicode.IsNumber(r) }

// isSpace is \s of the regular-expression engines that tokenizers use: Unicode's
// White_Space.
func isSpace(r rune) bool { return unicode.IsSpace(r) }

// run is the bytes at the start of s whose characters are all in class.
func run(s string, class func(rune) bool) int {
	n := 0
	for n < len(s) {
		r, size := char(s[n:])
		if !class(r) {
			break
		}
		n += size
	}
	return n
}

func isOther(r rune) bool { return !isSpace(r) && !isLetter(r) && !isNumber(r) }

// contraction is the length of 's, 't, 're, 've, 'm, 'll or 'd at the start of
// s, else 0.
func contraction(s string, anyCase bool) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	lower := func(c byte) byte {
		if anyCase && c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}
	if len(s) >= 3 {
		switch string([]byte{lower(s[1]), lower(s[2])}) {
		case "re", "ve", "ll":
			return 3
		}
	}
	switch lower(s[1]) {
	case 's', 't', 'm', 'd':
		return 2
	}
	// U+017F, the long s, is an s where case does not count.
	if anyCase && len(s) >= 3 && s[1:3] == "ſ" {
		return 3
	}
	return 0
}

// splitGPT2 is 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(s string) int {
	if n := contraction(s, false); n > 0 {
		return n
	}
	skip := 0
	if s[0] == ' ' {
		skip = 1
	}
	for _, class := range []func(rune) bool{isLetter, isNumber, isOther} {
		if n := run(s[skip:], class); n > 0 {
			return skip + n
		}
	}
	return spaces(s)
}

// spaces is \s+(?!\S)|\s+: white space but for its last character where text
// follows, which belongs to the next word.
func spaces(s string) int {
	n := run(s, isSpace)
	if n == 0 { // not reached by a text of any class; never stand still
		_, size := char(s)
		return size
	}
	if n < len(s) {
		_, last := utf8.DecodeLastRuneInString(s[:n])
		if n > last {
			return n - last
		}
	}
	return n
}

// splitSmolLM takes numbers apart digit by digit, then splits as GPT-2 does what
// is between them: a number is a border that no word reaches across. White space
// before one is therefore a word of its own, to its last character; all other
// words of GPT-2's end there anyway, so that the border need not be looked for,
// which in a long text without numbers would take quadratic time.
func splitSmolLM(s string) int {
	if r, size := char(s); isNumber(r) {
		return size
	}
	if blank := run(s, isSpace); blank > 0 && blank < len(s) {
		if r, _ := char(s[blank:]); isNumber(r) {
			return blank
		}
	}
	return splitGPT2(s)
}

// splitModern is
// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func splitModern(s string, digits int) int {
	if n := contraction(s, true); n > 0 {
		return n
	}
	first, size := char(s)
	if isLetter(first) {
		return run(s, isLetter)
	}
	if first != '\r' && first != '\n' && !isNumber(first) {
		if n := run(s[size:], isLetter); n > 0 {
			return size + n
		}
	}
	if isNumber(first) {
		n := 0
		for range digits {
			r, size := char(s[n:])
			if !isNumber(r) || size == 0 {
				break
			}
			n += size
		}
		return n
	}
	return otherwise(s, isNewline)
}

// otherwise is what the splits of today have after letters and numbers:
// " ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+", with the class of what may
// follow the signs.
func otherwise(s string, follows func(rune) bool) int {
	skip := 0
	if s[0] == ' ' {
		skip = 1
	}
	if n := run(s[skip:], isOther); n > 0 {
		n += skip
		return n + run(s[n:], follows)
	}
	// \s*[\r\n]+ takes all white space up to the last line break in it.
	blank := run(s, isSpace)
	for i := blank; i > 0; i-- {
		if c := s[i-1]; c == '\r' || c == '\n' {
			return i
		}
	}
	return spaces(s)
}

func isNewline(r rune) bool { return r == '\r' || r == '\n' }

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
