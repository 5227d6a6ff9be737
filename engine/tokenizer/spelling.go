package tokenizer

import "unicode/utf8"

// Byte-level vocabularies spell each byte as one printable character: itself
// where it is printable in Latin-1, else one from U+0100 on, in order.
var (
	spelling [256]rune
	unspell  = map[rune]byte{}
)

func init() {
	next := rune(0x100)
	for b := range 256 {
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae && b <= 0xff) {
			r = next
			next++
		}
		spelling[b], unspell[r] = r, byte(b)
	}
}

// spell is a string of bytes in byte-level spelling.
func spell(s string) string {
	b := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		b = utf8.AppendRune(b, spelling[s[i]])
	}
	return string(b)
}

// fromSpelling is the bytes of a token. A character that spells no byte stands
// for itself: added tokens are kept as plain text in some vocabularies.
func fromSpelling(token string) []byte {
	b := make([]byte, 0, len(token))
	for _, r := range token {
		if c, ok := unspell[r]; ok {
			b = append(b, c)
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}
