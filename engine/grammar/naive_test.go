package grammar

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// naive runs a program with a stack of its own for each way to read a text, and
// remembers nothing: what states, shared stacks, trees of tokens and plain tokens
// are held to.
type naive struct {
	p  *program
	at map[string]naiveThread // those that are to read, by their text
	ok bool                   // the value is complete
}

type naiveThread struct {
	place
	stack []place // where calls go on, the innermost last
}

func newNaive(p *program) naive {
	return naive{p: p}.follow([]naiveThread{{place{pc: p.start}, nil}})
}

func (n naive) follow(todo []naiveThread) naive {
	out := naive{p: n.p, at: map[string]naiveThread{}}
	seen := map[string]bool{}
	for len(todo) > 0 {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		key := fmt.Sprint(t)
		if seen[key] {
			continue
		}
		seen[key] = true
		i := n.p.code[t.pc]
		to := func(pc, count uint32, stack []place) {
			todo = append(todo, naiveThread{place{pc, count}, stack})
		}
		switch i.op {
		case opByte:
			out.at[key] = t
		case opReturn:
			if last := len(t.stack) - 1; last < 0 {
				out.ok = true
			} else {
				to(t.stack[last].pc, t.stack[last].count, t.stack[:last])
			}
		case opSplit:
			for _, pc := range i.to {
				to(pc, t.count, t.stack)
			}
		case opCall:
			to(n.p.rules[i.arg], 0, append(t.stack[:len(t.stack):len(t.stack)], place{i.next, t.count}))
		case opJump:
			to(n.p.rules[i.arg], 0, t.stack)
		case opInc:
			to(i.next, min(t.count+1, i.arg), t.stack)
		case opBelow:
			if t.count < i.arg {
				to(i.next, t.count, t.stack)
			}
		case opAtLeast:
			if t.count >= i.arg {
				to(i.next, t.count, t.stack)
			}
		}
	}
	return out
}

func (n naive) read(text string) naive {
	for k := 0; k < len(text) && len(n.at) > 0; k++ {
		var todo []naiveThread
		for _, t := range n.at {
			if i := n.p.code[t.pc]; n.p.sets[i.set].has(text[k]) {
				todo = append(todo, naiveThread{place{i.next, t.count}, t.stack})
			}
		}
		n = n.follow(todo)
		if k < len(text)-1 && len(n.at) == 0 {
			return naive{p: n.p}
		}
	}
	return n
}

// TestMasks: a mask is the tokens, all of them and no others, that can be read
// byte by byte.
func TestMasks(t *testing.T) {
	w := allBytes(usual...)
	v := NewVocabulary(w)
	m := maker{rand.New(rand.NewPCG(3, 4))}
	allowed, forbidden := 0, 0
	for n := range 60 {
		s := m.root()
		g := must(t, v, s.schema)
		match, slow := g.Start(), newNaive(g.prog)
		var text []byte
		for range 12 {
			mask := match.Allowed()
			for id := range w {
				may := slow.ok
				if w[id] != "" {
					after := slow.read(w[id])
					may = len(slow.at) > 0 && (after.ok || len(after.at) > 0)
				}
				if got := mask[id>>6]>>(id&63)&1 != 0; got != may {
					t.Fatalf("schema %d: %s\nbehind %q: token %q is allowed: %v, byte by byte: %v", n, s.schema, text, w[id], got, may)
				}
				if may {
					allowed++
				} else {
					forbidden++
				}
			}
			id := choose(m.Rand, w, mask, false)
			if match.Took(id) != nil || w[id] == "" {
				break
			}
			text = append(text, w[id]...)
			slow = slow.read(w[id])
		}
	}
	if allowed < 10_000 || forbidden < 10_000 {
		t.Errorf("%d tokens were allowed and %d not, expected many of both", allowed, forbidden)
	}
}
