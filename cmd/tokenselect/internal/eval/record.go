package eval

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tokenselect/cmd/tokenselect/internal/eval/mass"
)

// Format is the version of the files that a Store writes.
const Format = 1

// TextTask is the name under which results on a text are kept, which asks nothing.
const TextTask = "text"

// Settings are what results of one file have in common. Results of other settings
// are not comparable with them.
type Settings struct {
	Format   int      `json:"tokenselect_eval"`
	Measure  string   `json:"measure"`
	Model    string   `json:"model"`
	Weights  string   `json:"weights"` // how they are stored
	Trained  int      `json:"trained"` // tokens of the longest text that the model was trained on
	KV       string   `json:"kv"`
	Seed     uint64   `json:"seed"`
	Tasks    []string `json:"tasks"`
	Lengths  []int    `json:"lengths"` // tokens of a prompt at most
	Cases    int      `json:"cases"`   // of a task at a length
	Policies []Policy `json:"policies"`

	Forced bool   `json:"token_accuracy,omitempty"` // replies were also checked token by token
	Filler string `json:"filler,omitempty"`         // the text that filled documents; generated prose: ""
	Text   string `json:"text,omitempty"`           // the text that was read
	Tokens int    `json:"tokens,omitempty"`         // of it that were scored, or decode steps that were looked at
}

// Policy is a way of selecting with its options, under the name that it was asked
// for by.
type Policy struct {
	Name   string          `json:"name"`
	Config json.RawMessage `json:"config"`
}

// PolicyNames are the names of the policies.
func (s Settings) PolicyNames() []string {
	var names []string
	for _, p := range s.Policies {
		names = append(names, p.Name)
	}
	return names
}

// Asked are the tasks that are scored by their answers.
func (s Settings) Asked() []string {
	return slices.DeleteFunc(slices.Clone(s.Tasks), func(t string) bool { return t == TextTask })
}

// overall is what stands for all tasks in a table: their mean, or the only one.
func (s Settings) overall() string {
	switch asked := s.Asked(); len(asked) {
	case 0:
		return TextTask
	case 1:
		return asked[0]
	}
	return ""
}

// differs says in what s is not want, or "".
func (s Settings) differs(want Settings) string {
	if got, want := s.PolicyNames(), want.PolicyNames(); !slices.Equal(got, want) {
		return fmt.Sprintf("policies %s, expected %s", strings.Join(got, ","), strings.Join(want, ","))
	}
	for i, p := range s.Policies {
		if d := differing(p.Config, want.Policies[i].Config, ""); d != "" {
			return d
		}
	}
	s.Policies, want.Policies = nil, nil
	return differing(encoded(s), encoded(want), "")
}

// encoded is settings as their file has them.
func encoded(s Settings) json.RawMessage {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // of strings and numbers
	}
	return raw
}

// optionNames are the names of flags for what a policy's configuration has by others.
var optionNames = map[string]string{
	"NInit": "n-init", "NLocal": "n-local", "Rivals.Page": "quest-page", "Rivals.Block": "infllm-block",
	"Rivals.Representatives": "infllm-representatives", "Rivals.Window": "snapkv-window", "Rivals.Pool": "snapkv-pool",
	"Rivals.Factor": "ntk-factor", "Rivals.Near": "selfextend-window", "Rivals.Group": "selfextend-group",
}

// differing names the first field in which two objects differ, and its values; ""
// where there is none. In is the name of what they are in.
func differing(got, want json.RawMessage, in string) string {
	var a, b map[string]json.RawMessage
	if json.Unmarshal(got, &a) != nil || json.Unmarshal(want, &b) != nil {
		return fmt.Sprintf("%s, expected %s", got, want)
	}
	names := slices.Collect(maps.Keys(b))
	for name := range a {
		if _, both := b[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		x, y, path := a[name], b[name], in+name
		switch {
		case string(x) == string(y):
		case bytes.HasPrefix(x, []byte("{")) && bytes.HasPrefix(y, []byte("{")):
			if d := differing(x, y, path+"."); d != "" {
				return d
			}
		default:
			return fmt.Sprintf("%s %s, expected %s", cmp.Or(optionNames[path], strings.ToLower(path)), said(x), said(y))
		}
	}
	return ""
}

func said(raw json.RawMessage) string {
	if raw == nil {
		return "none"
	}
	return string(raw)
}

// Record is one result: a policy on a case.
type Record struct {
	Policy  string `json:"policy"`
	Task    string `json:"task"`
	Length  int    `json:"length"`
	Case    int    `json:"case"`
	Device  string `json:"device"`
	Adapter string `json:"adapter"`
	Tokens  int    `json:"tokens"` // of the prompt

	// The share of answers found; of attention mass recalled; of a text minus the
	// nats a token.
	Score   float64 `json:"score"`
	Exact   bool    `json:"exact,omitempty"` // the reply is word for word the one that the model was trained to give
	Reply   string  `json:"reply,omitempty"`
	Right   int     `json:"right,omitempty"`  // tokens of that reply that are the most likely after those before them,
	Forced  int     `json:"forced,omitempty"` // of so many
	Prefill float64 `json:"prefill_s"`
	Decode  float64 `json:"decode_s"`
	Decoded int     `json:"decoded"` // tokens that Decode took
	Hits    int     `json:"hits,omitempty"`
	Misses  int     `json:"misses,omitempty"`

	LogLoss  float64 `json:"log_loss,omitempty"` // nats, summed over Decoded tokens of a text
	Attended int     `json:"attended,omitempty"` // rows that a layer attended to in a step at most
	Bytes    int64   `json:"bytes,omitempty"`    // of the cache at the end
	Free     *Free   `json:"free,omitempty"`

	Mass *mass.Found `json:"mass,omitempty"`
}

// Free is a text that the model has gone on with by itself, as if it had no end.
type Free struct {
	Tokens   int     `json:"tokens"`
	Decode   float64 `json:"decode_s"`
	Decoded  int     `json:"decoded"` // tokens that Decode took
	Hits     int     `json:"hits"`
	Misses   int     `json:"misses"`
	Attended int     `json:"attended"` // rows that a layer attended to in a step at most
	Distinct float64 `json:"distinct"` // of its runs of four tokens, the share of different ones
	Before   int64   `json:"before"`   // bytes of the cache at its start
	Bytes    int64   `json:"bytes"`    // and at its end
}

// key is what makes a record one of its kind.
type key struct {
	policy, task string
	length, n    int
}

func (r Record) key() key { return key{r.Policy, r.Task, r.Length, r.Case} }

// Report is settings and the records that were made with them.
type Report struct {
	Settings Settings
	Records  []Record
}

// Merge puts reports together that differ in policies, lengths, tasks and numbers of
// cases only. name tells where each comes from.
func Merge(reports []Report, names []string) (Report, error) {
	all := reports[0]
	seen := map[key]bool{}
	for _, r := range all.Records {
		seen[r.key()] = true
	}
	for i, r := range reports[1:] {
		alike := r.Settings
		alike.Policies, alike.Tasks, alike.Lengths, alike.Cases = all.Settings.Policies, all.Settings.Tasks, all.Settings.Lengths, all.Settings.Cases
		if d := alike.differs(all.Settings); d != "" {
			return Report{}, fmt.Errorf("%s does not go with %s: %s", names[i+1], names[0], d)
		}
		for _, p := range r.Settings.Policies {
			at := slices.IndexFunc(all.Settings.Policies, func(q Policy) bool { return q.Name == p.Name })
			if at < 0 {
				all.Settings.Policies = append(all.Settings.Policies, p)
			} else if d := differing(p.Config, all.Settings.Policies[at].Config, ""); d != "" {
				return Report{}, fmt.Errorf("%s does not go with %s: policy %s: %s", names[i+1], names[0], p.Name, d)
			}
		}
		for _, t := range r.Settings.Tasks {
			if !slices.Contains(all.Settings.Tasks, t) {
				all.Settings.Tasks = append(all.Settings.Tasks, t)
			}
		}
		all.Settings.Lengths = append(all.Settings.Lengths, r.Settings.Lengths...)
		all.Settings.Cases = max(all.Settings.Cases, r.Settings.Cases)
		for _, rec := range r.Records {
			if !seen[rec.key()] {
				seen[rec.key()] = true
				all.Records = append(all.Records, rec)
			}
		}
	}
	slices.Sort(all.Settings.Lengths)
	all.Settings.Lengths = slices.Compact(all.Settings.Lengths)
	return all, nil
}

// Tokens is a number of tokens as tables show it: 2K for 2048.
func Tokens(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%dM", n>>20)
	case n >= 1024 && n%1024 == 0:
		return fmt.Sprintf("%dK", n>>10)
	case n >= 1024 && n%512 == 0:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/1024), ".0") + "K"
	}
	return fmt.Sprint(n)
}
