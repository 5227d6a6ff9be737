package grammar

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// flat is a schema without $ref and allOf: a leaf, which says what a value is
// like, or a choice.
type flat struct {
	leaf   *schema
	choice *choice
}

// flattener makes flat what was read. Of the schemas within a schema it makes
// nothing yet, so that one which contains itself comes to an end.
type flattener struct {
	*reader
	flats map[*schema]*flat // nil: is being made
	joint map[string]*schema

	compared int // pairs that disjoint has looked at
}

// flatten makes a schema flat. A schema that leads to itself with no value in
// between says nothing, and is an error.
func (f *flattener) flatten(s *schema) (*flat, error) {
	if known, ok := f.flats[s]; ok {
		if known == nil {
			return nil, fmt.Errorf("%s: it refers to itself with no value in between", s.path)
		}
		return known, nil
	}
	f.flats[s] = nil
	var out *flat
	var err error
	if !s.plain {
		own := *s
		own.all, own.one = nil, nil
		out = &flat{leaf: &own}
	}
	for _, part := range s.all {
		var p *flat
		if p, err = f.flatten(part); err == nil {
			out, err = f.merge(out, p, s.path)
		}
		if err != nil {
			return nil, err
		}
	}
	for i := range s.one {
		if out, err = f.merge(out, &flat{choice: &s.one[i]}, s.path); err != nil {
			return nil, err
		}
	}
	f.flats[s] = out
	return out, nil
}

// merge is what satisfies both.
func (f *flattener) merge(a, b *flat, path string) (*flat, error) {
	switch {
	case a == nil:
		return b, nil
	case a.choice == nil && b.choice == nil:
		leaf, err := f.mergeLeaves(a.leaf, b.leaf, path)
		return &flat{leaf: leaf}, err
	case a.choice == nil:
		a, b = b, a
	}
	other := b.leaf
	if other == nil {
		var err error
		if other, err = f.make(path); err != nil {
			return nil, err
		}
		other.plain, other.one = true, []choice{*b.choice}
	}
	c := *a.choice
	c.of = slices.Clone(c.of)
	for i := range c.of {
		var err error
		if c.of[i], err = f.both(c.of[i], other); err != nil {
			return nil, err
		}
	}
	return &flat{choice: &c}, nil
}

// both is a schema that is satisfied by what satisfies a and b, either of which
// may be nil. Of the same schemas it is always the same one.
func (f *flattener) both(a, b *schema) (*schema, error) {
	if a == nil || b == nil || a == b {
		if a == nil {
			a = b
		}
		return a, nil
	}
	var parts []*schema
	for _, s := range []*schema{a, b} {
		if s.plain && len(s.one) == 0 {
			parts = append(parts, s.all...)
		} else {
			parts = append(parts, s)
		}
	}
	slices.SortFunc(parts, func(a, b *schema) int { return a.id - b.id })
	parts = slices.Compact(parts)
	if len(parts) == 1 {
		return parts[0], nil
	}
	var key []byte
	for _, p := range parts {
		key = binary.AppendUvarint(key, uint64(p.id))
	}
	if known, ok := f.joint[string(key)]; ok {
		return known, nil
	}
	s, err := f.make(a.path)
	if err != nil {
		return nil, err
	}
	s.plain, s.all = true, parts
	f.joint[string(key)] = s
	return s, nil
}

func (f *flattener) mergeLeaves(a, b *schema, path string) (*schema, error) {
	s, err := f.make(path)
	if err != nil {
		return nil, err
	}
	s.types, s.never = a.types&b.types, a.never || b.never
	if s.enum, s.hasEnum = a.enum, a.hasEnum || b.hasEnum; !a.hasEnum {
		s.enum = b.enum
	} else if b.hasEnum {
		s.enum = common(a.enum, b.enum)
	}
	if s.pattern, err = oneOf("pattern", a.pattern, b.pattern, path); err != nil {
		return nil, err
	}
	if s.format, err = oneOf("format", a.format, b.format, path); err != nil {
		return nil, err
	}
	s.minLength, s.maxLength = max(a.minLength, b.minLength), min(a.maxLength, b.maxLength)
	s.minItems, s.maxItems = max(a.minItems, b.minItems), min(a.maxItems, b.maxItems)
	s.low, s.high = tighter(a.low, b.low, 1), tighter(a.high, b.high, -1)
	if s.minLength > s.maxLength {
		s.types &^= typeString
	}
	if s.minItems > s.maxItems {
		s.types &^= typeArray
	}
	if err := f.mergeItems(s, a, b); err != nil {
		return nil, err
	}
	return s, f.mergeProperties(s, a, b)
}

// common is the values that are in both lists.
func common(a, b []*value) []*value {
	in := map[string]bool{}
	for _, v := range a {
		in[string(v.appendJSON(nil))] = true
	}
	var list []*value
	for _, v := range b {
		if in[string(v.appendJSON(nil))] {
			list = append(list, v)
		}
	}
	return list
}

func oneOf(keyword, a, b, path string) (string, error) {
	if a != "" && b != "" && a != b {
		return "", fmt.Errorf("%s: %s %.40q and %.40q for one value are not supported", path, keyword, a, b)
	}
	return max(a, b), nil
}

func (f *flattener) mergeItems(s, a, b *schema) (err error) {
	for i := range max(len(a.prefix), len(b.prefix)) {
		item, err := f.both(a.item(i), b.item(i))
		if err != nil {
			return err
		}
		if item == nil {
			if item, err = f.make(s.path); err != nil {
				return err
			}
		}
		s.prefix = append(s.prefix, item)
	}
	s.items, err = f.both(a.items, b.items)
	return err
}

// item is what element i must satisfy, nil: nothing.
func (s *schema) item(i int) *schema {
	if i < len(s.prefix) {
		return s.prefix[i]
	}
	return s.items
}

func (f *flattener) mergeProperties(s, a, b *schema) (err error) {
	if a.properties != nil || b.properties != nil {
		s.properties = []property{}
	}
	inA, inB := a.byName(), b.byName()
	for _, p := range a.properties {
		other, ok := inB[p.name]
		if !ok {
			other = b.additional
		}
		joint, err := f.both(p.schema, other)
		if err != nil {
			return err
		}
		s.properties = append(s.properties, property{p.name, joint})
	}
	for _, p := range b.properties {
		if _, ok := inA[p.name]; ok {
			continue
		}
		joint, err := f.both(p.schema, a.additional)
		if err != nil {
			return err
		}
		s.properties = append(s.properties, property{p.name, joint})
	}
	seen := map[string]bool{}
	for _, name := range slices.Concat(a.required, b.required) {
		if !seen[name] {
			s.required = append(s.required, name)
		}
		seen[name] = true
	}
	s.additional, err = f.both(a.additional, b.additional)
	return err
}

func (s *schema) byName() map[string]*schema {
	m := make(map[string]*schema, len(s.properties))
	for _, p := range s.properties {
		m[p.name] = p.schema
	}
	return m
}
