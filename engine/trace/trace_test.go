package trace

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"io"
	"math"
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
	r, err := ParseCommand([]byte(`{"type":"ask","record":{"votes":true,"heads":16,"scores":[{"layer":2,"head":5}]}}`))
	if err != nil || !r.Record.Votes || r.Record.Mass || r.Record.Heads != 16 || r.Record.Scores[0] != (Head{2, 5}) {
		t.Errorf("%+v, %v", r.Record, err)
	}
	for raw, want := range map[string]string{
		`{"type":"ask","record":{"heads":65}}`:                            "heads is 65, expected 0 to 64",
		`{"type":"ask","record":{"heads":-1}}`:                            "heads is -1",
		`{"type":"ask","record":{"scores":[{},{},{},{},{},{},{},{},{}]}}`: "scores of 9 heads, expected at most 8",
		`{"type":"ask","record":{"scores":[{"layer":-1}]}}`:               "layer -1, head 0",
		`{"type":"ask","record":{"vote":true}}`:                           `unknown field "vote"`,
		``:                                                                "EOF",
		`{}`:                                                              `type "", expected one of hello`,
		`[]`:                                                              "cannot unmarshal array",
		`{"type":"sing"}`:                                                 `type "sing"`,
		`{"type":"hello","v":9}`:                                          "version 9 of the messages, expected 2",
		`{"type":"ask","id":-1}`:                                          "id is -1",
		`{"type":"ask","max_tokns":5}`:                                    `unknown field "max_tokns"`,
		`{"type":"stop"} {}`:                                              "something follows",
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
		theirs = bytes.ReplaceAll(theirs, []byte("null"), []byte("[]")) // lists that are not left out
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
	case reflect.Array:
		for i := range v.Len() {
			fill(rng, v.Index(i))
		}
	case reflect.Uint8:
		v.SetUint(rng.Uint64N(256))
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

// TestLog8: a byte stands for what is within half a step of 9 % of it, and what is
// out of its range for the end of it.
func TestLog8(t *testing.T) {
	for b := range 256 {
		if back := Log8(FromLog8(byte(b))); back != byte(b) {
			t.Errorf("byte %d stands for %g, which is %d", b, FromLog8(byte(b)), back)
		}
	}
	for v := 1e-7; v < 230; v *= 1.01 {
		if r := FromLog8(Log8(v)) / v; r < 0.95 || r > 1.05 {
			t.Fatalf("%g comes back as %g", v, FromLog8(Log8(v)))
		}
	}
	for v, want := range map[float64]byte{0: 0, -1: 0, math.NaN(): 0, 1e-30: 1, 1e30: 255, math.Inf(1): 255, 1: 192} {
		if got := Log8(v); got != want {
			t.Errorf("%g is %d, expected %d", v, got, want)
		}
	}
}

func TestUnknownEvent(t *testing.T) {
	for raw, want := range map[string]string{`{"type":"token","colour":1}`: "unknown field", `{"type":7}`: "cannot unmarshal", ``: "EOF"} {
		if _, err := ParseEvent([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %q in it", raw, err, want)
		}
	}
}

// TestVersion: with the messages their version changes, so that an engine and a page of
// different builds find out. Comments and order do not count.
func TestVersion(t *testing.T) {
	var fields []string
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || seen[of] {
			return
		}
		seen[of] = true
		for i := range of.NumField() {
			f := of.Field(i)
			fields = append(fields, of.Name()+" "+f.Tag.Get("json")+" "+f.Type.String())
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[Command]())
	walk(reflect.TypeFor[Event]())
	slices.Sort(fields)
	all := fnv.New32a()
	io.WriteString(all, strings.Join(append(fields, commandTypes...), "\n"))
	known := map[int]uint32{2: 0x699533fa}
	if got := all.Sum32(); known[Version] != got {
		t.Errorf("the messages are %#x, those of version %d are %#x: another Version (and web/static/trace.js's VERSION) is needed if they mean something else to a client, and this number here", got, Version, known[Version])
	}
}
