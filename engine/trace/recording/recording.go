// Package recording keeps an answer in a file, step by step, to be looked at
// without a model. A recording is JSON, a line an object, compressed with gzip
// (".json.gz"; one that is not compressed is read too):
//
//   - line 1 is the [Header]: model, budgets, document, question and what was
//     measured beside the run;
//   - each other line is an event of package trace, as the engine sent it while it
//     answered: a layout, where the document's tokens are and what the other rows
//     say; at most one prefill, the last; a token for each of the answer, whose step
//     has the selected rows of every layer and what [trace.Record] asks for; and
//     done, which ends it.
//
// So whoever can show a live run can show a recorded one. Rows are coded against the
// step before, see [trace.Layer]; votes and weights are bytes on the scale of
// [trace.Log8]; positions in the document are UTF-16 code units, those of
// JavaScript's strings. A file of another Version is refused.
package recording

import (
	"fmt"
	"unicode/utf16"

	"tokenselect/engine/trace"
)

// Version is that of the format.
const Version = 1

// kind is what a header says that it heads.
const kind = "recording"

// Header is a recording's first line.
type Header struct {
	Kind    string `json:"tokenselect"` // "recording"
	V       int    `json:"v"`
	Created string `json:"created"` // RFC 3339

	Model     trace.Info      `json:"model"`
	Selection trace.Selection `json:"selection"` // policy and budgets of the run, none left out
	Document  Document        `json:"document"`
	Question  string          `json:"question"`
	Record    *trace.Record   `json:"record,omitempty"` // what was asked for
	Marks     []Mark          `json:"marks,omitempty"`
	Expected  string          `json:"expected,omitempty"` // the right answer, where it is known
	Sweep     []Budget        `json:"sweep,omitempty"`
}

// Document is what was asked about.
type Document struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Mark is a passage of the document worth following: where the answer stands.
type Mark struct {
	Start int    `json:"start"` // UTF-16 code units of the document
	End   int    `json:"end"`
	Label string `json:"label"`
}

// Budget is what became of the same question with another policy or other budgets.
type Budget struct {
	Policy string `json:"policy"`
	K      int    `json:"k"`
	NLocal int    `json:"n_local"`
	NInit  int    `json:"n_init"`

	Rows   float64 `json:"rows"`         // attended to, mean of the layers and steps
	P      float64 `json:"p"`            // of a token of the right answer behind those before it, geometric mean; of the run's own answer where none is known
	Recall float64 `json:"recall"`       // share of dense attention's mass, mean of layers, heads and steps
	MS     float64 `json:"ms"`           // a token
	Answer string  `json:"answer"`       // what was answered
	In     float64 `json:"in,omitempty"` // share of layers and steps in which all of the first mark was attended to
}

// check says what is wrong with a header.
func (h *Header) check() error {
	switch {
	case h.Kind != kind:
		return fmt.Errorf(`tokenselect is %q, expected %q`, h.Kind, kind)
	case h.V != Version:
		return fmt.Errorf("v is %d, expected %d: another version of tokenselect wrote this file", h.V, Version)
	case h.Model.Layers < 1 || h.Model.Heads < 1:
		return fmt.Errorf("model has %d layers of %d heads, expected at least 1 of each", h.Model.Layers, h.Model.Heads)
	}
	units := len(utf16.Encode([]rune(h.Document.Text)))
	for i, m := range h.Marks {
		if m.Start < 0 || m.End <= m.Start || m.End > units {
			return fmt.Errorf("marks: number %d is %d to %d, expected a piece of the document's %d UTF-16 code units", i+1, m.Start, m.End, units)
		}
	}
	if h.Record != nil {
		return h.Record.Check()
	}
	return nil
}
