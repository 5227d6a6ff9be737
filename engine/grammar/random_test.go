package grammar

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// sample is a random schema and a way to make values that satisfy it.
type sample struct {
	schema string
	value  func() string
}

// maker makes samples.
type maker struct{ *rand.Rand }

func (m maker) pick(list ...string) string { return list[m.IntN(len(list))] }

func (m maker) space() string { return m.pick("", " ") }

// character is a character of a string as it may be written.
func (m maker) character() string {
	return m.pick("a", "b", "Z", " ", "7", "é", "日", "🦊", `\n`, `\"`, `\\`, `\u00e9`, `\u0000`, `\/`, "\x7f", "\u2028")
}

func (m maker) text(least, most int) string {
	var b strings.Builder
	b.WriteByte('"')
	for range least + m.IntN(most-least+1) {
		b.WriteString(m.character())
	}
	b.WriteByte('"')
	return b.String()
}

func (m maker) one(list ...sample) sample { return list[m.IntN(len(list))] }

// defs is in every schema, for what refers to it.
const defs = `"$defs":{"tree":{"type":"object","properties":{"v":{"type":"integer","minimum":0},"next":{"anyOf":[{"$ref":"#/$defs/tree"},{"type":"null"}]}},"required":["v","next"],"additionalProperties":false},` +
	`"small":{"type":"number","maximum":50}}`

func (m maker) tree(depth int) string {
	if depth == 0 || m.IntN(2) == 0 {
		return `{"v":` + strconv.Itoa(m.IntN(1000)) + `,"next":null}`
	}
	return `{"v":0,"next": ` + m.tree(depth-1) + `}`
}

// scalar is a schema of values that have none in them.
func (m maker) scalar() sample {
	lo := m.IntN(300) - 150
	hi := lo + m.IntN(200)
	least := m.IntN(4)
	most := least + m.IntN(5)
	between := func() string { return strconv.Itoa(lo + m.IntN(hi-lo+1)) }
	return m.one(
		sample{`{"type":"null"}`, func() string { return "null" }},
		sample{`{"type":"boolean"}`, func() string { return m.pick("true", "false") }},
		sample{`{"type":"integer"}`, func() string { return m.pick("0", "-1", "42", "123456789012345678") }},
		sample{`{"type":"number"}`, func() string { return m.pick("0", "-0.5", "12e-3", "3.25E+7", "1") }},
		sample{fmt.Sprintf(`{"type":"integer","minimum":%d,"maximum":%d}`, lo, hi), between},
		sample{fmt.Sprintf(`{"type":"integer","exclusiveMinimum":%d.5}`, lo), func() string { return strconv.Itoa(lo + 1 + m.IntN(1000) + 2) }},
		sample{fmt.Sprintf(`{"type":"number","minimum":%d,"exclusiveMaximum":%d.25}`, lo, hi+1), between},
		sample{fmt.Sprintf(`{"allOf":[{"type":"integer","maximum":%d},{"minimum":%d}]}`, hi, lo), between},
		sample{fmt.Sprintf(`{"$ref":"#/$defs/small","exclusiveMinimum":%d}`, -200-lo), func() string { return m.pick("50", "49.5") }},
		sample{`{"type":"string"}`, func() string { return m.text(0, 10) }},
		sample{fmt.Sprintf(`{"type":"string","minLength":%d,"maxLength":%d}`, least, most), func() string { return m.text(least, most) }},
		sample{fmt.Sprintf(`{"type":"string","minLength":%d}`, least), func() string { return m.text(least, most+3) }},
		sample{`{"type":"string","pattern":"^[a-zé]{2,4}(-[0-9]+)?$"}`, func() string { return m.pick(`"ab"`, `"éé-07"`, `"name-1"`) }},
		sample{`{"type":"string","pattern":"x|日+"}`, func() string { return m.pick(`"axb"`, `"日日\n"`, `"\u00e9x"`) }},
		sample{`{"type":"string","pattern":"^(a|b)*a(a|b){3}$"}`, func() string { return m.pick(`"abab"`, `"bbbabbb"`) }},
		sample{`{"type":"string","format":"date"}`, func() string { return m.pick(`"2024-02-29"`, `"1999-12-31"`) }},
		sample{`{"type":"string","format":"date-time"}`, func() string { return m.pick(`"2024-02-29T00:00:00Z"`, `"1999-12-31T23:59:59.5-01:30"`) }},
		sample{`{"type":"string","format":"time"}`, func() string { return `"07:08:09Z"` }},
		sample{`{"type":"string","format":"uuid"}`, func() string { return `"00000000-1111-2222-3333-44444444ABCD"` }},
		sample{`{"type":"string","format":"ipv4"}`, func() string { return `"192.168.0.1"` }},
		sample{`{"type":"string","format":"email"}`, func() string { return `"a.b@c-d.org"` }},
		sample{`{"enum":["name","names","日本",7,7.5,null,true,[1,{"a":"b"}]]}`, func() string {
			return m.pick(`"name"`, `"names"`, `"日本"`, `7`, `7.5`, `null`, `true`, `[1,{"a":"b"}]`)
		}},
		sample{`{"const":"a \"quoted\" name"}`, func() string { return `"a \"quoted\" name"` }},
		sample{`{"$ref":"#/$defs/tree"}`, func() string { return m.tree(3) }},
		sample{`{"type":["string","null"],"maxLength":3}`, func() string { return m.pick("null", m.text(0, 3)) }},
	)
}

func (m maker) list(depth int) sample {
	item := m.schema(depth - 1)
	least := m.IntN(3)
	most := least + m.IntN(3)
	array := func(items []string) string {
		return "[" + m.space() + strings.Join(items, ","+m.space()) + m.space() + "]"
	}
	times := func(n int) (items []string) {
		for range n {
			items = append(items, item.value())
		}
		if n == 0 {
			return nil
		}
		return items
	}
	first := m.scalar()
	return m.one(
		sample{`{"type":"array","items":` + item.schema + `}`, func() string { return array(append(times(m.IntN(3)), item.value())) }},
		sample{fmt.Sprintf(`{"type":"array","items":%s,"minItems":%d,"maxItems":%d}`, item.schema, least+1, most+1), func() string { return array(times(least + 1 + m.IntN(most-least+1))) }},
		sample{fmt.Sprintf(`{"type":"array","prefixItems":[%s],"items":%s,"minItems":1,"maxItems":%d}`, first.schema, item.schema, most+1),
			func() string { return array(append([]string{first.value()}, times(m.IntN(most+1))...)) }},
	)
}

func (m maker) object(depth int) sample {
	names := []string{"a", "ab", "name", "tag", "é", `q"`, ""}
	m.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:m.IntN(5)]
	var properties, required []string
	var values []func() string
	var must []bool
	for _, name := range names {
		p := m.schema(depth - 1)
		quoted := string(appendString(nil, name))
		properties = append(properties, quoted+":"+p.schema)
		must = append(must, m.IntN(2) == 0)
		if must[len(must)-1] {
			required = append(required, quoted)
		}
		values = append(values, func() string { return quoted + ":" + m.space() + p.value() })
	}
	schema := `{"type":"object","properties":{` + strings.Join(properties, ",") + `},"required":[` + strings.Join(required, ",") + `]`
	further := m.scalar()
	open := m.IntN(3)
	switch open {
	case 0:
		schema += `,"additionalProperties":false`
	case 1:
		schema += `,"additionalProperties":` + further.schema
	}
	return sample{schema + "}", func() string {
		var members []string
		for i, v := range values {
			if must[i] || m.IntN(2) == 0 {
				members = append(members, v())
			}
		}
		for range m.IntN(3) {
			if open == 1 {
				members = append(members, `"z`+strconv.Itoa(m.IntN(9))+`":`+further.value())
			}
		}
		if len(members) == 0 {
			return "{}"
		}
		return "{" + m.space() + strings.Join(members, ","+m.space()) + m.space() + "}"
	}}
}

func (m maker) choice(depth int) sample {
	a, b := m.schema(depth-1), m.schema(depth-1)
	switch m.IntN(3) {
	case 0: // told apart by a property
		return sample{`{"oneOf":[{"type":"object","properties":{"tag":{"const":"a"},"x":` + a.schema + `},"required":["tag","x"]},` +
			`{"type":"object","properties":{"tag":{"enum":["b","c"]},"x":` + b.schema + `},"required":["tag","x"]}]}`,
			func() string {
				if m.IntN(2) == 0 {
					return `{"tag":"a","x":` + a.value() + `}`
				}
				return `{"tag":"` + m.pick("b", "c") + `","x":` + b.value() + `}`
			}}
	case 1: // ambiguous
		return sample{`{"anyOf":[{"type":"array","items":` + a.schema + `},{"type":"array","items":` + b.schema + `},` + a.schema + `]}`,
			func() string {
				return m.pick("["+a.value()+"]", "["+b.value()+", "+b.value()+"]", a.value())
			}}
	}
	return sample{`{"anyOf":[` + a.schema + `,` + b.schema + `]}`, func() string { return m.pick(a.value(), b.value()) }}
}

func (m maker) schema(depth int) sample {
	if depth <= 0 {
		return m.scalar()
	}
	switch m.IntN(5) {
	case 0:
		return m.list(depth)
	case 1, 2:
		return m.object(depth)
	case 3:
		return m.choice(depth)
	}
	return m.scalar()
}

// root is a random schema with its definitions.
func (m maker) root() sample {
	s := m.schema(3)
	s.schema = strings.TrimSuffix(s.schema, "}") + "," + defs + "}"
	return s
}

// validator is an independent implementation of JSON Schema.
func validator(t testing.TB, schema string) func(text string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	return func(text string) error {
		if !json.Valid([]byte(text)) {
			return fmt.Errorf("not JSON")
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return err
		}
		return compiled.Validate(v)
	}
}

// TestRandomModels: whatever a model would like to write, what it is allowed to
// write satisfies the schema; and every value that is made to satisfy a schema can
// be written, in every way to make tokens of it.
func TestRandomModels(t *testing.T) {
	w := allBytes(usual...)
	v := NewVocabulary(w)
	m := maker{rand.New(rand.NewPCG(1, 2))}
	whole, cut := 0, 0
	for n := range 250 {
		s := m.root()
		g := must(t, v, s.schema)
		valid := validator(t, s.schema)
		for range 3 {
			text := s.value()
			if err := valid(text); err != nil { // of the test itself
				t.Fatalf("schema %d: %s: %q: %v", n, s.schema, text, err)
			}
			if err := reads(g, text); err != nil {
				t.Errorf("schema %d: %s: %v", n, s.schema, err)
			}
			if err := inTokens(m.Rand, w, g, text); err != nil {
				t.Errorf("schema %d: %s: %v", n, s.schema, err)
			}
		}
		for range 3 {
			match := g.Start()
			var text []byte
			for i := 0; i < 400 && !match.ended; i++ {
				mask := match.Allowed()
				id := choose(m.Rand, w, mask, i > 100)
				if err := match.Took(id); err != nil {
					t.Fatalf("schema %d: %s: behind %q: %v", n, s.schema, text, err)
				}
				text = append(text, w[id]...)
			}
			if !match.ended {
				cut++
				continue
			}
			whole++
			if err := valid(string(text)); err != nil {
				t.Errorf("schema %d: %s\nwrote %q\n%v", n, s.schema, text, err)
			}
		}
		if t.Failed() {
			return
		}
	}
	if whole < 10*cut {
		t.Errorf("%d texts came to an end, %d did not", whole, cut)
	}
}

// inTokens writes a text in tokens drawn at random from those that fit.
func inTokens(r *rand.Rand, w words, g *Grammar, text string) error {
	m := g.Start()
	for at := 0; at < len(text); {
		mask := m.Allowed()
		var fit []int
		for id, s := range w {
			if s == "" || !strings.HasPrefix(text[at:], s) {
				continue
			}
			if mask[id>>6]>>(id&63)&1 == 0 {
				return fmt.Errorf("%q: token %q may not follow %q", text, s, text[:at])
			}
			fit = append(fit, id)
		}
		id := fit[r.IntN(len(fit))]
		if err := m.Took(id); err != nil {
			return err
		}
		at += len(w[id])
	}
	if !m.Complete() || m.Allowed()[0]&1 == 0 {
		return fmt.Errorf("%q: more has to come", text)
	}
	return nil
}
