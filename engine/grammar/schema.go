package grammar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// types is a set of JSON Schema's types. A number is an integer or has a fraction.
type types uint8

const (
	typeNull types = 1 << iota
	typeBoolean
	typeInteger
	typeFraction
	typeString
	typeArray
	typeObject

	typeNumber = typeInteger | typeFraction
	anyType    = typeNull | typeBoolean | typeNumber | typeString | typeArray | typeObject
)

var typeNames = map[string]types{"null": typeNull, "boolean": typeBoolean, "integer": typeInteger, "number": typeNumber,
	"string": typeString, "array": typeArray, "object": typeObject}

// schema is a schema as it was read, or what allOf makes of several.
type schema struct {
	id   int
	path string

	all   []*schema // each of which must hold: of $ref and allOf
	one   []choice  // of each of which one must hold: of anyOf and oneOf
	plain bool      // nothing but all and one is said

	never bool
	types types

	enum    []*value // with hasEnum: the values that there are
	hasEnum bool

	minLength, maxLength int    // characters; unlimited: no maximum
	pattern              string // "": none
	format               string // "": none

	low, high *bound // of numbers; nil: none

	prefix             []*schema
	items              *schema // of the elements after prefix; nil: any
	minItems, maxItems int

	properties []property
	required   []string
	additional *schema // nil: not said
}

type property struct {
	name string
	*schema
}

// choice is the alternatives of anyOf, or of oneOf.
type choice struct {
	of        []*schema
	exclusive bool // oneOf: not two of them
	path      string
}

// unlimited stands for a maximum that there is not.
const unlimited = 1 << 30

// reader reads the schemas of a document, each place once.
type reader struct {
	root  *value
	known map[*value]*schema
	nodes int
}

// make makes a schema that says nothing.
func (r *reader) make(path string) (*schema, error) {
	if r.nodes++; r.nodes > maxNodes {
		return nil, fmt.Errorf("%s: the schema has come to more than %d schemas", path, maxNodes)
	}
	return &schema{id: r.nodes, path: path, types: anyType, maxLength: unlimited, maxItems: unlimited}, nil
}

// annotations change nothing.
var annotations = []string{"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
	"$comment", "$schema", "$id", "$defs", "definitions"}

// keyword reads a keyword's value into a schema.
type keyword struct {
	about types // the types that it is about; 0: all
	read  func(r *reader, s *schema, v *value, path string) error
}

var keywords map[string]keyword

func init() { // not a literal: readers of keywords read schemas
	keywords = map[string]keyword{
		"type":  {0, (*reader).readType},
		"enum":  {0, (*reader).readEnum},
		"const": {0, (*reader).readConst},
		"$ref":  {0, (*reader).readRef},
		"allOf": {0, (*reader).readAllOf},
		"anyOf": {0, func(r *reader, s *schema, v *value, path string) error { return r.readChoice(s, v, path, false) }},
		"oneOf": {0, func(r *reader, s *schema, v *value, path string) error { return r.readChoice(s, v, path, true) }},

		"minLength": {typeString, func(r *reader, s *schema, v *value, path string) error { return readCount(v, path, &s.minLength) }},
		"maxLength": {typeString, func(r *reader, s *schema, v *value, path string) error { return readCount(v, path, &s.maxLength) }},
		"pattern":   {typeString, (*reader).readPattern},
		"format":    {typeString, (*reader).readFormat},

		"minimum":          {typeNumber, func(r *reader, s *schema, v *value, path string) error { return readBound(v, path, false, &s.low, 1) }},
		"exclusiveMinimum": {typeNumber, func(r *reader, s *schema, v *value, path string) error { return readBound(v, path, true, &s.low, 1) }},
		"maximum":          {typeNumber, func(r *reader, s *schema, v *value, path string) error { return readBound(v, path, false, &s.high, -1) }},
		"exclusiveMaximum": {typeNumber, func(r *reader, s *schema, v *value, path string) error { return readBound(v, path, true, &s.high, -1) }},

		"items":       {typeArray, (*reader).readItems},
		"prefixItems": {typeArray, (*reader).readPrefixItems},
		"minItems":    {typeArray, func(r *reader, s *schema, v *value, path string) error { return readCount(v, path, &s.minItems) }},
		"maxItems":    {typeArray, func(r *reader, s *schema, v *value, path string) error { return readCount(v, path, &s.maxItems) }},

		"properties":           {typeObject, (*reader).readProperties},
		"required":             {typeObject, (*reader).readRequired},
		"additionalProperties": {typeObject, (*reader).readAdditional},
	}
}

// combining keywords say nothing of a value themselves.
var combining = []string{"$ref", "allOf", "anyOf", "oneOf"}

// read is the schema at a place of the document.
func (r *reader) read(v *value, path string) (*schema, error) {
	if s, ok := r.known[v]; ok {
		return s, nil
	}
	s, err := r.make(path)
	if err != nil {
		return nil, err
	}
	r.known[v] = s // before what is in it, which may refer to it
	switch {
	case v.kind == boolean:
		s.never = v.text == "false"
		return s, nil
	case v.kind != object:
		return nil, fmt.Errorf("%s: it is %v, expected a schema: an object, true or false", path, v.kind)
	}
	s.plain = true
	implied := types(0)
	for i, name := range v.names {
		if slices.Contains(annotations, name) {
			continue
		}
		at := path + "/" + name
		k, ok := keywords[name]
		if !ok {
			return nil, fmt.Errorf("%s: the keyword %q is not supported", at, name)
		}
		if err := k.read(r, s, &v.list[i], at); err != nil {
			return nil, err
		}
		implied |= k.about
		s.plain = s.plain && slices.Contains(combining, name)
	}
	if len(s.all)+len(s.one) == 0 {
		s.plain = false
	}
	if implied != 0 && v.member("type") == nil {
		s.types = implied
	}
	switch {
	case s.minLength > s.maxLength:
		return nil, fmt.Errorf("%s: minLength is %d and maxLength %d, expected no less", path, s.minLength, s.maxLength)
	case s.minItems > s.maxItems:
		return nil, fmt.Errorf("%s: minItems is %d and maxItems %d, expected no less", path, s.minItems, s.maxItems)
	}
	return s, nil
}

func (r *reader) readType(s *schema, v *value, path string) error {
	names := []value{*v}
	if v.kind == array {
		names = v.list
	}
	s.types = 0
	for _, n := range names {
		t, ok := typeNames[n.text]
		if n.kind != text || !ok {
			return fmt.Errorf("%s: %s is no type, expected null, boolean, integer, number, string, array or object, or a list of them", path, n.appendJSON(nil))
		}
		s.types |= t
	}
	if s.types == 0 {
		return fmt.Errorf("%s: it is empty, expected a type or more", path)
	}
	return nil
}

func (r *reader) readEnum(s *schema, v *value, path string) error {
	if v.kind != array || len(v.list) == 0 {
		return fmt.Errorf("%s: it is %v, expected a list of one value or more", path, v.kind)
	}
	return s.allow(v.list, path)
}

func (r *reader) readConst(s *schema, v *value, path string) error {
	return s.allow([]value{*v}, path)
}

// allow takes a list of values in: those of enum, or that of const.
func (s *schema) allow(list []value, path string) error {
	if s.hasEnum {
		return fmt.Errorf("%s: const and enum at once are not supported", path)
	}
	s.hasEnum = true
	for i := range list {
		s.enum = append(s.enum, &list[i])
	}
	return nil
}

func (r *reader) readRef(s *schema, v *value, path string) error {
	if v.kind != text || v.text != "#" && !strings.HasPrefix(v.text, "#/") {
		return fmt.Errorf("%s: %.100s is not supported, expected \"#\" or \"#/...\", a place in the same schema", path, v.appendJSON(nil))
	}
	at := r.root
	for _, part := range strings.Split(v.text, "/")[1:] {
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch i, err := strconv.Atoi(name); {
		case at.kind == object:
			at = at.member(name)
		case at.kind == array && err == nil && i >= 0 && i < len(at.list):
			at = &at.list[i]
		default:
			at = nil
		}
		if at == nil {
			return fmt.Errorf("%s: there is no %.100q in the schema", path, v.text)
		}
	}
	to, err := r.read(at, v.text)
	s.all = append(s.all, to)
	return err
}

// readList reads a list of schemas.
func (r *reader) readList(v *value, path string) ([]*schema, error) {
	if v.kind != array || len(v.list) == 0 {
		return nil, fmt.Errorf("%s: it is %v, expected a list of one schema or more", path, v.kind)
	}
	list := make([]*schema, len(v.list))
	for i := range v.list {
		var err error
		if list[i], err = r.read(&v.list[i], path+"/"+strconv.Itoa(i)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (r *reader) readAllOf(s *schema, v *value, path string) error {
	list, err := r.readList(v, path)
	s.all = append(s.all, list...)
	return err
}

func (r *reader) readChoice(s *schema, v *value, path string, exclusive bool) error {
	list, err := r.readList(v, path)
	s.one = append(s.one, choice{list, exclusive, path})
	return err
}

// readCount reads a number of things.
func readCount(v *value, path string, to *int) error {
	n, err := strconv.ParseFloat(v.text, 64)
	if v.kind != number || err != nil || n < 0 || n != float64(int64(n)) {
		return fmt.Errorf("%s: it is %.40s, expected a whole number, 0 or more", path, v.appendJSON(nil))
	}
	*to = int(min(n, unlimited))
	return nil
}

func (r *reader) readPattern(s *schema, v *value, path string) error {
	if v.kind != text {
		return fmt.Errorf("%s: it is %v, expected a regular expression", path, v.kind)
	}
	if _, err := parsePattern(v.text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s.pattern = v.text
	if s.pattern == "" { // which every string has in it
		s.pattern = "^"
	}
	return nil
}

func (r *reader) readFormat(s *schema, v *value, path string) error {
	if _, ok := formats[v.text]; v.kind != text || !ok {
		return fmt.Errorf("%s: %.40s is not supported, expected date, time, date-time, uuid, ipv4 or email", path, v.appendJSON(nil))
	}
	s.format = v.text
	return nil
}

func (r *reader) readItems(s *schema, v *value, path string) (err error) {
	if v.kind == array {
		return fmt.Errorf("%s: it is an array, expected a schema; a list of them is called prefixItems", path)
	}
	s.items, err = r.read(v, path)
	return err
}

func (r *reader) readPrefixItems(s *schema, v *value, path string) (err error) {
	s.prefix, err = r.readList(v, path)
	return err
}

func (r *reader) readProperties(s *schema, v *value, path string) error {
	if v.kind != object {
		return fmt.Errorf("%s: it is %v, expected an object of schemas", path, v.kind)
	}
	s.properties = []property{}
	for i, name := range v.names {
		p, err := r.read(&v.list[i], path+"/"+name)
		if err != nil {
			return err
		}
		s.properties = append(s.properties, property{name, p})
	}
	return nil
}

func (r *reader) readRequired(s *schema, v *value, path string) error {
	if v.kind != array {
		return fmt.Errorf("%s: it is %v, expected a list of names", path, v.kind)
	}
	seen := map[string]bool{}
	for _, n := range v.list {
		if n.kind != text {
			return fmt.Errorf("%s: %.40s is no name", path, n.appendJSON(nil))
		}
		if !seen[n.text] {
			s.required = append(s.required, n.text)
		}
		seen[n.text] = true
	}
	return nil
}

func (r *reader) readAdditional(s *schema, v *value, path string) (err error) {
	s.additional, err = r.read(v, path)
	return err
}
