//go:build !js

package tokenizer

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// joiner is what the library sets between more than 30 marks on a character, for
// readers that keep no more of them at once. It is no part of the form.
const joiner = "\u034f"

func nfc(text string) string {
	composed := norm.NFC.String(text)
	if strings.Contains(text, joiner) { // which are the text's own cannot be told
		return composed
	}
	return strings.ReplaceAll(composed, joiner, "")
}
