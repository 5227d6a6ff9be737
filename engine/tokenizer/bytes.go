package tokenizer

// Bytes is what a token adds to a text, not to be changed: none where it adds
// nothing, as special tokens and unused ids do.
func (t *Tokenizer) Bytes(id int) []byte {
	if id < 0 || id >= len(t.bytes) || t.IsSpecial(id) || t.kind(id) == typeUnused {
		return nil
	}
	return t.bytes[id]
}

// LeadingSpace tells whether a text of its own may begin with a space that is no
// part of it: the one that Decode and TextStream leave out.
func (t *Tokenizer) LeadingSpace() bool { return t.spec.Prefix != PrefixNone }
