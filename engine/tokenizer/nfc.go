package tokenizer

// NFCOf tells whether the vocabularies that are split so are of text in NFC, where
// their file has no word for it, as GGUF has none.
func NFCOf(pre string) bool { return pre == "qwen2" }

// firstCombining is the first character that may not stand in NFC as it is, or may
// join the one before it.
const firstCombining = 0x300

// composed is text in Unicode's normalization form C. Nearly all text is in it, and
// most is told to be without a table.
func composed(text string) string {
	for _, r := range text {
		if r >= firstCombining {
			return nfc(text)
		}
	}
	return text
}
