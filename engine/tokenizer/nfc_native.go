//go:build !js

package tokenizer

import "golang.org/x/text/unicode/norm"

func nfc(text string) string { return norm.NFC.String(text) }
