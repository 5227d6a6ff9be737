package grammar

import "fmt"

// compiler turns schemas into rules.
type compiler struct {
	*builder
	*flattener
	ofFlat   map[*flat]uint32
	standard map[string]uint32
	waiting  []pending
	made     []pending // rules of schemas, in the order in which they were written
}

// pending is a rule that is not written yet.
type pending struct {
	rule uint32
	*flat
	path  string
	jumps []uint32 // the rules that it may go on at without a byte
}

// compile makes the program of a schema, for a vocabulary that has tokens for
// the single bytes of alphabet: what only others could write is left out. With
// space there may be one before the value.
func compile(doc *value, alphabet byteSet, space bool) (*program, error) {
	r := &reader{root: doc, known: map[*value]*schema{}}
	root, err := r.read(doc, "#")
	if err != nil {
		return nil, err
	}
	c := &compiler{newBuilder(), &flattener{r, map[*schema]*flat{}, map[string]*schema{}, 0}, map[*flat]uint32{}, map[string]uint32{}, nil, nil}
	if _, err := c.ruleOf(root); err != nil {
		return nil, err
	}
	for len(c.waiting) > 0 {
		p := c.waiting[0]
		c.waiting = c.waiting[1:]
		at, err := c.write(&p)
		if err == nil {
			err = c.err(p.path)
		}
		if err != nil {
			return nil, err
		}
		c.place(p.rule, at)
		c.made = append(c.made, p)
	}
	if err := c.checkJumps(); err != nil {
		return nil, err
	}
	c.start = c.call(0, ret)
	if space {
		c.start = c.space(c.start)
	}
	live := c.prune(alphabet)
	if !live[c.rules[0]] {
		return nil, fmt.Errorf("%s: no value that can be written satisfies it", c.culprit(live))
	}
	c.classify()
	p := c.program // the rest was for compiling
	return &p, nil
}

// ruleOf is the rule of a schema's values.
func (c *compiler) ruleOf(s *schema) (uint32, error) {
	f, err := c.flatten(s)
	if err != nil {
		return 0, err
	}
	rule, ok := c.ofFlat[f]
	if !ok {
		rule = c.rule()
		c.ofFlat[f] = rule
		c.waiting = append(c.waiting, pending{rule: rule, flat: f, path: s.path})
	}
	return rule, nil
}

// write writes a rule's code.
func (c *compiler) write(p *pending) (uint32, error) {
	if p.choice != nil {
		return c.writeChoice(p)
	}
	s := p.leaf
	bare := s.bare()
	switch {
	case s.never:
		return c.split(), nil
	case s.hasEnum && !bare:
		return 0, fmt.Errorf("%s: enum or const beside another keyword than type is not supported", p.path)
	case s.hasEnum:
		return c.enumeration(s.values()), nil
	case bare && s.types == anyType:
		return c.call(c.std("any"), ret), nil
	}
	var ways []uint32
	for _, t := range []struct {
		types types
		write func(s *schema) (uint32, error)
	}{
		{typeNull, func(*schema) (uint32, error) { return c.literal("null", ret), nil }},
		{typeBoolean, func(*schema) (uint32, error) { return c.boolean(), nil }},
		{typeInteger, func(s *schema) (uint32, error) { return c.number(s), nil }},
		{typeString, c.text},
		{typeArray, c.array},
		{typeObject, c.object},
	} {
		if s.types&t.types == 0 {
			continue
		}
		way, err := t.write(s)
		if err != nil {
			return 0, err
		}
		ways = append(ways, way)
	}
	return c.split(ways...), nil
}

// bare tells whether a schema says nothing but types and values.
func (s *schema) bare() bool {
	return s.minLength == 0 && s.maxLength == unlimited && s.pattern == "" && s.format == "" && s.low == nil && s.high == nil &&
		s.prefix == nil && s.items == nil && s.minItems == 0 && s.maxItems == unlimited &&
		s.properties == nil && s.required == nil && s.additional == nil
}

func (c *compiler) writeChoice(p *pending) (uint32, error) {
	of := p.choice.of
	if p.choice.exclusive {
		for i := range of {
			for j := range i {
				apart, err := c.disjoint(of[j], of[i], maxAlike)
				if err != nil {
					return 0, err
				}
				if !apart {
					return 0, fmt.Errorf("%s: it cannot be told that no value satisfies both %d and %d; anyOf allows such", p.choice.path, j, i)
				}
			}
		}
	}
	ways := make([]uint32, len(of))
	for i, s := range of {
		rule, err := c.ruleOf(s)
		if err != nil {
			return 0, err
		}
		p.jumps = append(p.jumps, rule)
		ways[i] = c.call(rule, ret)
	}
	return c.split(ways...), nil
}

// maxAlike is how deep the alternatives of oneOf are compared.
const maxAlike = 8

// checkJumps finds alternatives that lead to themselves without a byte.
func (c *compiler) checkJumps() error {
	jumps := map[uint32]pending{}
	for _, p := range c.made {
		jumps[p.rule] = p
	}
	const entered, left = 1, 2
	seen := make([]uint8, len(c.rules))
	var visit func(rule uint32) error
	visit = func(rule uint32) error {
		seen[rule] = entered
		for _, to := range jumps[rule].jumps {
			if seen[to] == entered {
				return fmt.Errorf("%s: it refers to itself with no value in between", jumps[to].path)
			}
			if seen[to] == 0 {
				if err := visit(to); err != nil {
					return err
				}
			}
		}
		seen[rule] = left
		return nil
	}
	for _, p := range c.made {
		if seen[p.rule] == 0 {
			if err := visit(p.rule); err != nil {
				return err
			}
		}
	}
	return nil
}

// culprit is the place that is to blame for a schema without values, as far as
// required properties lead to it.
func (c *compiler) culprit(live []bool) string {
	p, seen := c.made[0], map[uint32]bool{}
next:
	for !seen[p.rule] && p.leaf != nil {
		seen[p.rule] = true
		named := p.leaf.byName()
		for _, name := range p.leaf.required {
			if named[name] == nil {
				continue
			}
			f, err := c.flatten(named[name])
			if rule, ok := c.ofFlat[f]; err == nil && ok && !live[c.rules[rule]] {
				for _, m := range c.made {
					if m.rule == rule {
						p = m
						continue next
					}
				}
			}
		}
		break
	}
	return p.path
}

// prune leaves out of the code what never comes to an end in bytes of alphabet,
// and tells what is left.
func (c *compiler) prune(alphabet byteSet) []bool {
	for i := range c.sets {
		c.sets[i] = c.sets[i].and(alphabet)
	}
	// users are who becomes live with an instruction, and with a rule.
	users, callers := make([][]uint32, len(c.code)), make([][]uint32, len(c.rules))
	for pc := range c.code {
		i := &c.code[pc]
		switch i.op {
		case opSplit:
			for _, to := range i.to {
				users[to] = append(users[to], uint32(pc))
			}
		case opCall:
			users[i.next] = append(users[i.next], uint32(pc))
			callers[i.arg] = append(callers[i.arg], uint32(pc))
		case opJump:
			callers[i.arg] = append(callers[i.arg], uint32(pc))
		case opByte, opInc, opBelow, opAtLeast:
			users[i.next] = append(users[i.next], uint32(pc))
		}
	}
	begins := make(map[uint32][]uint32, len(c.rules)) // the rules that begin at an instruction
	for rule, at := range c.rules {
		begins[at] = append(begins[at], uint32(rule))
	}
	live := make([]bool, len(c.code))
	todo := []uint32{ret}
	live[ret] = true
	check := func(pc uint32) {
		i := &c.code[pc]
		ok := !live[pc]
		switch i.op {
		case opByte:
			ok = ok && !c.sets[i.set].empty()
		case opCall:
			ok = ok && live[i.next] && live[c.rules[i.arg]]
		}
		if ok {
			live[pc] = true
			todo = append(todo, pc)
		}
	}
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, u := range users[pc] {
			check(u)
		}
		for _, rule := range begins[pc] {
			for _, u := range callers[rule] {
				check(u)
			}
		}
	}
	for pc := range c.code {
		i := &c.code[pc]
		kept := i.to[:0]
		for _, to := range i.to {
			if live[to] {
				kept = append(kept, to)
			}
		}
		i.to = kept
	}
	return live
}
