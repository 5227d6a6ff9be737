package grammar

import (
	"fmt"
	"slices"
)

// std is a rule that many schemas share.
func (c *compiler) std(name string) uint32 {
	if rule, ok := c.standard[name]; ok {
		return rule
	}
	rule := c.rule()
	c.standard[name] = rule
	var at uint32
	switch name {
	case "any":
		at = c.split(c.literal("null", ret), c.boolean(), c.call(c.std("number"), ret), c.call(c.std("string"), ret),
			c.call(c.std("array"), ret), c.call(c.std("object"), ret))
	case "string":
		at = c.counted(0, unlimited)
	case "number":
		at = c.anyNumber()
	case "integer":
		at = c.anyInteger()
	case "array":
		at = c.elements(nil, c.std("any"), 0, unlimited)
	case "object":
		at = c.members(nil, c.std("any"), true)
	}
	c.place(rule, at)
	return rule
}

// space is a space or none and then next.
func (c *compiler) space(next uint32) uint32 { return c.split(next, c.bytes(setOf(" "), next)) }

func (c *compiler) boolean() uint32 {
	return c.split(c.literal("true", ret), c.literal("false", ret))
}

// prefixTree is texts by their beginnings.
type prefixTree struct {
	whole bool // a text ends here
	next  map[byte]*prefixTree
}

// enumeration is values from a list. What several begin with is read once.
func (c *compiler) enumeration(values []*value) uint32 {
	root := &prefixTree{}
	for _, v := range values {
		at := root
		for _, b := range v.appendJSON(nil) {
			if at.next == nil {
				at.next = map[byte]*prefixTree{}
			}
			if at.next[b] == nil {
				at.next[b] = &prefixTree{}
			}
			at = at.next[b]
		}
		at.whole = true
	}
	return c.tree(root)
}

func (c *compiler) tree(t *prefixTree) uint32 {
	var ways []uint32
	if t.whole {
		ways = append(ways, ret)
	}
	bytes := make([]byte, 0, len(t.next))
	for b := range t.next {
		bytes = append(bytes, b)
	}
	slices.Sort(bytes)
	for _, b := range bytes {
		ways = append(ways, c.bytes(span(b, b), c.tree(t.next[b])))
	}
	return c.split(ways...)
}

func (c *compiler) array(s *schema) (uint32, error) {
	rest := c.std("any")
	if s.items != nil {
		var err error
		if rest, err = c.ruleOf(s.items); err != nil {
			return 0, err
		}
	}
	prefix := make([]uint32, len(s.prefix))
	for i, p := range s.prefix {
		var err error
		if prefix[i], err = c.ruleOf(p); err != nil {
			return 0, err
		}
	}
	return c.elements(prefix, rest, s.minItems, s.maxItems), nil
}

// elements is an array of elements of their own rules, then of one rule. The
// first of these is apart from the loop of the others: it may be one that cannot
// be written, and then the loop is never entered.
func (c *compiler) elements(prefix []uint32, rest uint32, least, most int) uint32 {
	end := c.space(c.bytes(setOf("]"), ret))
	comma := func(next uint32) uint32 { return c.bytes(setOf(","), c.space(next)) }
	begun := len(prefix) + 1 // elements when the loop is first come to
	count := func(n int) uint32 { return uint32(max(0, n-begun)) }
	enough, stop := count(least), uint32(unlimited)
	stay := enough // a count that more need not be told from
	if most < unlimited {
		stop = count(most)
		stay = max(stay, stop)
	}
	loop := c.loop()
	again := c.emit(inst{op: opInc, arg: stay, next: loop})
	more := c.emit(inst{op: opBelow, arg: stop, next: comma(c.call(rest, again))})
	c.enter(loop, more, c.emit(inst{op: opAtLeast, arg: enough, next: end}))

	after := c.call(rest, loop)
	for i := len(prefix); i >= 0; i-- {
		// Here after is the element i and all behind it, then all behind i elements.
		var ways []uint32
		if i >= least {
			if i == 0 {
				ways = append(ways, c.bytes(setOf("]"), ret))
			} else {
				ways = append(ways, end)
			}
		}
		if i < most {
			if i == 0 {
				ways = append(ways, after)
			} else {
				ways = append(ways, comma(after))
			}
		}
		after = c.split(ways...)
		if i > 0 {
			after = c.call(prefix[i-1], after)
		}
	}
	return c.bytes(setOf("["), c.space(after))
}

func (c *compiler) object(s *schema) (uint32, error) {
	named := s.byName()
	required := map[string]bool{}
	for _, name := range s.required {
		required[name] = true
	}
	open := s.additional != nil || s.properties == nil
	rest := c.std("any")
	if s.additional != nil {
		var err error
		if rest, err = c.ruleOf(s.additional); err != nil {
			return 0, err
		}
	}
	var list []member
	for _, p := range s.properties {
		rule, err := c.ruleOf(p.schema)
		if err != nil {
			return 0, err
		}
		list = append(list, member{p.name, rule, required[p.name]})
	}
	for _, name := range s.required {
		if named[name] == nil { // a further one, which has to be there
			list = append(list, member{name, rest, true})
		}
	}
	return c.members(list, rest, open), nil
}

// member is a property that an object has, or may have.
type member struct {
	name     string
	rule     uint32
	required bool
}

// members is an object of properties in their order and then, if it is open, of
// any number of further ones.
func (c *compiler) members(list []member, rest uint32, open bool) uint32 {
	end := c.space(c.bytes(setOf("}"), ret))
	first, later := c.bytes(setOf("}"), ret), end // what is left of an object that has no member yet, and of one that has
	colon := func(next uint32) uint32 { return c.bytes(setOf(":"), c.space(next)) }
	comma := func(next uint32) uint32 { return c.bytes(setOf(","), c.space(next)) }
	if open {
		loop := c.loop()
		pair := c.bytes(setOf(`"`), c.otherName(list, colon(c.call(rest, loop))))
		c.enter(loop, end, comma(pair))
		first, later = c.split(first, pair), loop
	}
	for i := len(list) - 1; i >= 0; i-- {
		m := list[i]
		this := c.literal(string(appendString(nil, m.name)), colon(c.call(m.rule, later)))
		if m.required {
			first, later = this, comma(this)
		} else {
			first, later = c.split(first, this), c.split(later, comma(this))
		}
	}
	return c.bytes(setOf("{"), c.space(first))
}

// otherName is the rest of a property's name, behind its first quotation mark,
// that is none of the list's: those are told by what they begin with.
func (c *compiler) otherName(list []member, next uint32) uint32 {
	end := c.bytes(setOf(`"`), next)
	if len(list) == 0 {
		return c.characters(0, unlimited, true, end)
	}
	free := c.characters(0, unlimited, false, end)
	root := &nameTree{}
	for _, m := range list {
		at := root
		for _, r := range m.name {
			if at.next == nil {
				at.next = map[rune]*nameTree{}
			}
			if at.next[r] == nil {
				at.next[r] = &nameTree{}
			}
			at = at.next[r]
		}
		at.whole = true
	}
	return c.unlike(root, free, end)
}

// nameTree is names by the characters that they begin with.
type nameTree struct {
	whole bool
	next  map[rune]*nameTree
}

func (c *compiler) unlike(t *nameTree, free, end uint32) uint32 {
	var ways []uint32
	if !t.whole {
		ways = append(ways, end)
	}
	known := make([]rune, 0, len(t.next))
	for r := range t.next {
		known = append(known, r)
	}
	slices.Sort(known)
	from := rune(0)
	var others []rune
	for _, r := range known {
		if from < r {
			others = append(others, from, r-1)
		}
		from = r + 1
		ways = append(ways, c.rawRunes([]rune{r, r}, c.unlike(t.next[r], free, end))...)
	}
	others = append(others, from, maxRune)
	return c.split(append(ways, c.rawRunes(others, free)...)...)
}

func (c *compiler) text(s *schema) (uint32, error) {
	pattern, keyword := s.pattern, "pattern"
	switch {
	case s.format != "" && s.pattern != "":
		return 0, fmt.Errorf("%s: pattern and format at once are not supported", s.path)
	case s.format != "":
		pattern, keyword = formats[s.format], "format"
	case s.pattern == "" && s.minLength == 0 && s.maxLength == unlimited:
		return c.call(c.std("string"), ret), nil
	case s.pattern == "":
		return c.counted(s.minLength, s.maxLength), nil
	}
	at, err := c.pattern(pattern, s.minLength, s.maxLength)
	if err != nil {
		return 0, fmt.Errorf("%s/%s: %w", s.path, keyword, err)
	}
	return at, nil
}

// counted is a string of so many characters.
func (c *compiler) counted(least, most int) uint32 {
	return c.bytes(setOf(`"`), c.characters(least, most, true, c.bytes(setOf(`"`), ret)))
}
