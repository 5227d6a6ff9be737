package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// kind is what a JSON value is.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

var kindNames = [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}

func (k kind) String() string { return kindNames[k] }

// value is a JSON value whose objects keep their order.
type value struct {
	kind  kind
	text  string   // of a string; the literal of a number or boolean
	names []string // of an object's members
	list  []value  // of an object's members, or of an array
}

// member is a member of an object, nil where there is none.
func (v *value) member(name string) *value {
	for i, n := range v.names {
		if n == name {
			return &v.list[i]
		}
	}
	return nil
}

// parseDocument reads a schema's text.
func parseDocument(raw []byte) (*value, error) {
	if len(raw) > maxText {
		return nil, fmt.Errorf("the schema has %d bytes, expected at most %d", len(raw), maxText)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := readValue(d, "#", 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the schema, expected its end")
	}
	return &v, nil
}

func readValue(d *json.Decoder, path string, depth int) (v value, err error) {
	if depth > maxDepth {
		return v, fmt.Errorf("%.100s...: more than %d values within values", path, maxDepth)
	}
	t, err := d.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return v, fmt.Errorf("the schema is not JSON: %w", err)
	}
	switch t := t.(type) {
	case bool:
		return value{kind: boolean, text: strconv.FormatBool(t)}, nil
	case json.Number:
		return value{kind: number, text: t.String()}, nil
	case string:
		return value{kind: text, text: t}, nil
	case json.Delim:
		v.kind = array
		if t == '{' {
			v.kind = object
		}
		seen := map[string]bool{}
		for d.More() {
			at := path + "/" + strconv.Itoa(len(v.list))
			if v.kind == object {
				key, err := d.Token()
				if err != nil {
					return v, fmt.Errorf("the schema is not JSON: %w", err)
				}
				name, _ := key.(string) // which the keys of an object always are
				at = path + "/" + name
				if seen[name] {
					return v, fmt.Errorf("%s: it is there twice", at)
				}
				seen[name] = true
				v.names = append(v.names, name)
			}
			child, err := readValue(d, at, depth+1)
			if err != nil {
				return v, err
			}
			v.list = append(v.list, child)
		}
		if _, err := d.Token(); err != nil {
			return v, fmt.Errorf("the schema is not JSON: %w", err)
		}
		return v, nil
	}
	return value{kind: null}, nil
}

// appendJSON writes a value without white space.
func (v *value) appendJSON(b []byte) []byte {
	switch v.kind {
	case null:
		return append(b, "null"...)
	case boolean, number:
		return append(b, v.text...)
	case text:
		return appendString(b, v.text)
	}
	brackets := "[]"
	if v.kind == object {
		brackets = "{}"
	}
	b = append(b, brackets[0])
	for i := range v.list {
		if i > 0 {
			b = append(b, ',')
		}
		if v.kind == object {
			b = append(appendString(b, v.names[i]), ':')
		}
		b = v.list[i].appendJSON(b)
	}
	return append(b, brackets[1])
}

// appendString writes a string with the escapes that it needs, and no others.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		if esc := escape(r); esc != "" {
			b = append(b, esc...)
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// escape is how a character that must not stand in a string is written, "" for
// one that may.
func escape(r rune) string {
	switch r {
	case '"':
		return `\"`
	case '\\':
		return `\\`
	case '\b':
		return `\b`
	case '\f':
		return `\f`
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	if r < 0x20 {
		return fmt.Sprintf(`\u%04x`, r)
	}
	return ""
}
