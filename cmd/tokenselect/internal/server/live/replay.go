package live

// replay is the events of a session that may not have reached its client, in
// order and numbered. Those that did are let go; where that does not come fast
// enough, the oldest are dropped and cannot be sent again.
type replay struct {
	limit  int // bytes; the newest event stays whatever its size
	events [][]byte
	first  int // the number of events[0]
	bytes  int
}

// next is the number of the event to come.
func (r *replay) next() int { return r.first + len(r.events) }

func (r *replay) add(event []byte) {
	r.events = append(r.events, event)
	r.bytes += len(event)
	for r.bytes > r.limit && len(r.events) > 1 {
		r.drop()
	}
}

func (r *replay) drop() {
	r.bytes -= len(r.events[0])
	r.events[0] = nil
	r.events = r.events[1:]
	r.first++
	if len(r.events) == 0 {
		r.events = nil // the array that it was cut from
	}
}

// arrived lets go what the client has.
func (r *replay) arrived(seq int) {
	for len(r.events) > 0 && r.first <= seq {
		r.drop()
	}
}

// has tells whether everything after seq can be sent.
func (r *replay) has(seq int) bool { return r.first <= seq+1 && seq < r.next() }

// after is the events after seq, at most most bytes of them but at least one,
// and the bytes of the rest.
func (r *replay) after(seq, most int) (events [][]byte, rest int) {
	bytes := 0
	for i := max(0, seq+1-r.first); i < len(r.events); i++ {
		n := len(r.events[i])
		if len(events) > 0 && (rest > 0 || bytes+n > most) {
			rest += n
			continue
		}
		events = append(events, r.events[i])
		bytes += n
	}
	return events, rest
}
