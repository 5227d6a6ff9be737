package grammar

import "fmt"

// op is what an instruction does. Only opByte reads.
type op uint8

const (
	opReturn  op = iota // goes on behind the call, or ends the value
	opByte              // reads a byte of a set
	opSplit             // goes on at each of several places
	opCall              // goes on at a rule, then at next
	opJump              // goes on at a rule instead
	opInc               // adds 1 to the count, which stays at arg
	opBelow             // goes on if the count is less than arg
	opAtLeast           // goes on if the count is arg or more
)

// inst is an instruction. The count that some are about is of the rule: a call
// begins with 0, and the caller's is there again after it.
type inst struct {
	op   op
	set  uint16 // opByte: which set
	char bool   // opByte: begins a plain character of a string, of which there may be as many as the count is below arg
	arg  uint32
	next uint32
	to   []uint32 // opSplit
}

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(lo, hi byte) {
	for c := int(lo); c <= int(hi); c++ {
		s[c>>6] |= 1 << (c & 63)
	}
}

func (s *byteSet) remove(c byte)   { s[c>>6] &^= 1 << (c & 63) }
func (s *byteSet) has(c byte) bool { return s[c>>6]>>(c&63)&1 != 0 }
func (s *byteSet) empty() bool     { return *s == byteSet{} }
func (s byteSet) and(o byteSet) byteSet {
	for i := range s {
		s[i] &= o[i]
	}
	return s
}

// of is the set of the bytes of a string.
func setOf(chars string) (s byteSet) {
	for i := range len(chars) {
		s.add(chars[i], chars[i])
	}
	return s
}

func span(lo, hi byte) (s byteSet) {
	s.add(lo, hi)
	return s
}

// program is a schema as code. Rule 0 is the whole value.
type program struct {
	start uint32 // where it begins
	code  []inst
	sets  []byteSet
	rules []uint32 // where each begins

	class   [256]uint8 // bytes that no instruction tells apart have one class
	example []byte     // a byte of each class
}

// builder writes code, the end before the beginning: what an instruction leads to
// is there already. Rules are written on their own, and may be called before.
type builder struct {
	program
	setIDs map[byteSet]uint16
	known  map[instKey]uint32 // instructions that can be used again
	over   bool               // there is too much code
}

// instKey is an instruction without places that may be set later.
type instKey struct {
	op        op
	char      bool
	set       uint16
	arg, next uint32
}

// ret is the one opReturn.
const ret = 0

func newBuilder() *builder {
	return &builder{program: program{code: []inst{{op: opReturn}}}, setIDs: map[byteSet]uint16{}, known: map[instKey]uint32{}}
}

func (b *builder) emit(i inst) uint32 {
	key := instKey{i.op, i.char, i.set, i.arg, i.next}
	if at, ok := b.known[key]; ok && i.op != opSplit {
		return at
	}
	if len(b.code) >= maxCode {
		b.over = true
		return ret
	}
	at := uint32(len(b.code))
	b.code = append(b.code, i)
	if i.op != opSplit {
		b.known[key] = at
	}
	return at
}

func (b *builder) set(s byteSet) uint16 {
	id, ok := b.setIDs[s]
	if !ok {
		id = uint16(len(b.sets))
		if len(b.sets) == 1<<16-1 {
			b.over = true
			return 0
		}
		b.setIDs[s] = id
		b.sets = append(b.sets, s)
	}
	return id
}

func (b *builder) bytes(s byteSet, next uint32) uint32 {
	return b.emit(inst{op: opByte, set: b.set(s), next: next})
}

func (b *builder) literal(s string, next uint32) uint32 {
	for i := len(s) - 1; i >= 0; i-- {
		next = b.bytes(setOf(s[i:i+1]), next)
	}
	return next
}

func (b *builder) split(to ...uint32) uint32 {
	if len(to) == 1 {
		return to[0]
	}
	return b.emit(inst{op: opSplit, to: to})
}

// loop is a place to come back to; set says later where it leads.
func (b *builder) loop() uint32 { return b.emit(inst{op: opSplit}) }

func (b *builder) enter(loop uint32, to ...uint32) { b.code[loop].to = to }

func (b *builder) call(rule, next uint32) uint32 {
	if next == ret {
		return b.emit(inst{op: opJump, arg: rule})
	}
	return b.emit(inst{op: opCall, arg: rule, next: next})
}

// rule makes a rule, which place says later where it begins.
func (b *builder) rule() uint32 {
	b.rules = append(b.rules, ret)
	return uint32(len(b.rules) - 1)
}

func (b *builder) place(rule, at uint32) { b.rules[rule] = at }

func (b *builder) err(path string) error {
	if b.over {
		return fmt.Errorf("%s: the schema takes more than %d steps", path, maxCode)
	}
	return nil
}

// classify finds the bytes that no instruction tells apart.
func (p *program) classify() {
	next := 1
	p.class = [256]uint8{}
	for _, s := range p.sets {
		// Each class is divided into those in the set and those that are not.
		in, out := map[uint8]uint8{}, map[uint8]bool{}
		for c := range 256 {
			if !s.has(byte(c)) {
				out[p.class[c]] = true
			}
		}
		for c := range 256 {
			old := p.class[c]
			if !s.has(byte(c)) || !out[old] {
				continue
			}
			if _, ok := in[old]; !ok {
				in[old] = uint8(next)
				next++
			}
			p.class[c] = in[old]
		}
	}
	p.example = make([]byte, next)
	for c := range 256 {
		p.example[p.class[c]] = byte(c)
	}
}
