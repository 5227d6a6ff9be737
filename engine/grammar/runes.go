package grammar

import "unicode/utf8"

const maxRune = utf8.MaxRune

// characters is so many characters of a string, written in any way or without
// escapes, and then next.
func (c *compiler) characters(least, most int, escapes bool, next uint32) uint32 {
	loop := c.loop()
	again := loop
	if least > 0 || most < unlimited {
		stay := most // more need not be told apart
		if most == unlimited {
			stay = least
		}
		again = c.emit(inst{op: opInc, arg: uint32(stay), next: loop})
		next = c.emit(inst{op: opAtLeast, arg: uint32(least), next: next})
	}
	ways := c.plainCharacter(again, uint32(most))
	if escapes {
		ways = append(ways, c.bytes(setOf(`\`), c.escaped(again)))
	}
	more := c.split(ways...)
	if most < unlimited {
		more = c.emit(inst{op: opBelow, arg: uint32(most), next: more})
	}
	c.enter(loop, more, next)
	return loop
}

// plainCharacter is a character that stands for itself in a string: UTF-8 as
// RFC 3629 has it, without surrogates and overlong forms.
func (c *compiler) plainCharacter(next, most uint32) []uint32 {
	ascii := span(0x20, 0x7f)
	ascii.remove('"')
	ascii.remove('\\')
	tail := span(0x80, 0xbf)
	one := c.bytes(tail, next)
	two := c.bytes(tail, one)
	three := c.bytes(tail, two)
	most3 := span(0xe1, 0xef)
	most3.remove(0xed)
	first := func(s byteSet, next uint32) uint32 {
		return c.emit(inst{op: opByte, set: c.set(s), next: next, char: true, arg: most})
	}
	return []uint32{
		first(ascii, next),
		first(span(0xc2, 0xdf), one),
		first(most3, two),
		first(span(0xe0, 0xe0), c.bytes(span(0xa0, 0xbf), one)),
		first(span(0xed, 0xed), c.bytes(span(0x80, 0x9f), one)),
		first(span(0xf1, 0xf3), three),
		first(span(0xf0, 0xf0), c.bytes(span(0x90, 0xbf), two)),
		first(span(0xf4, 0xf4), c.bytes(span(0x80, 0x8f), two)),
	}
}

// escaped is what follows a backslash: not half of a surrogate pair, which some
// readers take for a character and some refuse.
func (c *compiler) escaped(next uint32) uint32 {
	hex := setOf("0123456789abcdefABCDEF")
	last2 := c.bytes(hex, c.bytes(hex, next))
	return c.split(c.bytes(setOf(`"\/bfnrt`), next), c.bytes(setOf("u"), c.split(
		c.bytes(setOf("0123456789abcefABCEF"), c.bytes(hex, last2)),
		c.bytes(setOf("dD"), c.bytes(setOf("01234567"), last2)))))
}

// rawRunes are characters of ranges, pairs of a first and a last one, as they are
// written without escapes.
func (c *compiler) rawRunes(ranges []rune, next uint32) []uint32 {
	var ways []uint32
	for i := 0; i+1 < len(ranges); i += 2 {
		for _, part := range [][2]rune{{0x20, '"' - 1}, {'"' + 1, '\\' - 1}, {'\\' + 1, 0xd7ff}, {0xe000, maxRune}} {
			lo, hi := max(ranges[i], part[0]), min(ranges[i+1], part[1])
			if lo <= hi {
				ways = c.utf8Range(ways, lo, hi, next)
			}
		}
	}
	return ways
}

// runes are characters of ranges as a string has them, with the escapes that they
// need and no others.
func (c *compiler) runes(ranges []rune, next uint32) []uint32 {
	ways := c.rawRunes(ranges, next)
	for r := rune(0); r <= '\\'; r++ {
		if escape(r) == "" {
			continue
		}
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= r && r <= ranges[i+1] {
				ways = append(ways, c.literal(escape(r), next))
				break
			}
		}
	}
	return ways
}

// utf8Range adds the UTF-8 of the characters from lo to hi, of which none is a
// surrogate, to ways. It is divided until every byte goes through a range of its
// own, whatever the others are.
func (c *compiler) utf8Range(ways []uint32, lo, hi rune, next uint32) []uint32 {
	for _, end := range []rune{0x7f, 0x7ff, 0xffff} {
		if lo <= end && end < hi {
			return c.utf8Range(c.utf8Range(ways, lo, end, next), end+1, hi, next)
		}
	}
	for i := 1; i < utf8.RuneLen(lo); i++ {
		m := rune(1)<<(6*i) - 1 // the bits of the last i bytes
		if lo&^m == hi&^m {
			continue
		}
		if lo&m != 0 {
			return c.utf8Range(c.utf8Range(ways, lo, lo|m, next), (lo|m)+1, hi, next)
		}
		if hi&m != m {
			return c.utf8Range(c.utf8Range(ways, lo, hi&^m-1, next), hi&^m, hi, next)
		}
	}
	var a, b [utf8.UTFMax]byte
	n := utf8.EncodeRune(a[:], lo)
	utf8.EncodeRune(b[:], hi)
	for i := n - 1; i >= 0; i-- {
		next = c.bytes(span(a[i], b[i]), next)
	}
	return append(ways, next)
}
