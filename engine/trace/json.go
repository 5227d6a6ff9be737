package trace

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// What events are written with. It says what encoding/json would say (a test
// holds it to that), several times faster, which counts where every token comes
// with thousands of rows, and without package reflect, which would take a tenth
// of the WebAssembly that a page has to fetch.

// object writes the members of a JSON object, leaving out what is empty.
type object struct {
	b     []byte
	first bool
}

func begin(b []byte) object { return object{append(b, '{'), true} }

func (o *object) end() []byte { return append(o.b, '}') }

func (o *object) key(name string) {
	if !o.first {
		o.b = append(o.b, ',')
	}
	o.first = false
	o.b = append(append(append(o.b, '"'), name...), '"', ':')
}

func (o *object) integer(name string, v int64) {
	if v != 0 {
		o.number(name, v)
	}
}

func (o *object) number(name string, v int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, v, 10)
}

func (o *object) float(name string, v float64, bits int) {
	if v != 0 && !math.IsNaN(v) && !math.IsInf(v, 0) {
		o.key(name)
		o.b = strconv.AppendFloat(o.b, v, 'g', -1, bits)
	}
}

func (o *object) yes(name string, v bool) {
	if v {
		o.key(name)
		o.b = append(o.b, "true"...)
	}
}

func (o *object) text(name, v string) {
	if v != "" {
		o.key(name)
		o.b = appendString(o.b, v)
	}
}

func (o *object) list(name string, v []int) {
	if len(v) == 0 {
		return
	}
	o.key(name)
	o.b = appendInts(o.b, v)
}

// array writes a list of n values unless it is empty.
func (o *object) array(name string, n int, value func(b []byte, i int) []byte) {
	if n == 0 {
		return
	}
	o.key(name)
	o.b = appendList(o.b, n, value)
}

func appendList(b []byte, n int, value func(b []byte, i int) []byte) []byte {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = value(b, i)
	}
	return append(b, ']')
}

// bytes writes bytes in base64, as encoding/json does.
func (o *object) bytes(name string, v []byte) {
	if len(v) == 0 {
		return
	}
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	o.key(name)
	o.b = append(o.b, '"')
	for i := 0; i < len(v); i += 3 {
		left := len(v) - i
		three := uint32(v[i]) << 16
		if left > 1 {
			three |= uint32(v[i+1]) << 8
		}
		if left > 2 {
			three |= uint32(v[i+2])
		}
		for j := range 4 {
			d := byte('=')
			if j <= left {
				d = digits[three>>(18-6*j)&63]
			}
			o.b = append(o.b, d)
		}
	}
	o.b = append(o.b, '"')
}

func (o *object) floats(name string, v []float32) {
	if len(v) > 0 {
		o.key(name)
		o.b = appendFloats(o.b, v)
	}
}

func appendFloats(b []byte, v []float32) []byte {
	return appendList(b, len(v), func(b []byte, i int) []byte { return appendFloat(b, v[i]) })
}

func appendFloat(b []byte, v float32) []byte { return strconv.AppendFloat(b, float64(v), 'g', -1, 32) }

func appendInts(b []byte, v []int) []byte {
	b = append(b, '[')
	for i, n := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, ']')
}

// appendString quotes s. What is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += size
			continue
		}
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
		i++
	}
	return append(b, '"')
}
