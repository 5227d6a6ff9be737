package grammar

import (
	"fmt"
	"strings"
	"testing"
)

// TestTexts holds each keyword to what may be written under it.
func TestTexts(t *testing.T) {
	v := NewVocabulary(allBytes())
	for _, c := range []struct {
		schema  string
		yes, no []string
	}{
		{`true`, []string{`null`, `[1,{"a":[]}]`, `"x"`, `-0.5e-7`}, []string{``, ` 1`, `1 `, `tru`, `01`, `1.`, `.5`, `+1`, `[1,]`, `{"a"}`, `{a:1}`, `nullnull`}},
		{`{"type":"object"}`, []string{`{}`, `{ "a": [ 1, 2 ] }`, `{"\u00e9\n":{}}`}, []string{`[]`, `{"a":1,}`, `{  }`, "{\n}", `{"a" :1}`, `{"a":  1}`, `{"a":1  }`}},
		{`{"type":["string","null"],"maxLength":2}`, []string{`null`, `""`, `"ab"`, `"日\n"`, `"🦊\u00e9"`}, []string{`"abc"`, `"日本x"`, `1`}},
		{`{"type":"string"}`, []string{`"\""`, `"\\"`, "\"\x7f\"", `"\ud7ff\uE000"`, "\"\u00e9\U0010ffff\""},
			[]string{`"`, "\"\n\"", `"\x"`, `"\ud800"`, `"\uDC00"`, "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe6\x97\""}},
		{`{"type":"string","minLength":2}`, []string{`"ab"`, `"abcdef"`, `"\n\t"`}, []string{`"a"`, `""`, `"🦊"`}},
		{`{"type":"string","minLength":1,"maxLength":1}`, []string{`"a"`, `"🦊"`}, []string{`""`, `"ab"`}},
		{`{"maxLength":0}`, []string{`""`}, []string{`"a"`, `1`}},
		{`{"type":"boolean"}`, []string{`true`, `false`}, []string{`null`, `"true"`}},
		{`{"type":"integer"}`, []string{`0`, `-7`, `123456789012345678`}, []string{`-0`, `1.0`, `1e3`, `1234567890123456789`, `007`}},
		{`{"type":"number"}`, []string{`0`, `-0.5`, `1e5`, `1.25E-10`, `123456789012345`}, []string{`1e100`, `1.`, `1e`, `1234567890123456`}},
		{`{"type":"integer","minimum":-5,"maximum":120}`, []string{`-5`, `-1`, `0`, `9`, `99`, `100`, `120`}, []string{`-6`, `121`, `200`, `-10`, `-0`, `1200`}},
		{`{"type":"integer","exclusiveMinimum":9,"exclusiveMaximum":1001}`, []string{`10`, `99`, `999`, `1000`}, []string{`9`, `1001`, `0`, `1`, `-10`, `1010`}},
		{`{"type":"integer","minimum":2.5,"maximum":4.5}`, []string{`3`, `4`}, []string{`2`, `5`}},
		{`{"type":"integer","minimum":1e2}`, []string{`100`, `999999`}, []string{`99`, `-100`}},
		{`{"type":"integer","maximum":-12}`, []string{`-12`, `-13`, `-20`, `-100`}, []string{`-11`, `-1`, `0`, `12`}},
		{`{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}`, []string{`-1`, `0`, `999999999999999999`}, []string{`9999999999999999999`}},
		{`{"type":"number","minimum":0,"maximum":1}`, []string{`0`, `1`, `0.5`, `0.0`, `1.0`, `1.000`, `0.999`}, []string{`1.01`, `-0.1`, `2`, `1e-1`, `-0`}},
		{`{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":0.25}`, []string{`0.1`, `0.24`, `0.2499`, `0.001`}, []string{`0`, `0.0`, `0.25`, `0.250`, `0.3`, `1`}},
		{`{"type":"number","minimum":-1.5,"exclusiveMaximum":-0.05}`, []string{`-1.5`, `-1.50`, `-1`, `-0.06`, `-0.1`, `-0.050001`}, []string{`-1.51`, `-2`, `-0.05`, `-0.050`, `0`, `-0.04`}},
		{`{"enum":["a","ab",1,null,{"k":[1,"x"]}]}`, []string{`"a"`, `"ab"`, `1`, `null`, `{"k":[1,"x"]}`}, []string{`"abc"`, `"b"`, `11`, `{"k":[1, "x"]}`}},
		{`{"type":"string","enum":["a",1]}`, []string{`"a"`}, []string{`1`}},
		{`{"const":"say \"hi\"\n"}`, []string{`"say \"hi\"\n"`}, []string{`"say"`}},
		{`{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3}`, []string{`[1,2]`, `[1, 2,3]`}, []string{`[]`, `[1]`, `[1,2,3,4]`, `["a",1]`}},
		{`{"type":"array","items":false}`, []string{`[]`}, []string{`[1]`}},
		{`{"type":"array","maxItems":0}`, []string{`[]`, "[ ]"}, []string{`[1]`}},
		{`{"type":"array","minItems":3}`, []string{`[1,[],{}]`, `[1,2,3,4,5]`}, []string{`[1,2]`}},
		{`{"prefixItems":[{"type":"string"},{"type":"integer"}],"items":{"type":"boolean"},"minItems":1,"maxItems":4}`,
			[]string{`["a"]`, `["a",1]`, `["a",1,true]`, `["a",1,true,false]`}, []string{`[]`, `[1]`, `["a",true]`, `["a",1,true,false,true]`}},
		{`{"prefixItems":[{"type":"null"},false]}`, []string{`[]`, `[null]`}, []string{`[null,null]`, `[1]`}},
		{`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"},"c":{"type":"null"}},"required":["b"]}`,
			[]string{`{"b":""}`, `{"a":1,"b":""}`, `{"b":"","c":null}`, `{ "a": 1, "b": "x", "c": null }`}, []string{`{}`, `{"a":1}`, `{"b":"","a":1}`, `{"b":"","d":1}`, `{"b":"","b":""}`, `{,"b":""}`}},
		{`{"type":"object","properties":{"a":{"type":"integer"}}}`, []string{`{}`, `{"a":1}`}, []string{`{"b":1}`}},
		{`{"type":"object","properties":{}}`, []string{`{}`}, []string{`{"b":1}`}},
		{`{"type":"object","properties":{"ab":{"type":"integer"},"é":false},"additionalProperties":{"type":"string"}}`,
			[]string{`{}`, `{"ab":1}`, `{"ab":1,"a":""}`, `{"abc":"","b":""}`, `{"ê":"","日本":"", "":""}`}, []string{`{"ab":""}`, `{"é":""}`, `{"c":1}`, `{"\u0061b":""}`, `{"b":"","ab":1}`}},
		{`{"required":["z"],"properties":{"a":true}}`, []string{`{"z":[1]}`, `{"a":1,"z":null}`}, []string{`{}`, `{"z":1,"a":1}`}},
		{`{"additionalProperties":{"type":"integer"}}`, []string{`{}`, `{"x":1,"\n":2}`}, []string{`{"x":""}`}},
		{`{"anyOf":[{"type":"integer"},{"type":"string","maxLength":1},{"type":"array","items":{"$ref":"#"}}]}`, []string{`1`, `"a"`, `[[1],"b",[]]`}, []string{`"ab"`, `null`, `[null]`}},
		{`{"oneOf":[{"type":"object","properties":{"t":{"const":"a"},"x":{"type":"integer"}},"required":["t"]},{"type":"object","properties":{"t":{"const":"b"}},"required":["t"]}]}`,
			[]string{`{"t":"a"}`, `{"t":"a","x":1}`, `{"t":"b"}`}, []string{`{"t":"b","x":1}`, `{"t":"c"}`}},
		{`{"oneOf":[{"enum":[1,2]},{"enum":[3,"a"]},{"type":"null"}]}`, []string{`1`, `3`, `"a"`, `null`}, []string{`4`}},
		{`{"allOf":[{"type":"integer","minimum":3},{"maximum":5}]}`, []string{`3`, `5`}, []string{`2`, `6`}},
		{`{"$ref":"#/$defs/n","maximum":5,"$defs":{"n":{"type":"number","minimum":3}}}`, []string{`3`, `4.5`, `5`}, []string{`2`, `5.1`}},
		{`{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"type":"object","properties":{"a":{"maximum":3},"b":true},"required":["b"]}]}`,
			[]string{`{"a":3,"b":null}`}, []string{`{"a":4,"b":null}`, `{"a":1}`}},
		{`{"allOf":[{"properties":{"a":true},"additionalProperties":false},{"properties":{"a":{"type":"null"},"b":true}}]}`, []string{`{}`, `{"a":null}`}, []string{`{"b":1}`, `{"a":1}`}},
		{`{"type":"object","required":["k"],"properties":{"k":{"type":"string"}},"anyOf":[{"properties":{"k":{"enum":["x","y"]}}},{"properties":{"k":{"enum":["z"]},"n":{"type":"integer"}}}]}`,
			[]string{`{"k":"x"}`, `{"k":"z"}`, `{"k":"z","n":1}`}, []string{`{"k":"w"}`, `{"k":"x","n":1}`}},
		{`{"$defs":{"list":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/list"},{"type":"null"}]}},"required":["v","next"]}},"$ref":"#/$defs/list"}`,
			[]string{`{"v":1,"next":null}`, `{"v":1,"next":{"v":2,"next":null}}`}, []string{`{"v":1}`, `{"v":1,"next":{"v":2}}`}},
		{`{"type":"object","properties":{"child":{"$ref":"#"}}}`, []string{`{}`, `{"child":{"child":{}}}`}, []string{`{"child":1}`}},
		{`{"properties":{"a/b~c":{"type":"integer"},"x":{"$ref":"#/properties/a~1b~0c"}}}`, []string{`{"a/b~c":1,"x":2}`}, []string{`{"x":"2"}`}},
		{`{"type":"string","pattern":"^[a-c]+$"}`, []string{`"a"`, `"abc"`}, []string{`""`, `"d"`, `"ad"`}},
		{`{"pattern":"b"}`, []string{`"b"`, `"abc"`, `"\n\u0041b\t"`, `"日b"`}, []string{`"ac"`, `""`}},
		{`{"pattern":"^(a|bc)*d?$"}`, []string{`""`, `"abcd"`, `"d"`}, []string{`"b"`, `"dd"`}},
		{`{"pattern":"^.$"}`, []string{`"日"`, `"\""`, `"\\"`, `"\t"`, `"\u0001"`}, []string{`"ab"`, `""`, `"\n"`, `"\u2028"`, "\"\u2028\""}},
		{`{"pattern":"^[^a-z]{2}$"}`, []string{`"AB"`, `"日本"`, `"🦊 "`, `"\n\""`}, []string{`"aB"`, `"A"`}},
		{`{"pattern":"(?i)^straße$"}`, []string{`"Straße"`, `"STRAßE"`}, []string{`"Strase"`}},
		{`{"pattern":"^\\d{3}$","minLength":1,"maxLength":3}`, []string{`"123"`}, []string{`"12"`}},
		{`{"pattern":"^$|x"}`, []string{`""`, `"ax"`}, []string{`"a"`}},
		{`{"pattern":""}`, []string{`""`, `"a"`}, []string{`1`}},
		{`{"format":"date"}`, []string{`"2024-02-29"`, `"2023-12-31"`, `"2000-02-29"`}, []string{`"2023-02-29"`, `"1900-02-29"`, `"2023-04-31"`, `"2023-13-01"`}},
		{`{"format":"date-time"}`, []string{`"2024-02-29T23:59:59Z"`, `"2024-01-01T00:00:00.123+02:00"`}, []string{`"2024-01-01T24:00:00Z"`, `"2024-01-01"`}},
		{`{"format":"uuid"}`, []string{`"123e4567-E89b-12d3-a456-426614174000"`}, []string{`"123e4567"`}},
		{`{"format":"ipv4"}`, []string{`"0.10.200.255"`}, []string{`"256.0.0.1"`, `"01.0.0.1"`}},
		{`{"format":"email"}`, []string{`"ada.dixon@mail.example.org"`}, []string{`"ada"`, `"a@b"`, `".a@b.org"`}},
		{`{"title":"T","description":"d","default":1,"examples":[1],"deprecated":true,"$comment":"c","$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://example.org/x","type":"integer"}`, []string{`1`}, []string{`""`}},
	} {
		g := must(t, v, c.schema)
		for _, text := range c.yes {
			if err := reads(g, text); err != nil {
				t.Errorf("%s: %v", c.schema, err)
			}
		}
		for _, text := range c.no {
			if err := reads(g, text); err == nil {
				t.Errorf("%s: %q can be written", c.schema, text)
			}
		}
	}
}

// nested is n arrays around a value.
func nested(n int, before, inner, after string) string {
	return strings.Repeat(before, n) + inner + strings.Repeat(after, n)
}

// TestRefused: what is not kept to is refused with its place; hostile schemas are
// refused or come to little.
func TestRefused(t *testing.T) {
	v := NewVocabulary(allBytes())
	many := func(n int, f string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, f, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	for _, c := range []struct{ schema, want string }{
		{``, "not JSON"},
		{`{`, "not JSON"},
		{`{"type":"object"} {}`, "something follows"},
		{`[]`, "#: it is an array, expected a schema"},
		{`{"type":"objekt"}`, `#/type: "objekt" is no type`},
		{`{"type":[]}`, "#/type: it is empty"},
		{`{"type":"object","type":"array"}`, "#/type: it is there twice"},
		{`{"properties":{"age":{"multipleOf":2}}}`, `#/properties/age/multipleOf: the keyword "multipleOf" is not supported`},
		{`{"type":"array","items":{"not":{}}}`, "#/items/not"},
		{`{"uniqueItems":true}`, "#/uniqueItems"},
		{`{"minProperties":1}`, "#/minProperties"},
		{`{"patternProperties":{}}`, "#/patternProperties"},
		{`{"if":{}}`, "#/if"},
		{`{"nullable":true}`, "#/nullable"},
		{`{"items":[{}]}`, "#/items: it is an array"},
		{`{"minLength":-1}`, "#/minLength: it is -1"},
		{`{"minLength":1.5}`, "#/minLength"},
		{`{"minLength":3,"maxLength":2}`, "minLength is 3 and maxLength 2"},
		{`{"minItems":3,"maxItems":2}`, "minItems is 3 and maxItems 2"},
		{`{"minimum":"1"}`, "#/minimum: it is a string"},
		{`{"minimum":1e9999}`, "#/minimum: the exponent"},
		{`{"minimum":1e99999999999999999999}`, "#/minimum: the exponent"},
		{`{"exclusiveMinimum":true}`, "#/exclusiveMinimum: it is a boolean"},
		{`{"enum":[]}`, "#/enum: it is an array, expected a list of one"},
		{`{"enum":["a"],"minLength":1}`, "#: enum or const beside another keyword"},
		{`{"pattern":"("}`, "#/pattern"},
		{`{"pattern":"(?=a)b"}`, "#/pattern"},
		{`{"pattern":"\\bword"}`, "a word boundary"},
		{`{"pattern":"(?m)^a"}`, "start or end of a line"},
		{`{"pattern":"^a+$","maxLength":5}`, "lengths have to be written into it"},
		{`{"pattern":"abc","maxLength":3}`, "3 characters and more"},
		{`{"pattern":"a{1000}b{1000}c{1000}d{1000}e{1000}"}`, "steps, expected at most 4096"},
		{`{"pattern":"a","format":"date"}`, "pattern and format at once"},
		{`{"format":"hostname"}`, `#/format: "hostname" is not supported, expected date,`},
		{`{"$ref":"other.json"}`, "#/$ref"},
		{`{"$ref":"#/$defs/x"}`, `there is no "#/$defs/x"`},
		{`{"$ref":"#/type/0","type":["string"]}`, "#/type/0: it is a string, expected a schema"},
		{`{"$ref":"#"}`, "refers to itself"},
		{`{"anyOf":[{"$ref":"#"},{"type":"null"}]}`, "refers to itself"},
		{`{"allOf":[{"$ref":"#"}],"type":"null"}`, "refers to itself"},
		{`{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"anyOf":[{"$ref":"#/$defs/a"},{"type":"null"}]}},"$ref":"#/$defs/a"}`, "refers to itself"},
		{`false`, "#: no value"},
		{`{"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]}`, "#: no value"},
		{`{"type":"object","properties":{"a":{"type":"object","properties":{"b":false},"required":["b"]}},"required":["a"]}`, "#/properties/a/properties/b: no value"},
		{`{"required":["a"],"additionalProperties":false}`, "#: no value"},
		{`{"type":"integer","minimum":5,"maximum":4}`, "#: no value"},
		{`{"type":"integer","exclusiveMinimum":5,"exclusiveMaximum":6}`, "#: no value"},
		{`{"type":"integer","minimum":1e30}`, "#: no value"},
		{`{"minItems":1,"items":false}`, "#: no value"},
		{`{"minItems":3,"prefixItems":[true],"items":{"type":"array","minItems":1,"items":{"$ref":"#/items"}}}`, "#: no value"},
		{`{"allOf":[{"type":"string"},{"type":"integer"}]}`, "#: no value"},
		{`{"allOf":[{"pattern":"a"},{"pattern":"b"}]}`, "for one value are not supported"},
		{`{"oneOf":[{"type":"number"},{"type":"integer"}]}`, "#/oneOf: it cannot be told that no value satisfies both 0 and 1"},
		{`{"oneOf":[{"properties":{"a":{"const":1}}},{"properties":{"a":{"const":2}}}]}`, "#/oneOf"},
		{`{"oneOf":[{"enum":[1]},{"enum":[1.0]}]}`, "#/oneOf"},
		{nested(300, `{"items":`, `true`, `}`), "more than 200 values within values"},
		{strings.Repeat(`[`, 100_000), "more than 200"},
		{`{"description":"` + strings.Repeat("x", maxText) + `"}`, "expected at most 262144"},
		{`{"properties":{` + many(8000, `"property-%[1]d-with-a-long-name":{},`) + `}}`, "expected at most"},
		{`{"properties":{` + many(100, `"p%d":{"pattern":"^\\p{L}+$"},`) + `}}`, "more than 200000 steps"},
		{`{"allOf":[` + many(20, `{"anyOf":[{"required":["a%[1]d"]},{"required":["b%[1]d"]}]},`) + `]}`, "more than 20000 schemas"},
		{`{"$defs":{` + many(60, `"c%d":{"oneOf":[`+strings.Repeat(`{"$ref":"#/$defs/d"},`, 59)+`{"$ref":"#/$defs/d"}]},`) + `,"d":{"oneOf":[{"type":"null"},{"type":"string"}]}},"oneOf":[` + many(60, `{"$ref":"#/$defs/c%d"},`) + `]}`, "#/"},
	} {
		_, err := v.Schema([]byte(c.schema))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.200s: %v, expected %q", c.schema, err, c.want)
		}
	}
	for _, schema := range []string{
		`{"enum":[` + many(5000, `"value %d",`) + `]}`,
		`{"properties":{` + many(1000, `"p%d":{"type":"string"},`) + `},"additionalProperties":true}`,
		`{"$defs":{` + many(200, `"a%d":{"anyOf":[{"$ref":"#/$defs/b"},{"type":"array","items":{"$ref":"#/$defs/b"}},{"type":"array","items":{"$ref":"#/$defs/b"}}]},`) + `,"b":{"anyOf":[` +
			many(100, `{"type":"array","items":{"$ref":"#/$defs/a%d"}},`) + `]}},"$ref":"#/$defs/a1"}`,
	} {
		g := must(t, v, schema)
		m := g.Start()
		var sizes []int // of what is known, which must not double with each byte
		for _, b := range []byte(`[[[[[[[[[[[[`) {
			m.Allowed()
			if m.Took(1+int(b)) != nil {
				break
			}
			sizes = append(sizes, len(g.cache.states)+len(g.cache.stacks))
		}
		if n := len(sizes); n == 12 && sizes[11] > 3*sizes[5] {
			t.Errorf("%.60s: %d states and stacks after each byte", schema, sizes)
		}
	}
}

// TestVocabulary: tokens that a grammar needs and a vocabulary has not.
func TestVocabulary(t *testing.T) {
	var few words // no digits but 1 to 3, no closing brace
	for _, s := range allBytes("é", "12", "}") {
		if len(s) != 1 || !strings.Contains("0456789\xc3", s) {
			few = append(few, s)
		}
	}
	v := NewVocabulary(few)
	g := must(t, v, `{"type":"array","items":{"anyOf":[{"type":"integer"},{"type":"string","maxLength":2}]}}`)
	m := g.Start()
	take := func(s string) error {
		for id, w := range few {
			if w == s {
				return m.Took(id)
			}
		}
		t.Fatalf("no token %q", s)
		return nil
	}
	for _, s := range []string{"[", "12", ",", "\"", "1", "2", "\"", "]"} {
		if err := take(s); err != nil {
			t.Fatal(err)
		}
	}
	if !m.Complete() || take("") != nil || take("1") == nil {
		t.Error("the end is not where it belongs")
	}
	m = g.Start()
	take("[")
	take("\"")
	if take("é") == nil { // the half of it could not be finished
		t.Error("a character is written whose bytes are no tokens")
	}
	if _, err := v.Schema([]byte(`{"type":"integer","minimum":5,"maximum":9}`)); err == nil || !strings.Contains(err.Error(), "no value that can be written") {
		t.Errorf("%v", err)
	}
	if _, err := NewVocabulary(words{"a"}).Object(); err == nil {
		t.Error("an object is written in a")
	}
	// Without end tokens nothing is left to come behind a whole value.
	endless := NewVocabulary(words{"{", "}", "1"})
	g = must(t, endless, `{"type":"object"}`)
	m = g.Start()
	m.Took(0)
	if mask := m.Allowed(); len(mask) != 1 || mask[0] != 2 || m.Took(1) != nil || m.Allowed() != nil {
		t.Error("a complete value does not end")
	}
	if m.Took(1) == nil || m.Took(-1) == nil || m.Took(9) == nil {
		t.Error("a token is taken that cannot come")
	}
}

// TestLeadingSpace: where a text's first space is left out, it may come.
func TestLeadingSpace(t *testing.T) {
	for _, c := range []struct {
		w    words
		want uint64 // of the first tokens
	}{{words{" ", "", "1", " 1", "2", "x"}, 0b1101}, {words{"", "1", " 1", " ", "2", "x"}, 0b10}} {
		m := must(t, NewVocabulary(c.w), `{"enum":[1,11]}`).Start()
		if mask := m.Allowed(); mask[0] != c.want {
			t.Errorf("%q: %b is allowed, expected %b", c.w, mask[0], c.want)
		}
		if m.Took(2); m.Took(0) == nil && c.w[0] == " " {
			t.Error("a space behind the value is taken")
		}
	}
}

// TestRemembers: a schema that was used a short while ago is not compiled again.
func TestRemembers(t *testing.T) {
	v := NewVocabulary(allBytes())
	first := must(t, v, `{"const":0}`)
	for i := range maxRecent - 1 {
		must(t, v, fmt.Sprintf(`{"const":%d}`, i))
	}
	if must(t, v, `{"const":0}`) != first {
		t.Error("it was forgotten")
	}
	for i := range maxRecent {
		must(t, v, fmt.Sprintf(`{"const":"%d"}`, i))
	}
	if len(v.recent) != maxRecent || must(t, v, `{"const":0}`) == first {
		t.Errorf("%d are remembered", len(v.recent))
	}
}
