package grammar

import (
	"fmt"
	"strconv"
)

// disjoint tells whether it can be told that no value satisfies both schemas.
// deep bounds how far within values it looks.
func (f *flattener) disjoint(a, b *schema, deep int) (bool, error) {
	if f.compared++; f.compared > maxCompared {
		return false, fmt.Errorf("%s: its alternatives are too many to compare", a.path)
	}
	fa, err := f.flatten(a)
	if err != nil {
		return false, err
	}
	fb, err := f.flatten(b)
	if err != nil {
		return false, err
	}
	if deep == 0 {
		return false, nil
	}
	for _, side := range [2][2]*flat{{fa, fb}, {fb, fa}} {
		if side[0].choice == nil {
			continue
		}
		other := b
		if side[0] == fb {
			other = a
		}
		for _, alternative := range side[0].choice.of {
			if apart, err := f.disjoint(alternative, other, deep-1); err != nil || !apart {
				return false, err
			}
		}
		return true, nil
	}
	x, y := fa.leaf, fb.leaf
	if x.never || y.never {
		return true, nil
	}
	if x.hasEnum && y.hasEnum {
		for _, v := range x.values() {
			for _, w := range y.values() {
				if mayEqual(v, w) {
					return false, nil
				}
			}
		}
		return true, nil
	}
	switch x.kinds() & y.kinds() {
	case 0:
		return true, nil
	case typeObject:
		if apart, err := f.tagged(x, y, deep); err != nil || apart {
			return apart, err
		}
		return f.tagged(y, x, deep)
	}
	return false, nil
}

// tagged tells whether a property that x requires keeps x and y apart.
func (f *flattener) tagged(x, y *schema, deep int) (bool, error) {
	inX, inY := x.byName(), y.byName()
	for _, name := range x.required {
		mine, theirs := inX[name], inY[name]
		if theirs == nil {
			theirs = y.additional
		}
		if theirs == nil || mine == nil && !theirs.never {
			continue
		}
		if theirs.never {
			return true, nil
		}
		if apart, err := f.disjoint(mine, theirs, deep-1); err != nil || apart {
			return apart, err
		}
	}
	return false, nil
}

// values are those of enum that have one of the types.
func (s *schema) values() []*value {
	var list []*value
	for _, v := range s.enum {
		if v.types()&s.types != 0 {
			list = append(list, v)
		}
	}
	return list
}

// kinds are the types that a value can have.
func (s *schema) kinds() types {
	if !s.hasEnum {
		return s.types
	}
	all := types(0)
	for _, v := range s.values() {
		all |= v.types()
	}
	return all
}

// types is the type of a value.
func (v *value) types() types {
	switch v.kind {
	case null:
		return typeNull
	case boolean:
		return typeBoolean
	case text:
		return typeString
	case array:
		return typeArray
	case object:
		return typeObject
	}
	if d, err := parseDecimal(v.text); err == nil && d.frac == "" {
		return typeInteger
	}
	return typeFraction
}

// mayEqual tells whether two values are or may be equal.
func mayEqual(a, b *value) bool {
	switch {
	case a.kind != b.kind:
		return false
	case a.kind == number:
		x, errX := strconv.ParseFloat(a.text, 64)
		y, errY := strconv.ParseFloat(b.text, 64)
		return errX != nil || errY != nil || x == y
	case a.kind == array || a.kind == object:
		return true
	}
	return a.text == b.text
}
