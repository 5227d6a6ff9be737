package recording

import "testing"

// FuzzReader: whatever is in a file, it is refused, or is the same recording once it
// has been written and read again.
func FuzzReader(f *testing.F) {
	lines, bytes := maxLine, maxBytes
	maxLine, maxBytes = 1<<20, 4<<20 // so that a file that unpacks to much is met with
	f.Cleanup(func() { maxLine, maxBytes = lines, bytes })
	raw := write(f, header(), events())
	f.Add(raw)
	f.Add([]byte(unzipped(f, raw)))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, all, _, err := read(data)
		if err != nil {
			return
		}
		once := write(t, h, all)
		h, all, _, err = read(once)
		if err != nil {
			t.Fatalf("written, but not read again: %v", err)
		}
		if got, want := unzipped(t, write(t, h, all)), unzipped(t, once); got != want {
			t.Fatalf("written as\n%s\nand then as\n%s", want, got)
		}
	})
}
