package tokenizer

// FindSpecial is the leftmost control or user-defined token that is spelled in
// text, of several there the longest: where it starts, its length and its id.
// Where there is none it starts at the end, with no length.
func (t *Tokenizer) FindSpecial(text string) (at, length, id int) { return t.special.find(text, 0) }
