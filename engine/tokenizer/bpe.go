package tokenizer

import "container/heap"

// symbol is a piece of a word in a doubly linked list.
type symbol struct {
	id         int // -1: merged into its neighbour
	prev, next int
}

// candidate is a merge that could be done, of the symbols at left and right
// while they have the ids a and b.
type candidate struct {
	rank, left, right int
	ids               pair
}

type candidates []candidate

func (c candidates) Len() int { return len(c) }
func (c candidates) Less(i, j int) bool {
	if c[i].rank != c[j].rank {
		return c[i].rank < c[j].rank
	}
	return c[i].left < c[j].left
}
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *candidates) Push(x any)   { *c = append(*c, x.(candidate)) }
func (c *candidates) Pop() any {
	old := *c
	x := old[len(old)-1]
	*c = old[:len(old)-1]
	return x
}

// bpe appends the tokens of a word: its bytes, of which always the most urgent
// pair is merged, leftmost first. The heap keeps a word of n bytes at n log n.
func (t *Tokenizer) bpe(ids []int, word string) []int {
	symbols := make([]symbol, 0, len(word))
	for i := range len(word) {
		id := t.byteID[word[i]]
		if id < 0 { // a byte outside the vocabulary
			if id = t.spec.UNK; id < 0 {
				continue
			}
		}
		n := len(symbols)
		symbols = append(symbols, symbol{id, n - 1, n + 1})
	}
	if len(symbols) == 0 {
		return ids
	}
	symbols[len(symbols)-1].next = -1
	var queue candidates
	offer := func(left, right int) {
		if left < 0 || right < 0 {
			return
		}
		p := pair{symbols[left].id, symbols[right].id}
		if m, ok := t.rank[p]; ok {
			heap.Push(&queue, candidate{m.rank, left, right, p})
		}
	}
	for i := range len(symbols) - 1 {
		offer(i, i+1)
	}
	for len(queue) > 0 {
		c := heap.Pop(&queue).(candidate)
		l, r := &symbols[c.left], &symbols[c.right]
		if (pair{l.id, r.id}) != c.ids || l.next != c.right {
			continue // one of them has been merged since
		}
		l.id, l.next = t.rank[c.ids].id, r.next
		r.id = -1
		if l.next >= 0 {
			symbols[l.next].prev = c.left
		}
		offer(l.prev, c.left)
		offer(c.left, l.next)
	}
	for i := 0; i >= 0; i = symbols[i].next {
		ids = append(ids, symbols[i].id)
	}
	return ids
}
