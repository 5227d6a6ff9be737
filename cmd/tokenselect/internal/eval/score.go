// Package eval holds evaluations together: what is scored how, the file that
// results go to one by one and from which an interrupted run goes on, and the
// tables, tests and picture that are made of it.
package eval

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Score is the share of answers that a reply holds, RULER's string match: each as
// a whole, not as a part of a longer word or number.
func Score(reply string, answers []string) float64 {
	found := 0
	for _, a := range answers {
		if holds(reply, a) {
			found++
		}
	}
	return float64(found) / float64(max(1, len(answers)))
}

func holds(reply, answer string) bool {
	reply, answer = strings.ToLower(reply), strings.ToLower(answer)
	for from := 0; answer != ""; {
		at := strings.Index(reply[from:], answer)
		if at < 0 {
			return false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(reply[:at])
		after, _ := utf8.DecodeRuneInString(reply[at+len(answer):])
		if !inWord(before) && !inWord(after) {
			return true
		}
		from = at + 1
	}
	return false
}

func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
