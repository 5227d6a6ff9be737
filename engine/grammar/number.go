package grammar

import (
	"fmt"
	"strconv"
	"strings"
)

// Digits of the numbers that are written.
const (
	integerDigits  = 18 // they fit into 64 bits
	numberDigits   = 15 // before the point and after it: they fit into a float64
	exponentDigits = 2
)

// decimal is a number by its digits.
type decimal struct {
	negative bool
	int      string // without zeros in front: "0", "12"
	frac     string // without zeros at the end: "", "5"
}

// parseDecimal reads a number's literal in JSON.
func parseDecimal(s string) (d decimal, err error) {
	s, d.negative = strings.CutPrefix(s, "-")
	exponent := 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if exponent, err = strconv.Atoi(s[i+1:]); err != nil || exponent < -400 || exponent > 400 {
			return d, fmt.Errorf("the exponent of %.40s is not within -400 to 400", s)
		}
		s = s[:i]
	}
	d.int, d.frac, _ = strings.Cut(s, ".")
	for ; exponent > 0; exponent-- {
		digit := "0"
		if d.frac != "" {
			digit, d.frac = d.frac[:1], d.frac[1:]
		}
		d.int += digit
	}
	for ; exponent < 0; exponent++ {
		digit := "0"
		if d.int != "" {
			digit, d.int = d.int[len(d.int)-1:], d.int[:len(d.int)-1]
		}
		d.frac = digit + d.frac
	}
	d.int, d.frac = strings.TrimLeft(d.int, "0"), strings.TrimRight(d.frac, "0")
	if d.int == "" {
		d.int = "0"
	}
	d.negative = d.negative && !d.zero()
	return d, nil
}

func (d decimal) zero() bool { return d.int == "0" && d.frac == "" }

// less tells whether d is less than e.
func (d decimal) less(e decimal) bool {
	switch {
	case d.negative != e.negative:
		return d.negative
	case d.negative:
		d, e = e, d
	}
	if len(d.int) != len(e.int) {
		return len(d.int) < len(e.int)
	}
	if d.int != e.int {
		return d.int < e.int
	}
	return d.frac < e.frac // digits of fractions compare as texts do
}

// bound is a limit of numbers.
type bound struct {
	decimal
	open bool // the limit itself is not allowed
}

// readBound reads a limit into to. Of two the tighter holds: where sign is 1 the
// larger, where it is -1 the smaller.
func readBound(v *value, path string, open bool, to **bound, sign int) error {
	if v.kind != number {
		return fmt.Errorf("%s: it is %v, expected a number", path, v.kind)
	}
	d, err := parseDecimal(v.text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	*to = tighter(*to, &bound{d, open}, sign)
	return nil
}

func tighter(a, b *bound, sign int) *bound {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.less(b.decimal) == (sign > 0) && a.decimal != b.decimal:
		return b
	case a.decimal == b.decimal && b.open:
		return b
	}
	return a
}

const digits = "0123456789"

// upTo is up to n digits, at each of which what is in other may come instead.
func (c *compiler) upTo(n int, other ...uint32) uint32 {
	at := c.split(other...)
	for range n {
		at = c.split(append(other[:len(other):len(other)], c.bytes(setOf(digits), at))...)
	}
	return at
}

func (c *compiler) anyInteger() uint32 {
	large := c.bytes(setOf(digits[1:]), c.upTo(integerDigits-1, ret))
	return c.split(c.bytes(setOf("0"), ret), large, c.bytes(setOf("-"), large))
}

func (c *compiler) anyNumber() uint32 {
	exponent := c.bytes(setOf(digits), c.upTo(exponentDigits-1, ret))
	exponent = c.bytes(setOf("eE"), c.split(exponent, c.bytes(setOf("+-"), exponent)))
	fraction := c.bytes(setOf("."), c.bytes(setOf(digits), c.upTo(numberDigits-1, ret, exponent)))
	whole := c.split(c.bytes(setOf("0"), c.split(ret, fraction, exponent)),
		c.bytes(setOf(digits[1:]), c.upTo(numberDigits-1, ret, fraction, exponent)))
	return c.split(whole, c.bytes(setOf("-"), whole))
}

// number is a number within the limits of a schema.
func (c *compiler) number(s *schema) uint32 {
	integer := s.types&typeFraction == 0
	if s.low == nil && s.high == nil {
		if integer {
			return c.call(c.std("integer"), ret)
		}
		return c.call(c.std("number"), ret)
	}
	var ways []uint32
	if s.high == nil || !s.high.negative {
		low := bound{decimal: decimal{int: "0"}}
		if s.low != nil && !s.low.negative {
			low = *s.low
		}
		ways = append(ways, c.magnitude(low, s.high, integer))
	}
	if s.low == nil || s.low.negative {
		// From 0, which is not written with a sign, or what is nearest to it.
		low, high := bound{decimal: decimal{int: "0"}, open: true}, s.low
		if s.high != nil && s.high.negative {
			low = *s.high
			low.negative = false
		}
		if high != nil {
			h := *high
			h.negative = false
			high = &h
		}
		ways = append(ways, c.bytes(setOf("-"), c.magnitude(low, high, integer)))
	}
	return c.split(ways...)
}

// magnitude is a number without sign between two limits, either of which may be
// what it is written towards digit by digit.
func (c *compiler) magnitude(low bound, high *bound, integer bool) uint32 {
	most := numberDigits
	if integer {
		most = integerDigits
	}
	if high != nil && len(high.int) > most { // which no number that is written reaches
		high = nil
	}
	m := &magnitude{c, low, high, integer, map[digit]uint32{}}
	if high != nil {
		most = len(high.int)
	}
	var ways []uint32
	for n := len(low.int); n <= most; n++ {
		ways = append(ways, m.whole(n, 0, n == len(low.int), high != nil && n == len(high.int)))
	}
	return c.split(ways...)
}

// magnitude writes the digits of numbers between limits.
type magnitude struct {
	*compiler
	low     bound
	high    *bound
	integer bool
	known   map[digit]uint32
}

// digit is where a number has come to, and whether it is so far the beginning of
// a limit, so that its next digits are not free.
type digit struct {
	n, at         int // digits before the point, -1 behind it; digits written
	atLow, atHigh bool
}

// whole is what follows at of n digits before the point.
func (m *magnitude) whole(n, at int, atLow, atHigh bool) uint32 {
	key := digit{n, at, atLow, atHigh}
	if pc, ok := m.known[key]; ok {
		return pc
	}
	var pc uint32
	if at == n {
		pc = m.end(0, atLow, atHigh)
	} else {
		lo, hi := byte('0'), byte('9')
		if at == 0 && n > 1 {
			lo = '1'
		}
		if atLow {
			lo = max(lo, m.low.int[at])
		}
		if atHigh {
			hi = m.high.int[at]
		}
		pc = m.choose(lo, hi, atLow, atHigh, func(atLow, atHigh bool) uint32 { return m.whole(n, at+1, atLow, atHigh) })
	}
	m.known[key] = pc
	return pc
}

// end is what follows at digits behind the point, of which there are none where
// at is 0: the end, if the number is within the limits, or more digits.
func (m *magnitude) end(at int, atLow, atHigh bool) uint32 {
	key := digit{-1, at, atLow, atHigh}
	if pc, ok := m.known[key]; ok {
		return pc
	}
	var ways []uint32
	above := !atLow || at >= len(m.low.frac) && !m.low.open
	below := !atHigh || at < len(m.high.frac) || !m.high.open
	if above && below {
		ways = append(ways, ret)
	}
	if !m.integer && at < numberDigits {
		lo, hi := byte('0'), byte('9')
		if atLow && at < len(m.low.frac) {
			lo = m.low.frac[at]
		}
		if atHigh {
			if hi = '0'; at < len(m.high.frac) {
				hi = m.high.frac[at]
			}
		}
		more := m.choose(lo, hi, atLow, atHigh, func(atLow, atHigh bool) uint32 { return m.end(at+1, atLow, atHigh) })
		if at == 0 {
			more = m.bytes(setOf("."), more)
		}
		ways = append(ways, more)
	}
	pc := m.split(ways...)
	m.known[key] = pc
	return pc
}

// choose is a digit from lo to hi and what follows it: the first is still at the
// lower limit and the last at the upper one, if the digits before were.
func (m *magnitude) choose(lo, hi byte, atLow, atHigh bool, next func(atLow, atHigh bool) uint32) uint32 {
	var ways []uint32
	for from := lo; from <= hi; from++ {
		to := from
		l, h := atLow && from == lo, atHigh && from == hi
		for !l && !h && to < hi && !(atHigh && to+1 == hi) {
			to++
		}
		ways = append(ways, m.bytes(span(from, to), next(l, h)))
		from = to
	}
	return m.split(ways...)
}
