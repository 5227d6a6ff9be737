package tokenizer

import "unicode/utf8"

// DecodeBytes is the bytes of tokens, special ones as their text. Ids that
// there are not are left out. Nothing is taken off, so that the bytes of a list are
// those of its parts.
func (t *Tokenizer) DecodeBytes(ids []int) []byte {
	var b []byte
	for _, id := range ids {
		if id >= 0 && id < len(t.bytes) {
			b = append(b, t.bytes[id]...)
		}
	}
	return b
}

// Decode is the text of tokens: DecodeBytes without the space that encoding puts
// before a text, where it does.
func (t *Tokenizer) Decode(ids []int) string {
	b := t.DecodeBytes(ids)
	if t.spec.Prefix != PrefixNone && len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	return string(b)
}

// Stream decodes tokens as they come.
type Stream struct {
	t     *Tokenizer
	held  []byte // the start of a character whose end has not come
	begin bool   // nothing has come of a text that begins with the space of a prefix
}

// Stream starts a stream of tokens that continue a text.
func (t *Tokenizer) Stream() *Stream { return &Stream{t: t} }

// TextStream starts a stream of tokens that are a text of their own, as an answer
// is: like Decode it leaves out the space that encoding puts before a text.
func (t *Tokenizer) TextStream() *Stream {
	return &Stream{t: t, begin: t.spec.Prefix != PrefixNone}
}

// Push is the text that has become complete with a token: never a part of a
// character. Special tokens are no text.
func (s *Stream) Push(id int) string {
	if id < 0 || id >= len(s.t.bytes) || s.t.IsSpecial(id) {
		return ""
	}
	b := s.t.bytes[id]
	if s.begin && len(b) > 0 {
		s.begin = false
		if b[0] == ' ' {
			b = b[1:]
		}
	}
	s.held = append(s.held, b...)
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
