package grammar

import (
	"fmt"
	"regexp/syntax"
	"unicode"
)

// maxPattern is the most instructions of a regular expression.
const maxPattern = 4096

// parsePattern reads a regular expression.
func parsePattern(text string) (*syntax.Regexp, error) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%.100q is no regular expression that is supported: %w", text, err)
	}
	if op := unsupported(re); op != "" {
		return nil, fmt.Errorf("%.100q has %s in it, which is not supported", text, op)
	}
	return re, nil
}

func unsupported(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return "a word boundary"
	case syntax.OpBeginLine, syntax.OpEndLine:
		return "the start or end of a line"
	}
	for _, sub := range re.Sub {
		if op := unsupported(sub); op != "" {
			return op
		}
	}
	return ""
}

// pattern is a string in which a regular expression is found, of least to most
// characters, which have to be no more than what the expression says.
func (c *compiler) pattern(text string, least, most int) (uint32, error) {
	re, err := parsePattern(text)
	if err != nil {
		return 0, err
	}
	shortest, longest := lengths(re)
	if !anchored(re, syntax.OpBeginText) || !anchored(re, syntax.OpEndText) {
		longest = unlimited
	}
	if shortest < least || longest > most {
		return 0, fmt.Errorf("it allows %s, minLength and maxLength %s: lengths have to be written into it", between(shortest, longest), between(least, most))
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 0, err
	}
	if len(prog.Inst) > maxPattern {
		return 0, fmt.Errorf("it takes %d steps, expected at most %d", len(prog.Inst), maxPattern)
	}
	quote := c.bytes(setOf(`"`), ret)
	w := &patternWriter{c, prog, map[spot]uint32{}, quote, c.characters(0, unlimited, true, quote)}
	// It may begin behind any characters.
	behind := c.loop()
	any := append(c.plainCharacter(behind, unlimited), c.bytes(setOf(`\`), c.escaped(behind)))
	skip := c.split(any...)
	c.enter(behind, skip, w.write(spot{uint32(prog.Start), true, false}))
	return c.bytes(setOf(`"`), c.split(skip, w.write(spot{uint32(prog.Start), false, false}))), nil
}

func between(least, most int) string {
	if most >= unlimited {
		return fmt.Sprintf("%d characters and more", least)
	}
	return fmt.Sprintf("%d to %d characters", least, most)
}

// lengths is how many characters an expression can take.
func lengths(re *syntax.Regexp) (shortest, longest int) {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune), len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, 1
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			s, l := lengths(sub)
			shortest, longest = min(shortest+s, unlimited), min(longest+l, unlimited)
		}
		return shortest, longest
	case syntax.OpAlternate:
		shortest = unlimited
		for _, sub := range re.Sub {
			s, l := lengths(sub)
			shortest, longest = min(shortest, s), max(longest, l)
		}
		return shortest, longest
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		s, l := lengths(re.Sub[0])
		least, most := 0, -1
		switch re.Op {
		case syntax.OpPlus:
			least = 1
		case syntax.OpQuest:
			most = 1
		case syntax.OpRepeat:
			least, most = re.Min, re.Max
		}
		if most < 0 && l > 0 {
			return min(s*least, unlimited), unlimited
		}
		return min(s*least, unlimited), min(l*max(most, 0), unlimited)
	}
	return 0, 0
}

// anchored tells whether an expression has to begin, or to end, with op.
func anchored(re *syntax.Regexp, op syntax.Op) bool {
	switch re.Op {
	case op:
		return true
	case syntax.OpCapture:
		return anchored(re.Sub[0], op)
	case syntax.OpConcat:
		if op == syntax.OpEndText {
			return anchored(re.Sub[len(re.Sub)-1], op)
		}
		return anchored(re.Sub[0], op)
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if !anchored(sub, op) {
				return false
			}
		}
		return true
	}
	return false
}

// patternWriter writes the code of a regular expression.
type patternWriter struct {
	*compiler
	prog  *syntax.Prog
	known map[spot]uint32
	end   uint32 // the end of the string
	tail  uint32 // any characters and the end
}

// spot is a place in a regular expression: behind characters or at the start of
// the string, and where nothing may follow.
type spot struct {
	pc            uint32
	behind, ended bool
}

func (w *patternWriter) write(s spot) uint32 {
	if at, ok := w.known[s]; ok || w.over {
		return at
	}
	at := w.loop()
	w.known[s] = at
	i := &w.prog.Inst[s.pc]
	next := spot{i.Out, s.behind, s.ended}
	switch i.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		w.enter(at, w.write(next), w.write(spot{i.Arg, s.behind, s.ended}))
	case syntax.InstCapture, syntax.InstNop:
		w.enter(at, w.write(next))
	case syntax.InstEmptyWidth:
		if op := syntax.EmptyOp(i.Arg); op&syntax.EmptyBeginText == 0 || !s.behind {
			next.ended = s.ended || op&syntax.EmptyEndText != 0
			w.enter(at, w.write(next))
		}
	case syntax.InstMatch:
		if s.ended {
			w.enter(at, w.end)
		} else {
			w.enter(at, w.tail)
		}
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		if !s.ended {
			next.behind = true
			w.enter(at, w.runes(ranges(i), w.write(next))...)
		}
	}
	return at
}

// ranges are the characters of an instruction. A point stands for what it does
// both in Go and in ECMAScript, which knows more ends of lines.
func ranges(i *syntax.Inst) []rune {
	switch {
	case i.Op == syntax.InstRuneAny:
		return []rune{0, maxRune}
	case i.Op == syntax.InstRuneAnyNotNL:
		return []rune{0, '\n' - 1, '\n' + 1, '\r' - 1, '\r' + 1, 0x2027, 0x202a, maxRune}
	case len(i.Rune) == 1:
		r := i.Rune[0]
		all := []rune{r, r}
		if syntax.Flags(i.Arg)&syntax.FoldCase != 0 {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				all = append(all, f, f)
			}
		}
		return all
	}
	return i.Rune
}
