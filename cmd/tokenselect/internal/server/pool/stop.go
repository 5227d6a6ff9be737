package pool

import "strings"

// cutter ends a text before the stop string that is complete first (of several,
// the longest), however the text comes in pieces. It holds back what may turn out
// to be the beginning of one.
type cutter struct {
	stops []string
	held  string
}

func newCutter(stops []string) *cutter { return &cutter{stops: stops} }

// push takes the next piece of the text and returns what can be told of it. With
// found the text has ended.
func (c *cutter) push(piece string) (text string, found bool) {
	c.held += piece
	start, end := 0, len(c.held)+1
	for _, s := range c.stops {
		if i := strings.Index(c.held, s); i >= 0 && (i+len(s) < end || i+len(s) == end && i < start) {
			start, end = i, i+len(s)
		}
	}
	if end <= len(c.held) {
		text, c.held = c.held[:start], ""
		return text, true
	}
	keep := 0
	for _, s := range c.stops {
		for n := min(len(s)-1, len(c.held)); n > keep; n-- {
			if strings.HasSuffix(c.held, s[:n]) {
				keep = n
				break
			}
		}
	}
	text, c.held = c.held[:len(c.held)-keep], c.held[len(c.held)-keep:]
	return text, false
}

// flush is what is left when the text has ended by itself.
func (c *cutter) flush() string {
	text := c.held
	c.held = ""
	return text
}
