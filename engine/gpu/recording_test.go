package gpu

import (
	"strings"
	"testing"
)

type pairParams struct{ A, B uint32 }

var pair = &Kernel{Name: "pair", Bindings: []Binding{{"x", Read}, {"y", ReadWrite}}, Params: 8}

// TestDispatchErrors: each mistake must be told in words that name the kernel,
// and must not be forgotten by later, right commands.
func TestDispatchErrors(t *testing.T) {
	a, b := &Buffer{Label: "a", Size: 1024}, &Buffer{Label: "b", Size: 1024}
	for _, c := range []struct {
		name, want string
		record     func(r *Recording)
	}{
		{"one binding", "1 bindings, expected 2", func(r *Recording) { Dispatch(r, pair, 1, &pairParams{}, All(a)) }},
		{"wrong params", "params of 4 bytes, expected 8", func(r *Recording) { p := uint32(1); Dispatch(r, pair, 1, &p, All(a), All(b)) }},
		{"no buffer", "binding y: no buffer", func(r *Recording) { Dispatch(r, pair, 1, &pairParams{}, All(a), Range{}) }},
		{"offset", "multiple of 256", func(r *Recording) { Dispatch(r, pair, 1, &pairParams{}, All(a), Range{b, 64, 64}) }},
		{"past the end", "which has 1024", func(r *Recording) { Dispatch(r, pair, 1, &pairParams{}, All(a), Range{b, 768, 512}) }},
		{"odd size", "which has 1024", func(r *Recording) { Dispatch(r, pair, 1, &pairParams{}, All(a), Range{b, 0, 6}) }},
		{"alias", "one buffer (a)", func(r *Recording) { Dispatch(r, pair, 1, &pairParams{}, All(a), All(a)) }},
		{"negative", "-1 workgroups", func(r *Recording) { Dispatch(r, pair, -1, &pairParams{}, All(a), All(b)) }},
		{"copy within", "within one buffer", func(r *Recording) { r.Copy(a, 0, a, 512, 64) }},
		{"copy past", "out of range", func(r *Recording) { r.Copy(a, 512, b, 0, 1024) }},
		{"copy odd", "unaligned", func(r *Recording) { r.Copy(a, 2, b, 0, 4) }},
	} {
		var r Recording
		c.record(&r)
		Dispatch(&r, pair, 1, &pairParams{}, All(a), All(b))
		if r.Err() == nil || !strings.Contains(r.Err().Error(), c.want) {
			t.Errorf("%s: %v, expected %q in it", c.name, r.Err(), c.want)
		}
		if r.Len() != 0 {
			t.Errorf("%s: %d commands recorded after the error", c.name, r.Len())
		}
		r.Reset()
		Dispatch(&r, pair, 1, &pairParams{}, All(a), All(b))
		if r.Err() != nil || r.Len() != 1 {
			t.Errorf("%s: after Reset: %v, %d commands", c.name, r.Err(), r.Len())
		}
	}
}

// TestGroups: a grid beyond 65535 workgroups is spread over two dimensions that
// hold it and not much more.
func TestGroups(t *testing.T) {
	a, b := &Buffer{Label: "a", Size: 1024}, &Buffer{Label: "b", Size: 1024}
	for _, n := range []int{1, 65535, 65536, 100003, 1 << 24} {
		var r Recording
		Dispatch(&r, pair, n, &pairParams{}, All(a), All(b))
		g := r.Commands()[0].Groups
		total := int(g[0]) * int(g[1])
		if g[0] > 65535 || g[1] > 65535 || g[2] != 1 || total < n || total > n+65535 {
			t.Errorf("%d workgroups: %v", n, g)
		}
	}
	var r Recording
	Dispatch(&r, pair, 0, &pairParams{}, All(a), All(b))
	if r.Len() != 0 || r.Err() != nil {
		t.Errorf("no workgroups: %d commands, %v", r.Len(), r.Err())
	}
}

// TestReuse fills a recording again and again: params and ranges of earlier
// commands must survive the growth of the arenas, and nothing is allocated once
// they have grown.
func TestReuse(t *testing.T) {
	a, b := &Buffer{Label: "a", Size: 1 << 20}, &Buffer{Label: "b", Size: 1 << 20}
	var r Recording
	fill := func() {
		r.Reset()
		for i := range 300 {
			p := pairParams{uint32(i), uint32(2 * i)}
			Dispatch(&r, pair, i+1, &p, Range{a, 256 * i, 256}, All(b))
		}
	}
	for range 3 {
		fill()
		for i, c := range r.Commands() {
			if c.Params[0] != byte(i) || c.Params[4] != byte(2*i) || c.Ranges[0].Offset != 256*i || c.Ranges[1].Buffer != b {
				t.Fatalf("command %d: params %v, ranges %v", i, c.Params, c.Ranges)
			}
		}
	}
	if n := testing.AllocsPerRun(10, fill); n > 300 { // the variadic ranges may escape, nothing else
		t.Errorf("%v allocations for 300 dispatches into a grown recording", n)
	}
}
