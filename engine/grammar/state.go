package grammar

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// stack is the calls that are open, in all the ways in which they can be: a set of
// stacks, whose common parts are there once. Equal sets are one stack, so that a
// grammar however ambiguous takes memory by its depth, not by the number of ways.
type stack struct {
	id     uint64
	bottom bool    // with no call open
	frames []frame // by ret and count
}

// frame is the innermost of the calls that are open.
type frame struct {
	ret   uint32 // where it goes on
	count uint32 // of the rule that called
	under *stack // the other calls
}

func (a frame) compare(b frame) int {
	return cmp.Or(cmp.Compare(a.ret, b.ret), cmp.Compare(a.count, b.count))
}

// thread is an instruction that is to read the next byte.
type thread struct {
	at    place
	under *stack
}

// place is an instruction and its rule's count.
type place struct{ pc, count uint32 }

// state is where the text can be in the program after some bytes.
type state struct {
	accept  bool     // the value is complete
	threads []thread // by place
	next    []*state // by class of byte; nil: not known yet
	mask    []uint64 // of tokens; nil: not known yet
}

// dead is the state after bytes that cannot be.
var dead = &state{}

// cache is what has been found of a program. When it is full it is emptied: the
// states that are in use stay good, and what they lead to is found anew.
type cache struct {
	ids    uint64 // of stacks, of which none is given twice
	stacks map[string]*stack
	unions map[[2]uint64]*stack
	states map[string]*state
	masks  int

	// For the closure that is being computed.
	reached map[place]*stack
	todo    []place
	key     []byte
}

// The most that a cache holds.
const (
	maxStates = 4096
	maxStacks = 16384
	maxMasks  = 8 << 20 // bytes
)

func (c *cache) reset() {
	for _, s := range c.states {
		s.next, s.mask = nil, nil
	}
	c.stacks, c.unions, c.states, c.masks = map[string]*stack{}, map[[2]uint64]*stack{}, map[string]*state{}, 0
}

// begin is the state before the first byte.
func (g *Grammar) begin() *state {
	g.cache.reset()
	g.cache.reached = map[place]*stack{}
	bottom := g.cache.stack(true, nil)
	return g.closure([]thread{{place{pc: g.prog.start}, bottom}})
}

// stack is the stack of frames, which are in order.
func (c *cache) stack(bottom bool, frames []frame) *stack {
	key := append(c.key[:0], 0)
	if bottom {
		key[0] = 1
	}
	for _, f := range frames {
		key = binary.AppendUvarint(key, uint64(f.ret))
		key = binary.AppendUvarint(key, uint64(f.count))
		key = binary.AppendUvarint(key, f.under.id)
	}
	c.key = key
	if s, ok := c.stacks[string(key)]; ok {
		return s
	}
	c.ids++
	s := &stack{c.ids, bottom, slices.Clone(frames)}
	c.stacks[string(key)] = s
	return s
}

// union is the stacks that are in a or in b.
func (c *cache) union(a, b *stack) *stack {
	if a == b {
		return a
	}
	if a.id > b.id {
		a, b = b, a
	}
	key := [2]uint64{a.id, b.id}
	if u, ok := c.unions[key]; ok {
		return u
	}
	var all []frame
	i, j := 0, 0
	for i < len(a.frames) || j < len(b.frames) {
		order := 0
		switch {
		case i == len(a.frames):
			order = 1
		case j == len(b.frames):
			order = -1
		default:
			order = a.frames[i].compare(b.frames[j])
		}
		var f frame
		switch {
		case order < 0:
			f, i = a.frames[i], i+1
		case order > 0:
			f, j = b.frames[j], j+1
		default:
			f = a.frames[i]
			f.under = c.union(f.under, b.frames[j].under)
			i, j = i+1, j+1
		}
		all = append(all, f)
	}
	u := c.stack(a.bottom || b.bottom, all)
	c.unions[key] = u
	return u
}

// reach notes that a place can be come to with a stack. What follows it is looked
// at again when it can be come to with more stacks than before.
func (c *cache) reach(at place, s *stack) {
	if old := c.reached[at]; old != nil {
		if s = c.union(old, s); s == old {
			return
		}
	}
	c.reached[at] = s
	c.todo = append(c.todo, at)
}

// closure is the state that the program is in at threads, before it reads.
func (g *Grammar) closure(from []thread) *state {
	c, code := &g.cache, g.prog.code
	if len(c.states) >= maxStates || len(c.stacks) >= maxStacks || len(c.unions) >= maxStacks {
		c.reset()
	}
	clear(c.reached)
	for _, t := range from {
		c.reach(t.at, t.under)
	}
	accept := false
	for len(c.todo) > 0 {
		at := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		s, i := c.reached[at], &code[at.pc]
		switch i.op {
		case opReturn:
			accept = accept || s.bottom
			for _, f := range s.frames {
				c.reach(place{f.ret, f.count}, f.under)
			}
		case opSplit:
			for _, to := range i.to {
				c.reach(place{to, at.count}, s)
			}
		case opCall:
			c.reach(place{pc: g.prog.rules[i.arg]}, c.stack(false, []frame{{i.next, at.count, s}}))
		case opJump:
			c.reach(place{pc: g.prog.rules[i.arg]}, s)
		case opInc:
			c.reach(place{i.next, min(at.count+1, i.arg)}, s)
		case opBelow:
			if at.count < i.arg {
				c.reach(place{i.next, at.count}, s)
			}
		case opAtLeast:
			if at.count >= i.arg {
				c.reach(place{i.next, at.count}, s)
			}
		}
	}
	var threads []thread
	for at, s := range c.reached {
		if code[at.pc].op == opByte {
			threads = append(threads, thread{at, s})
		}
	}
	if len(threads) == 0 && !accept {
		return dead
	}
	slices.SortFunc(threads, func(a, b thread) int {
		return cmp.Or(cmp.Compare(a.at.pc, b.at.pc), cmp.Compare(a.at.count, b.at.count))
	})
	key := append(c.key[:0], 0)
	if accept {
		key[0] = 1
	}
	for _, t := range threads {
		key = binary.AppendUvarint(key, uint64(t.at.pc))
		key = binary.AppendUvarint(key, uint64(t.at.count))
		key = binary.AppendUvarint(key, t.under.id)
	}
	c.key = key
	if s, ok := c.states[string(key)]; ok {
		return s
	}
	s := &state{accept: accept, threads: threads}
	c.states[string(key)] = s
	return s
}

// step is the state after one byte more, nil where it cannot come.
func (g *Grammar) step(s *state, b byte) *state {
	class := g.prog.class[b]
	if s.next == nil {
		s.next = make([]*state, len(g.prog.example))
	}
	if to := s.next[class]; to != nil {
		if to == dead {
			return nil
		}
		return to
	}
	var on []thread
	for _, t := range s.threads {
		i := &g.prog.code[t.at.pc]
		if g.prog.sets[i.set].has(b) {
			on = append(on, thread{place{i.next, t.at.count}, t.under})
		}
	}
	to := dead
	if len(on) > 0 {
		to = g.closure(on)
	}
	if s.next != nil { // the cache has not been emptied meanwhile
		s.next[class] = to
	}
	if to == dead {
		return nil
	}
	return to
}

// mask is the tokens that can come in a state.
func (g *Grammar) mask(s *state) []uint64 {
	if s.mask != nil {
		return s.mask
	}
	v := g.v
	mask := make([]uint64, (len(v.bytes)+63)/64)
	if free, known := g.free(s); known {
		v.addPlain(mask, free)
		g.walk(&v.special, s, mask)
	} else {
		g.walk(&v.all, s, mask)
	}
	if s.accept {
		for i, w := range v.endMask {
			mask[i] |= w
		}
	}
	if g.cache.masks += len(mask) * 8; g.cache.masks > maxMasks {
		g.cache.reset()
		g.cache.masks = len(mask) * 8
	}
	s.mask = mask
	return mask
}

// free is how many plain characters can come in a state in which a string is
// written. It is known where nothing else than strings could go on with such
// characters, or strings without end.
func (g *Grammar) free(s *state) (most int, known bool) {
	alone := true
	for _, t := range s.threads {
		i := &g.prog.code[t.at.pc]
		if i.char && i.arg >= unlimited {
			most = unlimited
		} else if i.char {
			most = max(most, int(i.arg)-int(t.at.count))
		} else if begun := g.prog.sets[i.set].and(plainStart); !begun.empty() {
			alone = false
		}
	}
	return most, most >= unlimited || alone && most > 0
}

// plainStart is the bytes with which plain characters begin.
var plainStart = func() byteSet {
	s := span(0x20, 0x7f)
	s.remove('"')
	s.remove('\\')
	s.add(0xc2, 0xf4)
	return s
}()

// walk adds the tokens of a tree whose bytes can come in a state. What begins with
// bytes that cannot is passed over at once.
func (g *Grammar) walk(t *tokenTree, s *state, mask []uint64) {
	at := make([]*state, t.depth+1)
	at[0] = s
	for i := 0; i < len(t.nodes); {
		n := &t.nodes[i]
		to := g.step(at[n.depth-1], n.byte)
		if to == nil {
			i = int(n.end)
			continue
		}
		at[n.depth] = to
		for _, id := range t.ids[n.first : n.first+n.tokens] {
			mask[id>>6] |= 1 << (id & 63)
		}
		i++
	}
}
