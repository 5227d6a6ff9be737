package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
)

// TestStandardInput: what is no terminal is not asked, and what is not read is told of.
func TestStandardInput(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	r, w, err := os.Pipe() // nothing comes from it, nor does it end
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	regular, err := os.Open(file(t, "s.txt", "A text."))
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	const notRead = "standard input is not read"
	for _, f := range []*os.File{null, r, regular} {
		if isTerminal(f) {
			t.Errorf("%s is taken for a terminal", f.Name())
		}
		var out, said bytes.Buffer
		args := []string{"run", "-device", "cpu", "-file", file(t, "d.txt", document), "Which animal does Ada Dixon keep?"}
		status := run(context.Background(), args, stdio{f, &out, &said, false, false})
		want := 1
		if f == null {
			want = 0
		}
		if status != 0 || out.String() != "Ada Dixon keeps a fox.\n" || strings.Count(said.String(), notRead) != want {
			t.Errorf("%s: status %d, %q, said %q", f.Name(), status, out.String(), said.String())
		}
	}
	var said bytes.Buffer
	args := []string{"run", "-device", "cpu", "-file", "-", "Who?"}
	if status := run(context.Background(), args, stdio{regular, io.Discard, &said, false, false}); status != 0 || said.Len() > 0 {
		t.Errorf("-file -: status %d, said %q", status, said.String())
	}
}
