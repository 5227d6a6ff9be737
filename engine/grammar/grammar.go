// Package grammar constrains what a model writes to the JSON values of a JSON
// Schema: it tells, after each token, which tokens may come next.
//
// A schema is compiled into a program over bytes with calls and returns, so that
// schemas may refer to themselves. All ways to read the text so far are followed
// at once ([Matcher]), the stacks that they share are kept once, and what has been
// found of a state of the program is kept with it: a step costs little where it
// has been taken before. A token is allowed where its bytes can follow.
//
// # What is understood
//
//   - type (one or several of null, boolean, integer, number, string, array,
//     object), enum, const, anyOf, oneOf, allOf, $ref to a place of the same schema
//     ("#", "#/$defs/name"), $defs, definitions, true and false.
//   - of strings: minLength, maxLength, pattern (regular expressions of Go's
//     package regexp without word boundaries and flags of lines) and format (date,
//     time, date-time, uuid, ipv4, email), one of the two. Lengths beside a pattern
//     or format must say no more than it does.
//   - of numbers: minimum, maximum, exclusiveMinimum, exclusiveMaximum.
//   - of arrays: items, prefixItems, minItems, maxItems.
//   - of objects: properties, required, additionalProperties.
//
// title, description, default, examples, deprecated, readOnly, writeOnly,
// $comment, $schema and $id change nothing. Every other keyword is refused, with its
// place: a constraint that is not kept must not look as if it were.
//
// # What is written
//
// Everything that can be written satisfies the schema; not everything that
// satisfies it can be written:
//
//   - Where type is left out, the types that the other keywords are about are
//     meant; all, if there are none.
//   - Properties come in the schema's order, and further ones after them. There are
//     further ones where additionalProperties says so, or where neither it nor
//     properties is there. Beside properties their names have no escapes in them.
//   - oneOf must have alternatives of which it can be told that no value satisfies
//     two: by type, by values or by a required property with other values.
//   - White space is one space, behind a brace, bracket, comma or colon and before a
//     brace or bracket: a model that is free to indent may do so without end. Before
//     the value there is one only where the tokenizer leaves it out of the text.
//   - Integers have up to 18 digits and no exponent, other numbers up to 15 digits
//     before and after the point and an exponent of two, none beside limits: every
//     reader takes them. Characters beyond U+FFFF and those that need no escape in a
//     text with a pattern are written as they are.
//   - Values of enum and const are written without white space.
package grammar

import (
	"fmt"
	"sync"
)

// Limits of a schema, so that a hostile one takes little time and memory.
const (
	maxText     = 256 << 10 // bytes
	maxDepth    = 200       // values within values
	maxNodes    = 20_000    // schemas, those included that allOf makes
	maxCode     = 200_000   // instructions
	maxCompared = 200_000   // pairs of schemas that oneOf asks to keep apart
)

// Grammar is a schema ready to constrain texts of tokens of one vocabulary. It
// is safe for concurrent use: what one text has found of it, others use.
type Grammar struct {
	v    *Vocabulary
	prog *program

	mu    sync.Mutex
	cache cache
	start *state
}

// Schema compiles a JSON Schema. Errors name the place in it, as in
// "#/properties/age/multipleOf".
func (v *Vocabulary) Schema(text []byte) (*Grammar, error) {
	if g := v.remembered(string(text)); g != nil {
		return g, nil
	}
	doc, err := parseDocument(text)
	if err != nil {
		return nil, fmt.Errorf("grammar: %w", err)
	}
	prog, err := compile(doc, v.alphabet, v.space)
	if err != nil {
		return nil, fmt.Errorf("grammar: %w", err)
	}
	g := &Grammar{v: v, prog: prog}
	g.start = g.begin()
	v.remember(string(text), g)
	return g, nil
}

// Object is the grammar of any JSON object.
func (v *Vocabulary) Object() (*Grammar, error) { return v.Schema([]byte(`{"type":"object"}`)) }

// Matcher follows one text. It is not safe for concurrent use.
type Matcher struct {
	g     *Grammar
	at    *state
	ended bool
}

// Start is a matcher at the beginning of a text.
func (g *Grammar) Start() *Matcher { return &Matcher{g: g, at: g.start} }

// Allowed is the tokens that may come next: bit id%64 of word id/64. The end
// tokens are among them exactly where the value is complete. It is not to be
// changed. Nil says that the value is complete and that nothing can follow, which
// happens in a vocabulary without end tokens only.
func (m *Matcher) Allowed() []uint64 {
	if m.ended {
		return m.g.v.endMask
	}
	m.g.mu.Lock()
	defer m.g.mu.Unlock()
	mask := m.g.mask(m.at)
	if m.at.accept && len(m.at.threads) == 0 && m.g.v.endMask == nil {
		return nil
	}
	return mask
}

// Complete tells whether the text so far is a whole value.
func (m *Matcher) Complete() bool { return m.ended || m.at.accept }

// Took tells of the token that came. One that was not allowed is an error.
func (m *Matcher) Took(id int) error {
	m.g.mu.Lock()
	defer m.g.mu.Unlock()
	if m.g.v.isEnd(id) && m.Complete() {
		m.ended = true
		return nil
	}
	bytes := m.g.v.of(id)
	at := m.at
	for i := 0; i < len(bytes) && at != nil; i++ {
		at = m.g.step(at, bytes[i])
	}
	if at == nil || len(bytes) == 0 || m.ended {
		return fmt.Errorf("grammar: token %d, %q, cannot follow here", id, bytes)
	}
	m.at = at
	return nil
}
