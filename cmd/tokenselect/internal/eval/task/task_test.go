package task

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// measure counts with the built-in model's tokenizer, as evaluations do.
func measure(t *testing.T) Measure {
	t.Helper()
	name, data := web.DefaultModel()
	ckpt, err := weights.ParseGGUF(name, data)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.New(*ckpt.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	count := func(s string) int { return len(tok.Encode(s, false)) }
	return Measure{count, func(d, q string) int { return count("user\n"+d+"\n\n"+q) + count("\n") + count("assistant\n") + 4 }}
}

// TestGenerate: every task reaches every length, says the same for the same seed,
// and its needles stand where it says.
func TestGenerate(t *testing.T) {
	m := measure(t)
	for _, task := range All() {
		t.Run(task.Name, func(t *testing.T) {
			for _, size := range []int{1024, 2048, 8192} {
				c, err := task.Generate(Seed(1, task.Name, size, 0), size, Filler{}, m)
				if err != nil {
					t.Fatal(err)
				}
				again, _ := task.Generate(Seed(1, task.Name, size, 0), size, Filler{}, m)
				other, _ := task.Generate(Seed(1, task.Name, size, 1), size, Filler{}, m)
				if again.Document != c.Document || again.Question != c.Question {
					t.Errorf("%d tokens: one seed gave two cases", size)
				}
				if other.Document == c.Document {
					t.Errorf("%d tokens: two seeds gave one case", size)
				}
				if n := m.Prompt(c.Document, c.Question); n > size || n < size-100 {
					t.Errorf("%d tokens, expected %d or up to 100 fewer", n, size)
				}
				if len(c.Answers) == 0 || len(c.Needles) == 0 {
					t.Fatalf("%d answers, %d needles", len(c.Answers), len(c.Needles))
				}
				end := 0
				for _, s := range c.Needles {
					if s.Start < end || s.End <= s.Start || s.End > len(c.Document) {
						t.Fatalf("needle at %v, the one before ends at %d, the document at %d", s, end, len(c.Document))
					}
					end = s.End
				}
				for _, a := range c.Answers {
					if !strings.Contains(c.Reply, a) {
						t.Errorf("the reply %q does not hold %q", c.Reply, a)
					}
					if !slices.ContainsFunc(c.Needles, func(s Span) bool { return strings.Contains(c.Document[s.Start:s.End], a) }) {
						t.Errorf("no needle holds %q", a)
					}
				}
			}
		})
	}
}

// find is the first groups of all matches in a document.
func find(re, document string) (found []string) {
	for _, m := range regexp.MustCompile(re).FindAllStringSubmatch(document, -1) {
		found = append(found, m[1])
	}
	return found
}

// TestAnswers works out the answers again from document and question alone.
func TestAnswers(t *testing.T) {
	m := measure(t)
	const size = 4096
	key := func(question string) string {
		return regexp.QuoteMeta(regexp.MustCompile(`for (\S+) mentioned`).FindStringSubmatch(question)[1])
	}
	values := func(c Case) []string { return find(`magic \w+ for `+key(c.Question)+` is: (\S+)\.`, c.Document) }
	for name, derive := range map[string]func(c Case) []string{
		"passkey": func(c Case) []string { return find(`The pass key is (\d{5})\.`, c.Document) },
		"number":  func(c Case) []string { return find(`The sequence of digits is (\d{10})\.`, c.Document) },
		"keyvalue": func(c Case) []string {
			_, object, _ := strings.Cut(c.Document, "\n\n")
			var table map[string]string
			if err := json.Unmarshal([]byte(object), &table); err != nil {
				t.Errorf("not JSON: %v", err)
			}
			return []string{table[regexp.MustCompile(`"(.*)"`).FindStringSubmatch(c.Question)[1]]}
		},
		"mathfind": func(c Case) []string {
			var list []int
			for _, s := range find(`A number on the list is (\d+)\.`, c.Document) {
				v, _ := strconv.Atoi(s)
				list = append(list, v)
			}
			slices.Sort(list)
			at := map[string]int{"largest": len(list) - 1, "smallest": 0, "second largest": len(list) - 2, "second smallest": 1}
			return []string{strconv.Itoa(list[at[regexp.MustCompile(`What is the (.*) number`).FindStringSubmatch(c.Question)[1]]])}
		},
		"single": values, "multikey1": values, "multikey2": values, "multikey3": values, "multivalue": values,
		"multiquery": func(c Case) (all []string) {
			label := regexp.MustCompile(`for (.*) mentioned`).FindStringSubmatch(c.Question)[1]
			for _, k := range strings.Split(strings.ReplaceAll(label, " and ", " "), ", ") {
				all = append(all, find(`for `+strings.TrimSpace(k)+` is: (\d+)\.`, c.Document)...)
			}
			return all
		},
		"variables": func(c Case) []string {
			value, holds := find(`value (\d+) in`, c.Question)[0], map[string]string{}
			var all []string
			for _, m := range regexp.MustCompile(`VAR (\w+) = (?:VAR )?(\w+)`).FindAllStringSubmatch(c.Document, -1) {
				if v, ok := holds[m[2]]; ok {
					m[2] = v
				}
				if holds[m[1]] = m[2]; m[2] == value {
					all = append(all, m[1])
				}
			}
			return all
		},
		"common":   func(c Case) []string { return mostFrequent(t, c, 4) },
		"frequent": func(c Case) []string { return mostFrequent(t, c, 3) },
		"facts": func(c Case) []string {
			for _, f := range factKinds {
				for _, q := range f.asked {
					if m := regexp.MustCompile("^" + fmt.Sprintf(regexp.QuoteMeta(strings.ReplaceAll(q, "%[1]s", "%s")), "(.*)") + "$").FindStringSubmatch(c.Question); m != nil {
						return find(strings.ReplaceAll(regexp.QuoteMeta(fmt.Sprintf(f.told, m[1], "VALUE")), "VALUE", `(\S+)`), c.Document)
					}
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			task, err := Named(name)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 6 {
				c, err := task.Generate(Seed(7, name, size, i), size, Filler{}, m)
				if err != nil {
					t.Fatal(err)
				}
				got := derive(c)
				slices.Sort(got)
				want := slices.Sorted(slices.Values(c.Answers))
				if !slices.Equal(got, want) {
					t.Errorf("case %d: %q, the document says %q", i, want, got)
				}
			}
		})
	}
}

func mostFrequent(t *testing.T, c Case, top int) []string {
	times := map[string]int{}
	_, list, _ := strings.Cut(c.Document, ". ")
	for _, w := range strings.Fields(list) {
		times[w]++
	}
	var words []string
	for w := range times {
		words = append(words, w)
	}
	slices.SortFunc(words, func(a, b string) int { return times[b] - times[a] })
	if times[words[top-1]] == times[words[top]] {
		t.Errorf("%q and %q both stand %d times", words[top-1], words[top], times[words[top]])
	}
	return words[:top]
}

func TestTooShort(t *testing.T) {
	m := measure(t)
	for _, task := range All() {
		if _, err := task.Generate(1, 20, Filler{}, m); err == nil || !strings.Contains(err.Error(), task.Name+" does not fit into 20 tokens") {
			t.Errorf("%s in 20 tokens: %v", task.Name, err)
		}
	}
	if _, err := Named("haystack"); err == nil || !strings.Contains(err.Error(), `"haystack", expected of passkey, `) {
		t.Errorf("an unknown task: %v", err)
	}
}

// TestFillerOf: a text is handed out sentence by sentence, from another place for
// each seed, over again where it ends.
func TestFillerOf(t *testing.T) {
	var text strings.Builder
	for i := range 30 {
		fmt.Fprintf(&text, "Is this\n sentence %d? ", i)
	}
	f, err := FillerOf(text.String() + `"It is." ` + strings.Repeat("word ", 100))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.text) != 32 || f.text[3] != "Is this sentence 3?" || f.text[30] != `"It is."` || len(strings.Fields(f.text[31])) != 60 {
		t.Errorf("%d sentences: %q", len(f.text), f.text)
	}
	a, b := f.sentences(rand.New(rand.NewPCG(1, 1))), f.sentences(rand.New(rand.NewPCG(2, 1)))
	first := a()
	if first == b() {
		t.Error("two seeds begin at one place")
	}
	for range 31 {
		a()
	}
	if a() != first {
		t.Error("the text does not begin again")
	}
	if _, err := FillerOf("Too short."); err == nil || !strings.Contains(err.Error(), "1 sentences, expected at least 20") {
		t.Errorf("a short text: %v", err)
	}
	m := measure(t)
	for _, task := range All() {
		c, err := task.Generate(3, 1500, f, m)
		if err != nil {
			t.Fatal(err)
		}
		listed := strings.Contains(c.Document, "is: ") || strings.Contains(c.Document, "{") || strings.Contains(c.Document, "list of words")
		if !listed && !strings.Contains(c.Document, "Is this sentence ") {
			t.Errorf("%s is filled with something else: %s", task.Name, c.Document)
		}
	}
}

// TestProse: the filler is varied, and holds nothing that an answer could be taken
// for.
func TestProse(t *testing.T) {
	next := Filler{}.sentences(rand.New(rand.NewPCG(1, 1)))
	seen := map[string]bool{}
	repeats := 0
	person := regexp.MustCompile("(" + strings.Join(givenNames, "|") + ") (" + strings.Join(familyNames, "|") + `)\b`)
	for range 5000 {
		s := next()
		if seen[s] {
			repeats++
		}
		seen[s] = true
		if strings.ContainsAny(s, "0123456789-{}[]<>") || person.MatchString(s) {
			t.Fatalf("%q", s)
		}
	}
	if repeats > 50 {
		t.Errorf("%d sentences of 5000 came again", repeats)
	}
	for name := range parts {
		for _, text := range append(parts[name], frames...) {
			for _, m := range regexp.MustCompile(`\{(.*?)\}`).FindAllStringSubmatch(text, -1) {
				if len(parts[m[1]]) == 0 {
					t.Errorf("%q asks for %s, which there is not", text, m[0])
				}
			}
		}
	}
	pool := slices.Sorted(slices.Values(slices.Concat(adjectives, nouns)))
	if n := len(slices.Compact(pool)); n != len(adjectives)+len(nouns) {
		t.Errorf("%d words of lists, %d different ones", len(adjectives)+len(nouns), n)
	}
}
