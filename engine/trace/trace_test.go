package trace

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
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
	c, err := ParseCommand([]byte(`{"type":"ask","id":3,"question":"Who?","trace":true,"selection":{"policy":"dense","k":64,"pool":5}}`))
	if err != nil || c.ID != 3 || !c.Trace || *c.Selection.K != 64 || c.Selection.NInit != nil {
		t.Errorf("%+v, %v", c, err)
	}
	if back, err := ParseCommand(c.Bytes()); err != nil || back.Question != "Who?" || *back.Selection.K != 64 || *back.Selection.Pool != 5 {
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

// TestEventJSON: the hand-written JSON says what encoding/json says, for events
// with every field set and with none.
func TestEventJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var e Event
		fill(rng, reflect.ValueOf(&e).Elem())
		ours := e.Bytes()
		theirs, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		theirs = bytes.ReplaceAll(theirs, []byte(":null"), []byte(":[]")) // lists that are not left out
		var a, b any
		if err := json.Unmarshal(ours, &a); err != nil {
			t.Fatalf("%s: %v", ours, err)
		}
		if err := json.Unmarshal(theirs, &b); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%s\nexpected\n%s", ours, theirs)
		}
		back, err := ParseEvent(ours)
		if err != nil {
			t.Fatal(err)
		}
		if again := back.Bytes(); string(again) != string(ours) {
			t.Fatalf("%s\nread and written again\n%s", ours, again)
		}
	}
}

// fill sets about half of the fields.
func fill(rng *rand.Rand, v reflect.Value) {
	if rng.IntN(2) == 0 && v.Kind() != reflect.Struct {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(rng, v.Elem())
	case reflect.Slice:
		for range 1 + rng.IntN(3) {
			one := reflect.New(v.Type().Elem()).Elem()
			fill(rng, one)
			v.Set(reflect.Append(v, one))
		}
	case reflect.Int, reflect.Int64:
		v.SetInt(rng.Int64N(1 << 40))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(rng.NormFloat64() * 1e7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString([]string{"plain", "\"quoted\" \\ \n\t\x00\x7f", "é 😀 \u2028 <&>", "\xff broken"}[rng.IntN(4)])
	}
}

func TestUnknownEvent(t *testing.T) {
	for raw, want := range map[string]string{`{"type":"token","colour":1}`: "unknown field", `{"type":7}`: "cannot unmarshal", ``: "EOF"} {
		if _, err := ParseEvent([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %q in it", raw, err, want)
		}
	}
}
