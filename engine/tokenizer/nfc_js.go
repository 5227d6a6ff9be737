package tokenizer

import (
	"syscall/js"
	"unicode/utf8"
)

// nfc leaves it to JavaScript, which has the tables. What is not UTF-8 has no form.
func nfc(text string) string {
	if !utf8.ValidString(text) {
		return text
	}
	return js.ValueOf(text).Call("normalize", "NFC").String()
}
