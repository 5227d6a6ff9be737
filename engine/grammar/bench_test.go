package grammar_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tokenselect/engine/grammar"
	"tokenselect/engine/tokenizer"
)

// person is a schema of the usual kinds of values.
const person = `{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},` +
	`"born":{"type":"string","format":"date"},"note":{"type":"string","maxLength":80},"role":{"enum":["clerk","pilot","gardener"]},` +
	`"pets":{"type":"array","items":{"type":"object","properties":{"kind":{"type":"string"},"tame":{"type":"boolean"}},"required":["kind","tame"]}}},` +
	`"required":["name","age","born","note","role","pets"]}`

// BenchmarkMask measures what a token costs: one that comes where none has come
// before (first), and one whose state is known (again). The vocabulary is the one
// of TOKENSELECT_TOKENIZER, a folder with a tokenizer.
func BenchmarkMask(b *testing.B) {
	dir := os.Getenv("TOKENSELECT_TOKENIZER")
	if dir == "" {
		b.Skip("skipped: TOKENSELECT_TOKENIZER names no folder")
	}
	t := open(b, dir)
	began := time.Now()
	v := grammar.NewVocabulary(t)
	b.Logf("%d tokens sorted in %v", t.Len(), time.Since(began))
	text := []byte(`{"name": "Ada Dixon, 日本", "age": 64, "born": "1960-02-29", "note": "She keeps a fox at home and feeds it well.", "role": "pilot", "pets": [{"kind": "fox", "tame": true}, {"kind": "owl", "tame": false}]}`)
	r := rand.New(rand.NewPCG(1, 1))
	for _, again := range []bool{false, true} {
		name := map[bool]string{false: "first", true: "again"}[again]
		b.Run(name, func(b *testing.B) {
			tokens := 0
			var worst time.Duration
			for i := range b.N {
				schema := []byte(person)
				if !again { // another schema to the cache, the same to the text
					schema = append(schema, make([]byte, i%2000)...)
					for k := len(person); k < len(schema); k++ {
						schema[k] = " \n"[r.IntN(2)]
					}
				}
				g, err := v.Schema(schema)
				if err != nil {
					b.Fatal(err)
				}
				m := g.Start()
				for _, id := range t.Encode(string(text), false) {
					began := time.Now()
					m.Allowed()
					if err := m.Took(id); err != nil {
						b.Fatal(err)
					}
					worst = max(worst, time.Since(began))
					tokens++
				}
				if m.Allowed(); !m.Complete() {
					b.Fatal("not complete")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(tokens), "µs/token")
			b.ReportMetric(float64(worst.Microseconds()), "µs/worst")
		})
	}
}

// open reads a folder's tokenizer.json, or Qwen's vocab.json and merges.txt.
func open(b *testing.B, dir string) *tokenizer.Tokenizer {
	b.Helper()
	var files [4][]byte
	for i, name := range []string{"tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"} {
		files[i], _ = os.ReadFile(filepath.Join(dir, name)) // what is not there is not needed
	}
	spec, err := tokenizer.FromJSON(dir, files[0], files[3])
	if files[0] == nil {
		spec, err = tokenizer.FromVocabMerges(dir, files[1], files[2], files[3], "qwen2")
	}
	if err != nil {
		b.Fatal(err)
	}
	t, err := tokenizer.New(spec)
	if err != nil {
		b.Fatal(err)
	}
	return t
}
