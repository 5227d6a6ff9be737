package grammar

import (
	"hash/maphash"
	"math/rand/v2"
	"testing"
)

// FuzzSchema: whatever a schema is, it is refused or can be kept to: there is
// always a token that may come, until the value is complete.
func FuzzSchema(f *testing.F) {
	for _, s := range []string{
		`{"type":"object","properties":{"a":{"type":"integer","minimum":-3,"maximum":40}},"required":["a"],"additionalProperties":{"type":"string","maxLength":3}}`,
		`{"$defs":{"t":{"anyOf":[{"type":"null"},{"type":"array","items":{"$ref":"#/$defs/t"},"maxItems":2}]}},"$ref":"#/$defs/t"}`,
		`{"oneOf":[{"enum":["a",1]},{"type":"boolean"}]}`,
		`{"allOf":[{"type":"number","exclusiveMinimum":0.5},{"maximum":1e1}]}`,
		`{"pattern":"^(a|b)*é{1,3}$"}`,
		`{"format":"date-time"}`,
		`{"prefixItems":[{"const":{"x":[]}}],"items":false,"minItems":1}`,
	} {
		f.Add([]byte(s))
	}
	w := allBytes(usual...)
	v := NewVocabulary(w)
	seed := maphash.MakeSeed()
	f.Fuzz(func(t *testing.T, schema []byte) {
		g, err := v.Schema(schema)
		if err != nil {
			return
		}
		r := rand.New(rand.NewPCG(maphash.Bytes(seed, schema), 0))
		m := g.Start()
		var text []byte
		for range 64 {
			mask := m.Allowed()
			some := uint64(0)
			for _, bits := range mask {
				some |= bits
			}
			if some == 0 {
				t.Fatalf("%s: nothing may follow %q", schema, text)
			}
			id := choose(r, w, mask, false)
			if err := m.Took(id); err != nil {
				t.Fatalf("%s: %v", schema, err)
			}
			text = append(text, w[id]...)
			if m.ended {
				return
			}
		}
	})
}
