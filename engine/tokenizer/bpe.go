package tokenizer

import "slices"

// pair is the ids of two neighbours: a<<32 | b.
type pair uint64

func pairOf(a, b int32) pair { return pair(uint32(a))<<32 | pair(uint32(b)) }

func (p pair) ids() (left, right int) { return int(int32(p >> 32)), int(int32(p)) }

// merge is what becomes of a pair, and how urgently: rank 0 goes first.
type merge struct{ rank, id int32 }

// symbol is a piece of a word in a doubly linked list.
type symbol struct {
	id         int32 // -1: merged into its neighbour
	prev, next int32
}

// candidate is a merge that could be done, of the symbols at left and right
// while their ids are those of the pair.
type candidate struct {
	merge
	left, right int32
	ids         pair
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.left < d.left
}

// candidates is a binary heap, the most urgent first. It is written out for its
// element: container/heap would allocate at every merge.
type candidates []candidate

func (q *candidates) push(c candidate) {
	h := append(*q, c)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !c.before(h[up]) {
			break
		}
		h[i], i = h[up], up
	}
	h[i] = c
	*q = h
}

func (q *candidates) pop() candidate {
	h := *q
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	for i := 0; len(h) > 0; {
		down := 2*i + 1
		if down+1 < len(h) && h[down+1].before(h[down]) {
			down++
		}
		if down >= len(h) || !h[down].before(last) {
			h[i] = last
			break
		}
		h[i], i = h[down], down
	}
	*q = h
	return top
}

// scratch is the memory of bpe, kept from word to word.
type scratch struct {
	symbols []symbol
	queue   candidates
}

// maxScratch is the symbols for which memory is kept: one huge word should not
// hold its memory for as long as the tokenizer lives.
const maxScratch = 1 << 12

func appendSymbol(symbols []symbol, id int32) []symbol {
	n := int32(len(symbols))
	return append(symbols, symbol{id, n - 1, n + 1})
}

// byteSymbols appends the symbols of a word's bytes. A byte that the vocabulary
// does not have is left out: UNK is a control token in such vocabularies, which no
// text of a document may become.
func (t *Tokenizer) byteSymbols(symbols []symbol, word string) []symbol {
	for i := range len(word) {
		if id := t.byteID[word[i]]; id >= 0 {
			symbols = appendSymbol(symbols, id)
		}
	}
	return symbols
}

// bpe appends the tokens of a word: its bytes, or its characters, of which always
// the most urgent pair is merged, leftmost first. The heap keeps a word of n bytes
// at n log n.
func (t *Tokenizer) bpe(ids []int, word string) []int {
	symbols, queue := slices.Grow(t.scratch.symbols[:0], len(word)), slices.Grow(t.scratch.queue[:0], len(word))
	if t.spec.Kind == SentencePiece {
		symbols = t.charSymbols(symbols, word)
	} else {
		symbols = t.byteSymbols(symbols, word)
	}
	if len(symbols) == 0 {
		return ids
	}
	symbols[len(symbols)-1].next = -1
	offer := func(left, right int32) {
		if left < 0 || right < 0 {
			return
		}
		p := pairOf(symbols[left].id, symbols[right].id)
		if m, ok := t.merges[p]; ok {
			queue.push(candidate{m, left, right, p})
		}
	}
	for i := range int32(len(symbols) - 1) {
		offer(i, i+1)
	}
	for len(queue) > 0 {
		c := queue.pop()
		l, r := &symbols[c.left], &symbols[c.right]
		if l.id < 0 || r.id < 0 || l.next != c.right || pairOf(l.id, r.id) != c.ids {
			continue // one of them has been merged since
		}
		l.id, l.next = c.id, r.next
		r.id = -1
		if l.next >= 0 {
			symbols[l.next].prev = c.left
		}
		offer(l.prev, c.left)
		offer(c.left, l.next)
	}
	for i := int32(0); i >= 0; i = symbols[i].next {
		id := int(symbols[i].id)
		if atom := id - len(t.spec.Tokens); atom >= 0 {
			ids = t.bytesOf(ids, t.pieces.atoms[atom])
		} else {
			ids = append(ids, id)
		}
	}
	if cap(symbols) <= maxScratch {
		t.scratch = scratch{symbols, queue}
	}
	return ids
}
