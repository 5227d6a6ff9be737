package trace

import "fmt"

// The types of events.
const (
	Progress = "progress" // Phase, Done, Total
	Loaded   = "loaded"   // Info
	Opened   = "opened"   // Tokens, Memory, Warning
	Queued   = "queued"   // Position
	Layout   = "layout"   // Document, Rows, Memory
	Prefill  = "prefill"  // Done, Total, MS
	Token    = "token"    // Text, Token, Len, MS, Step, P, Top
	Done     = "done"     // Reason, Text, Stats
	Selected = "selected" // Selection, Memory, Warning
	Unloaded = "unloaded"
	Failed   = "error" // Error
)

// Event is what the engine tells. Which fields count depends on Type; Hello is a
// type of event too.
type Event struct {
	Type string `json:"type"`
	ID   int    `json:"id,omitempty"`  // of the command that it answers
	Seq  int    `json:"seq,omitempty"` // numbers the events of a server's session, from 1

	// Of Hello.
	V       int    `json:"v,omitempty"`
	Session string `json:"session,omitempty"`
	Where   string `json:"where,omitempty"`   // "browser" or "server"
	Resumed bool   `json:"resumed,omitempty"` // the session asked for is back; what was missed follows

	// Of Progress (bytes) and Prefill (tokens).
	Phase string `json:"phase,omitempty"` // "download", "upload", "compile"
	Done  int64  `json:"done,omitempty"`
	Total int64  `json:"total,omitempty"`

	Info     *Info   `json:"info,omitempty"`     // of Loaded
	Tokens   int     `json:"tokens,omitempty"`   // of Opened: of the document
	Memory   *Memory `json:"memory,omitempty"`   // of Opened and Selected, and of Layout where Record was asked for
	Warning  string  `json:"warning,omitempty"`  // a sentence for the user
	Position int     `json:"position,omitempty"` // of Queued: 1 is next
	// Of Layout: where the document is, and the text of the rows around it.
	Document *Rows     `json:"document,omitempty"`
	Rows     []RowText `json:"rows,omitempty"`

	// Of Token.
	Text  string  `json:"text,omitempty"` // that has become complete; also of Done: the whole answer
	Token int     `json:"token,omitempty"`
	Len   int     `json:"len,omitempty"` // tokens in the session
	MS    float64 `json:"ms,omitempty"`  // since the command began to run
	Step  *Step   `json:"step,omitempty"`
	// Where Record was asked for: the token's probability, and the likeliest ones.
	P   float64  `json:"p,omitempty"`
	Top []Likely `json:"top,omitempty"`

	// Of Done.
	Reason string `json:"reason,omitempty"` // "stop", "length", "context" or "stopped" (by the client)
	Stats  *Stats `json:"stats,omitempty"`

	Selection *Selection `json:"selection,omitempty"` // of Selected
	Error     *Error     `json:"error,omitempty"`     // of Failed
}

// Info describes what has been loaded.
type Info struct {
	Model        string `json:"model"`
	Architecture string `json:"architecture"`
	Quantisation string `json:"quantisation"`
	Layers       int    `json:"layers"`
	Heads        int    `json:"heads"`
	KVHeads      int    `json:"kv_heads"`
	HeadDim      int    `json:"head_dim,omitempty"`
	Context      int    `json:"context"` // tokens that the model was trained for
	Vocab        int    `json:"vocab"`

	Device  string `json:"device"`  // "webgpu", "cpu", "wgpu", "upstream"
	Adapter string `json:"adapter"` // its name
	Kind    string `json:"kind"`    // "discrete GPU", "software GPU", "CPU", ...
	Backend string `json:"backend"`
	Why     string `json:"why"`          // why this device
	KV      string `json:"kv,omitempty"` // how keys and values are stored

	// Rate is the prompt tokens that the device was seen to read in a second,
	// for an estimate of how long a document takes. 0: not measured.
	Rate float64 `json:"rate,omitempty"`

	Selection Selection `json:"selection"` // the defaults
	Policies  []string  `json:"policies"`
	Weights   int64     `json:"weights"` // bytes on the device
}

// Memory is device memory in bytes, by use, when the context is full.
type Memory struct {
	Weights   int64 `json:"weights"`
	Cache     int64 `json:"cache"`
	Selection int64 `json:"selection"`
	Work      int64 `json:"work"`
	Recording int64 `json:"recording,omitempty"` // while an answer is recorded
	Total     int64 `json:"total"`
}

// Rows is where the document's tokens are: the first one is in row First of
// the cache, and token i is the next Lens[i] UTF-16 code units of the document.
// A character of several tokens belongs to its last.
type Rows struct {
	First int   `json:"first"`
	Lens  []int `json:"lens"`
}

// RowText is the text of a row outside of the document: of what the chat format
// puts around it, of the question, of earlier turns.
type RowText struct {
	Row  int    `json:"row"`
	Text string `json:"text"`
}

// Likely is a token that might have come.
type Likely struct {
	Token int     `json:"token"`
	Text  string  `json:"text"`
	P     float64 `json:"p"`
}

// Stats are the figures of an answer.
type Stats struct {
	PromptTokens int     `json:"prompt_tokens"` // that the question added; the document's with the first
	AnswerTokens int     `json:"answer_tokens"`
	Context      int     `json:"context"`     // tokens in the session now
	FirstMS      float64 `json:"first_ms"`    // from the command to the first token
	PrefillTPS   float64 `json:"prefill_tps"` // tokens a second
	DecodeTPS    float64 `json:"decode_tps"`
	CacheHits    int     `json:"cache_hits"` // layers and steps that reused a selection
	CacheMisses  int     `json:"cache_misses"`
	KVBytes      int64   `json:"kv_bytes"` // of the cache now
}

// The codes of errors, for programs.
const (
	BadCommand  = "bad_command"
	BadModel    = "bad_model"
	OutOfMemory = "out_of_memory"
	DeviceLost  = "device_lost"
	NoGPU       = "no_gpu"
	ContextFull = "context_full"
	Busy        = "busy"
	Overloaded  = "overloaded"
	Gone        = "gone" // a session to continue is not there any more
	Internal    = "internal"
)

// Error is what went wrong and what to do.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what the user can do
}

// ParseEvent reads an event.
func ParseEvent(raw []byte) (Event, error) {
	var e Event
	if err := decode(raw, &e); err != nil {
		return e, fmt.Errorf("trace: event: %w", err)
	}
	return e, nil
}
