package upstream

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// dataOf are the data of a stream's events, by the definition: lines, of which those
// up to an empty one are an event.
func dataOf(stream string) (all []string) {
	lines := strings.Split(stream, "\n")
	var data []string
	for _, line := range lines[:len(lines)-1] { // the last has no end
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			if data != nil {
				all = append(all, strings.Join(data, "\n"))
			}
			data = nil
		}
		if name, value, _ := strings.Cut(line, ":"); name == "data" {
			data = append(data, strings.TrimPrefix(value, " "))
		}
	}
	return all
}

// FuzzEvents: a stream's events are those of the definition, in whatever pieces it
// arrives.
func FuzzEvents(f *testing.F) {
	f.Add("data: {\"choices\":[]}\n\n: ping\n\ndata:a\r\ndata: b\r\n\r\nevent: x\nid: 1\n\ndata\n\ndata: [DONE]\n\n")
	f.Add("data: never ends")
	f.Fuzz(func(t *testing.T, stream string) {
		if len(stream) > maxEvent {
			return
		}
		for _, r := range []io.Reader{strings.NewReader(stream), iotest.OneByteReader(strings.NewReader(stream))} {
			var got []string
			e := newEvents(r)
			data, err := e.next()
			for ; err == nil; data, err = e.next() {
				got = append(got, data)
			}
			if err != io.EOF {
				t.Fatal(err)
			}
			if want := dataOf(stream); !slices.Equal(got, want) {
				t.Fatalf("%q: %q, expected %q", stream, got, want)
			}
		}
	})
}
