package grammar

import (
	"bytes"
	"slices"
	"sync"
	"unicode/utf8"
)

// Tokens is a tokenizer's vocabulary.
type Tokens interface {
	Len() int
	Bytes(id int) []byte // that a token adds to a text; none: no token of texts
	IsEnd(id int) bool   // it ends an answer
	LeadingSpace() bool  // a space that a text begins with is no part of it
}

// Vocabulary is the tokens of a tokenizer in the order that masks are made in. It
// is safe for concurrent use, and remembers the schemas used last.
type Vocabulary struct {
	bytes    [][]byte // of each token; none of end tokens
	endMask  []uint64 // nil: there are no end tokens
	alphabet byteSet  // the bytes that are tokens on their own
	space    bool     // a text may begin with a space that is no part of it

	all     tokenTree
	special tokenTree // tokens that are not plain characters
	plain   []uint32  // the others, by number of characters
	upTo    []int     // how many of plain have at most so many characters
	every   []uint64  // all of plain

	mu     sync.Mutex
	recent []schemaOf // the last used first
}

type schemaOf struct {
	text string
	g    *Grammar
}

// maxRecent is how many schemas are remembered.
const maxRecent = 8

// NewVocabulary sorts the tokens of a tokenizer, which takes a moment where they
// are many.
func NewVocabulary(t Tokens) *Vocabulary {
	n := t.Len()
	v := &Vocabulary{bytes: make([][]byte, n), space: t.LeadingSpace()}
	var ids []uint32
	for id := range n {
		if t.IsEnd(id) {
			if v.endMask == nil {
				v.endMask = make([]uint64, (n+63)/64)
			}
			v.endMask[id>>6] |= 1 << (id & 63)
			continue
		}
		if v.bytes[id] = t.Bytes(id); len(v.bytes[id]) > 0 {
			ids = append(ids, uint32(id))
		}
		if len(v.bytes[id]) == 1 {
			v.alphabet.add(v.bytes[id][0], v.bytes[id][0])
		}
	}
	slices.SortFunc(ids, func(a, b uint32) int { return bytes.Compare(v.bytes[a], v.bytes[b]) })
	var special []uint32
	characters := make(map[uint32]int, len(ids))
	for _, id := range ids {
		if n := v.characters(v.bytes[id]); n > 0 {
			characters[id] = n
			v.plain = append(v.plain, id)
		} else {
			special = append(special, id)
		}
	}
	slices.SortStableFunc(v.plain, func(a, b uint32) int { return characters[a] - characters[b] })
	for i, id := range v.plain {
		for len(v.upTo) < characters[id] {
			v.upTo = append(v.upTo, i)
		}
	}
	v.upTo = append(v.upTo, len(v.plain))
	v.every = make([]uint64, (n+63)/64)
	v.set(v.every, v.plain)
	v.all, v.special = v.tree(ids), v.tree(special)
	return v
}

// characters is how many characters a token is if it is nothing but characters
// that stand for themselves in a string, else 0.
func (v *Vocabulary) characters(b []byte) int {
	if !utf8.Valid(b) {
		return 0
	}
	for _, c := range b {
		if c < 0x20 || c == '"' || c == '\\' || !v.alphabet.has(c) {
			return 0
		}
	}
	return utf8.RuneCount(b)
}

func (v *Vocabulary) set(mask []uint64, ids []uint32) {
	for _, id := range ids {
		mask[id>>6] |= 1 << (id & 63)
	}
}

// addPlain adds the plain tokens of up to most characters to a mask.
func (v *Vocabulary) addPlain(mask []uint64, most int) {
	if most < len(v.upTo)-1 {
		v.set(mask, v.plain[:v.upTo[most]])
		return
	}
	for i, w := range v.every {
		mask[i] |= w
	}
}

func (v *Vocabulary) isEnd(id int) bool {
	return id >= 0 && id>>6 < len(v.endMask) && v.endMask[id>>6]>>(id&63)&1 != 0
}

func (v *Vocabulary) of(id int) []byte {
	if id < 0 || id >= len(v.bytes) {
		return nil
	}
	return v.bytes[id]
}

// remembered is the grammar of a schema that was used a short while ago.
func (v *Vocabulary) remembered(text string) *Grammar {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.recent, func(s schemaOf) bool { return s.text == text })
	if i < 0 {
		return nil
	}
	s := v.recent[i]
	copy(v.recent[1:i+1], v.recent[:i])
	v.recent[0] = s
	return s.g
}

func (v *Vocabulary) remember(text string, g *Grammar) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.recent = slices.Insert(v.recent, 0, schemaOf{text, g})
	v.recent = v.recent[:min(len(v.recent), maxRecent)]
}

// tokenTree is tokens by their bytes: a tree in the order in which it is walked
// in depth.
type tokenTree struct {
	nodes []tokenNode
	ids   []uint32 // of the tokens, in the order of the nodes
	depth int
}

// tokenNode is a byte behind those of the nodes above it.
type tokenNode struct {
	byte   byte
	depth  uint32 // 1: a first byte
	end    uint32 // the node behind all that are below
	first  uint32 // of the tokens that end here, in ids
	tokens uint32 // how many they are: there may be several of the same bytes
}

// tree makes the tree of sorted tokens.
func (v *Vocabulary) tree(ids []uint32) tokenTree {
	t := tokenTree{ids: ids}
	var path []int // the nodes of the token before
	var last []byte
	leave := func(depth int) {
		for len(path) > depth {
			t.nodes[path[len(path)-1]].end = uint32(len(t.nodes))
			path = path[:len(path)-1]
		}
	}
	for i, id := range ids {
		b := v.bytes[id]
		shared := 0
		for shared < min(len(b), len(last)) && b[shared] == last[shared] {
			shared++
		}
		leave(shared)
		for _, c := range b[shared:] {
			path = append(path, len(t.nodes))
			t.nodes = append(t.nodes, tokenNode{byte: c, depth: uint32(len(path)), first: uint32(i)})
		}
		t.nodes[path[len(path)-1]].tokens++
		t.depth = max(t.depth, len(path))
		last = b
	}
	leave(0)
	return t
}
