package trace

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestSteps: what a decoder makes of coded steps is the rows that were coded,
// through selections that change a little, change wholly, are empty and are of
// everything; and JSON loses nothing of it.
func TestSteps(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var enc Encoder
	var dec Decoder
	rows := []int{}
	smaller := 0
	for step := range 200 {
		switch rng.IntN(8) {
		case 0:
			rows = nil
		case 1:
			rows = []int{}
		case 2, 3:
			rows = []int{}
			for at := 16; len(rows) < 64; at += 1 + rng.IntN(40) {
				rows = append(rows, at)
			}
		default: // a few rows change
			set := map[int]bool{}
			for _, r := range rows {
				if rng.IntN(10) > 0 {
					set[r] = true
				}
			}
			for range 3 {
				set[16+rng.IntN(2000)] = true
			}
			rows = []int{}
			for r := range set {
				rows = append(rows, r)
			}
			slices.Sort(rows)
		}
		for layer := range 2 {
			coded := enc.Layer(layer, rows)
			if coded.Add != nil {
				smaller++
			}
			raw, err := json.Marshal(coded)
			if err != nil {
				t.Fatal(err)
			}
			var back Layer
			if err := json.Unmarshal(raw, &back); err != nil {
				t.Fatal(err)
			}
			got, err := dec.Layer(layer, back)
			if err != nil {
				t.Fatalf("step %d: %s: %v", step, raw, err)
			}
			if !slices.Equal(got, rows) || (got == nil) != (rows == nil) {
				t.Fatalf("step %d: %s decodes to %v, expected %v", step, raw, got, rows)
			}
		}
	}
	if smaller == 0 {
		t.Error("no step was coded as a change")
	}
}

// TestBadSteps: a stream that lost a step is noticed, not misread.
func TestBadSteps(t *testing.T) {
	for name, l := range map[string]Layer{
		"a change first":   {Add: []int{5}},
		"rows in disorder": {Rows: []int{5, 0}},
		"rows descending":  {Rows: []int{5, -2}},
		"dropped twice":    {Drop: []int{7}},
	} {
		var d Decoder
		if rows, err := d.Layer(0, l); err == nil {
			t.Errorf("%s: %v, expected an error", name, rows)
		}
	}
}

func TestParseCommand(t *testing.T) {
	c, err := ParseCommand([]byte(`{"type":"ask","id":3,"question":"Who?","trace":true,"selection":{"policy":"dense","k":64}}`))
	if err != nil || c.ID != 3 || !c.Trace || *c.Selection.K != 64 || c.Selection.NInit != nil {
		t.Errorf("%+v, %v", c, err)
	}
	if back, err := ParseCommand(c.Bytes()); err != nil || back.Question != "Who?" || *back.Selection.K != 64 {
		t.Errorf("after a round trip: %+v, %v", back, err)
	}
	for raw, want := range map[string]string{
		``:                             "EOF",
		`{}`:                           `type "", expected one of hello`,
		`[]`:                           "cannot unmarshal array",
		`{"type":"sing"}`:              `type "sing"`,
		`{"type":"hello","v":9}`:       "version 9 of the messages, expected 1",
		`{"type":"ask","id":-1}`:       "id is -1",
		`{"type":"ask","max_tokns":5}`: `unknown field "max_tokns"`,
		`{"type":"stop"} {}`:           "something follows",
	} {
		if _, err := ParseCommand([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %q in it", raw, err, want)
		}
	}
}

func TestEventRoundTrip(t *testing.T) {
	e := Event{Type: Token, ID: 2, Text: "fox", Token: 9, Len: 12, MS: 1.5, Step: &Step{N: 12, Layers: []Layer{{All: true, Attended: 12}, {Rows: []int{3, 1}, Hit: true, Cosine: 0.5, Attended: 4}}}}
	back, err := ParseEvent(e.Bytes())
	if err != nil || back.Text != "fox" || len(back.Step.Layers) != 2 || !back.Step.Layers[0].All || back.Step.Layers[1].Rows[1] != 1 || !back.Step.Layers[1].Hit {
		t.Errorf("%+v, %v", back, err)
	}
}
