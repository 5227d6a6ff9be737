package trace

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The types of commands.
const (
	// Hello opens a connection: V is the client's version. A client of a server
	// that wants a session back names it and the last event that it has.
	Hello = "hello"
	// Load puts a model on a device. Its answer is Progress, then Loaded.
	Load = "load"
	// Open sets the document that is asked about, and forgets the one before.
	// Its answer is Opened.
	Open = "open"
	// Ask puts a question. Its answer is Queued, Layout, Prefill and Token, each
	// as often as there is something to say, then Done.
	Ask = "ask"
	// Stop ends the question of the same ID, in prefill or decode; its Done
	// follows.
	Stop = "stop"
	// Select changes policy and budgets from the next question on. Its answer is
	// Selected.
	Select = "select"
	// Unload frees document, model and device. Its answer is Unloaded.
	Unload = "unload"
)

var commandTypes = []string{Hello, Load, Open, Ask, Stop, Select, Unload}

// Command is what a client asks for. Which fields count depends on Type.
type Command struct {
	Type string `json:"type"`
	ID   int    `json:"id,omitempty"` // the client's number; events that answer repeat it

	// Of Hello.
	V       int    `json:"v,omitempty"`
	Session string `json:"session,omitempty"` // a session to continue
	Seq     int    `json:"seq,omitempty"`     // the last event of it that arrived

	// Of Load.
	Model  string `json:"model,omitempty"`  // a name of the server's list; "": its first
	Device string `json:"device,omitempty"` // "auto", "webgpu", "cpu"; "" is auto
	KV     string `json:"kv,omitempty"`     // how keys and values are stored: "f16", "f32"; "" is the device's default

	// Of Open.
	Document string `json:"document,omitempty"`
	Context  int    `json:"context,omitempty"` // tokens to make room for; 0: as many as are needed

	// Of Ask.
	Question  string  `json:"question,omitempty"`
	MaxTokens int     `json:"max_tokens,omitempty"` // of the answer; 0: DefaultMaxTokens
	Again     bool    `json:"again,omitempty"`      // in place of the question before and its answer
	IgnoreEnd bool    `json:"ignore_end,omitempty"` // go on past the answer's end, to MaxTokens: for measurements
	Trace     bool    `json:"trace,omitempty"`      // Token events carry a Step
	Record    *Record `json:"record,omitempty"`     // what else steps carry; implies Trace
	Sample    *Sample `json:"sample,omitempty"`     // nil: the most likely token

	// Of Open, Ask and Select.
	Selection *Selection `json:"selection,omitempty"` // nil: as it is
}

// DefaultMaxTokens is the length of an answer that a command leaves open.
const DefaultMaxTokens = 256

// Selection is a policy and its budgets in tokens. Where a field is absent the
// model's default stands.
type Selection struct {
	Policy string   `json:"policy,omitempty"`
	NInit  *int     `json:"n_init,omitempty"`
	NLocal *int     `json:"n_local,omitempty"`
	K      *int     `json:"k,omitempty"`
	Chunk  *int     `json:"chunk,omitempty"`
	Tail   *int     `json:"tail,omitempty"`
	Theta  *float64 `json:"theta,omitempty"`
	Pool   *int     `json:"pool,omitempty"`
	// How the copy of the keys is stored that candidates are scored from: exact
	// (there is none), int8 or int4. A document keeps what it was opened with.
	Index string `json:"index,omitempty"`
}

// Record is what is recorded of each step besides the selected rows. All of it
// costs time while it is asked for, and nothing otherwise.
type Record struct {
	Votes   bool   `json:"votes,omitempty"`   // votes of the selected rows, and the margin at the cut
	Mass    bool   `json:"mass,omitempty"`    // where dense attention's mass lies, and how much of it was attended to
	Heads   int    `json:"heads,omitempty"`   // for each head so many rows with the most weight
	Scores  []Head `json:"scores,omitempty"`  // heads whose scores of all rows are wanted
	Timings bool   `json:"timings,omitempty"` // time of each kind of kernel; steps are slower for it
}

// Head is a head of a layer, both from 0.
type Head struct {
	Layer int `json:"layer"`
	Head  int `json:"head"`
}

// Bounds of a Record, so that a step stays a message of ordinary size.
const (
	MaxRecordHeads  = 64
	MaxRecordScores = 8 // the heads of a layer, of many models
)

// Check says what is wrong with r, as far as that can be told without a model.
func (r *Record) Check() error {
	if r.Heads < 0 || r.Heads > MaxRecordHeads {
		return fmt.Errorf("record: heads is %d, expected 0 to %d rows of each head", r.Heads, MaxRecordHeads)
	}
	if len(r.Scores) > MaxRecordScores {
		return fmt.Errorf("record: scores of %d heads, expected at most %d", len(r.Scores), MaxRecordScores)
	}
	for _, s := range r.Scores {
		if s.Layer < 0 || s.Head < 0 {
			return fmt.Errorf("record: scores of layer %d, head %d, expected numbers from 0", s.Layer, s.Head)
		}
	}
	return nil
}

// Sample says how tokens are picked.
type Sample struct {
	Temperature       float64 `json:"temperature,omitempty"`
	TopK              int     `json:"top_k,omitempty"`
	TopP              float64 `json:"top_p,omitempty"`
	RepetitionPenalty float64 `json:"repetition_penalty,omitempty"`
	Seed              uint64  `json:"seed,omitempty"`
}

// ParseCommand reads a command and checks it.
func ParseCommand(raw []byte) (Command, error) {
	var c Command
	if err := decode(raw, &c); err != nil {
		return c, fmt.Errorf("trace: command: %w", err)
	}
	return c, c.Check()
}

// Check says what is wrong with c, as far as that can be told without a model.
func (c Command) Check() error {
	if !slices.Contains(commandTypes, c.Type) {
		return fmt.Errorf("trace: command: type %q, expected one of %s", c.Type, strings.Join(commandTypes, ", "))
	}
	if c.Type == Hello && c.V != Version {
		return fmt.Errorf("trace: command hello: version %d of the messages, expected %d: reload the page", c.V, Version)
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"id", c.ID}, {"seq", c.Seq}, {"context", c.Context}, {"max_tokens", c.MaxTokens}} {
		if f.value < 0 {
			return fmt.Errorf("trace: command %s: %s is %d, expected 0 or more", c.Type, f.name, f.value)
		}
	}
	if c.Record != nil {
		if err := c.Record.Check(); err != nil {
			return fmt.Errorf("trace: command %s: %w", c.Type, err)
		}
	}
	return nil
}

// Bytes is the command as JSON.
func (c Command) Bytes() []byte {
	raw, _ := json.Marshal(c) // plain fields: it cannot fail
	return raw
}
