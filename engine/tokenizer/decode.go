package tokenizer

import "unicode/utf8"

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
