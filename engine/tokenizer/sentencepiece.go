package tokenizer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// underline is SentencePiece's spelling of a space, U+2581.
const underline = "▁"

// pieces is what SentencePiece's text is made of.
type pieces struct {
	// chars are the tokens of the characters. One that has none, but is in tokens,
	// has an id beyond the tokens: SentencePiece merges by spelling, and so may
	// make a token of a character that is none.
	chars map[rune]int32
	atoms []string // the characters of those ids
	// inside are the neighbours inside some token. No merge reaches across two
	// characters that are not among them, so that a text may be cut there, into
	// words that are merged alone and remembered. Without it a document is one
	// word, whose heap would not fit the processor's caches.
	inside map[pair]struct{}
	// near is inside of the characters that make up most texts, a bit each.
	near [nearby][nearby / 64]uint64
}

// nearby is the number of characters that have an index in near: ASCII, with the
// mark of a space in the place of the last control character.
const nearby = 128

// nearIndex is a character's index in near; nearby or more where it has none.
func nearIndex(r rune) uint32 {
	switch {
	case r == '▁':
		return nearby - 1
	case r == nearby-1:
		return nearby
	}
	return uint32(r)
}

func (p *pieces) join(a, b rune) {
	if i, j := nearIndex(a), nearIndex(b); i < nearby && j < nearby {
		p.near[i][j/64] |= 1 << (j % 64)
	} else {
		p.inside[pairOf(a, b)] = struct{}{}
	}
}

// joined tells whether some token has the two side by side.
func (p *pieces) joined(a, b rune) bool {
	if i, j := nearIndex(a), nearIndex(b); i < nearby && j < nearby {
		return p.near[i][j/64]>>(j%64)&1 != 0
	}
	_, ok := p.inside[pairOf(a, b)]
	return ok
}

// maxPiece bounds the bytes of a token that is taken apart in every way there is.
const maxPiece = 1 << 10

func (t *Tokenizer) buildPieces() error {
	s := &t.spec
	if s.IgnoreMerges {
		return fmt.Errorf("a SentencePiece vocabulary that ignores merges, expected one that does not")
	}
	if len(s.Merges) == 0 && len(s.Scores) == 0 {
		return fmt.Errorf("no merges and no scores: SentencePiece BPE needs one of them")
	}
	if len(s.Types) == 0 {
		s.Types = s.typesByName()
	}
	t.split = t.splitPieces
	t.pieces = pieces{chars: map[rune]int32{}, inside: map[pair]struct{}{}}
	for id, text := range s.Tokens {
		switch t.kind(id) {
		case typeByte:
			b, ok := byteOf(text)
			if !ok {
				return fmt.Errorf("token %d is of the type of bytes and %q, expected <0x00> to <0xFF>", id, text)
			}
			t.bytes[id], t.byteID[b] = []byte{b}, int32(id)
			continue
		case typeNormal, typeUser:
			t.bytes[id] = []byte(strings.ReplaceAll(text, underline, " "))
		default:
			t.bytes[id] = []byte(text)
			continue
		}
		before, size := character(text)
		if size == len(text) {
			t.pieces.chars[before] = int32(id)
		}
		for rest := text[size:]; rest != ""; rest = rest[size:] {
			var r rune
			r, size = character(rest)
			t.pieces.join(before, r)
			before = r
		}
	}
	if len(s.Merges) == 0 {
		return t.addScores()
	}
	return t.addMerges(func(left, right, whole int) bool { return t.isPiece(left) && t.isPiece(right) && t.isPiece(whole) })
}

// typesByName are the types of a vocabulary that does not tell them.
func (s Spec) typesByName() []int32 {
	types := make([]int32, len(s.Tokens))
	for id, text := range s.Tokens {
		types[id] = typeNormal
		if _, ok := byteOf(text); ok {
			types[id] = typeByte
		}
	}
	for _, id := range []int{s.BOS, s.EOS, s.PAD} {
		if id >= 0 {
			types[id] = typeControl
		}
	}
	if s.UNK >= 0 {
		types[s.UNK] = typeUnknown
	}
	return types
}

// isPiece tells whether a token may come of plain text by merging.
func (t *Tokenizer) isPiece(id int) bool {
	kind := t.kind(id)
	return kind == typeNormal || kind == typeUser
}

// addScores makes the merges of a vocabulary that has scores instead: SentencePiece
// merges the neighbours that make the token with the highest score, whichever they
// are, of equal ones the leftmost.
func (t *Tokenizer) addScores() error {
	order := make([]int, 0, len(t.spec.Tokens))
	for id, score := range t.spec.Scores {
		if math.IsNaN(float64(score)) {
			return fmt.Errorf("token %d has the score NaN, expected a number", id)
		}
		if t.isPiece(id) {
			order = append(order, id)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(t.spec.Scores[b], t.spec.Scores[a]) })
	rank := int32(0)
	for i, id := range order {
		if i > 0 && t.spec.Scores[id] != t.spec.Scores[order[i-1]] {
			rank++
		}
		text := t.spec.Tokens[id]
		if len(text) > maxPiece {
			return fmt.Errorf("token %d is %d bytes long, expected at most %d", id, len(text), maxPiece)
		}
		for at := range text {
			if at == 0 {
				continue
			}
			left, right := t.symbol(text[:at]), t.symbol(text[at:])
			if left >= 0 && right >= 0 {
				t.merges[pairOf(left, right)] = merge{rank, int32(id)}
			}
		}
	}
	return nil
}

// MergeScores are scores for a vocabulary that has merges instead, for readers that
// know only scores: of each token the higher the sooner a merge makes it. Which
// two parts make it is lost.
func (s Spec) MergeScores() []float32 {
	scores := make([]float32, len(s.Tokens))
	ids := make(map[string]int, len(s.Tokens))
	for id, text := range s.Tokens {
		ids[text] = id
		if id >= len(s.Types) || s.Types[id] == typeNormal || s.Types[id] == typeUser {
			scores[id] = -float32(len(s.Merges))
		}
	}
	for rank, m := range s.Merges {
		a, b, _ := strings.Cut(m, " ")
		if id, ok := ids[a+b]; ok {
			scores[id] = max(scores[id], -float32(rank))
		}
	}
	return scores
}

// symbol is the id of a part of a token: a token's, or that of a character that is
// none; -1 where it is neither.
func (t *Tokenizer) symbol(text string) int32 {
	if id, ok := t.ids[text]; ok && t.isPiece(id) {
		return int32(id)
	}
	r, size := character(text)
	if size != len(text) {
		return -1
	}
	id, ok := t.pieces.chars[r]
	if !ok {
		id = int32(len(t.spec.Tokens) + len(t.pieces.atoms))
		t.pieces.chars[r], t.pieces.atoms = id, append(t.pieces.atoms, text)
	}
	return id
}

// character is the first character of a text and its size. A byte that is not UTF-8
// is a character of its own, which no token has.
func character(s string) (rune, int) {
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 {
		r = -1 - rune(s[0])
	}
	return r, size
}

// byteOf is the byte that a token such as <0x0A> stands for.
func byteOf(token string) (byte, bool) {
	hex, ok := strings.CutPrefix(token, "<0x")
	if !ok || len(hex) != 3 || hex[2] != '>' || strings.ToUpper(hex) != hex {
		return 0, false
	}
	b, err := strconv.ParseUint(hex[:2], 16, 8)
	return byte(b), err == nil
}

// spelled is a text between added tokens in SentencePiece's spelling. begin says
// that nothing comes before it.
func (t *Tokenizer) spelled(text string, begin bool) string {
	prefix := false
	switch t.spec.Prefix {
	case PrefixAlways:
		prefix = text != ""
	case PrefixFirst, PrefixMissing:
		prefix = text != "" && text[0] != ' ' && !strings.HasPrefix(text, underline) && (begin || t.spec.Prefix == PrefixMissing)
	}
	var b strings.Builder
	b.Grow(len(text) + (len(underline)-1)*strings.Count(text, " ") + len(underline))
	if prefix {
		b.WriteString(underline)
	}
	for {
		at := strings.IndexByte(text, ' ')
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:at])
		b.WriteString(underline)
		text = text[at+1:]
	}
}

// splitPieces is the first word of a text: up to where no merge reaches across.
func (t *Tokenizer) splitPieces(text string) int {
	before, n := character(text)
	for n < len(text) {
		r, size := character(text[n:])
		if !t.pieces.joined(before, r) {
			break
		}
		before, n = r, n+size
	}
	return n
}

// charSymbols appends the symbols of a word's characters.
func (t *Tokenizer) charSymbols(symbols []symbol, word string) []symbol {
	for len(word) > 0 {
		r, size := character(word)
		if id, ok := t.pieces.chars[r]; ok {
			symbols = appendSymbol(symbols, id)
		} else {
			for _, id := range t.bytesOf(nil, word[:size]) {
				symbols = appendSymbol(symbols, int32(id))
			}
		}
		word = word[size:]
	}
	return symbols
}

// bytesOf appends what a character without a token becomes: the tokens of its
// bytes, or UNK where there is not one for each, or nothing where there is no UNK.
func (t *Tokenizer) bytesOf(ids []int, char string) []int {
	n := len(ids)
	for i := range len(char) {
		id := t.byteID[char[i]]
		if id < 0 {
			if ids = ids[:n]; t.spec.UNK >= 0 {
				ids = append(ids, t.spec.UNK)
			}
			break
		}
		ids = append(ids, int(id))
	}
	return ids
}
