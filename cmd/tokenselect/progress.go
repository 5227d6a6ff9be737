package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progressBar shows how far a prefill has come: drawn over itself on a
// terminal, else a line at the end.
type progressBar struct {
	w     io.Writer
	live  bool
	began time.Time
	drawn time.Time
}

func (b *progressBar) show(done, total int) {
	now := time.Now()
	if b.began.IsZero() {
		b.began = now
	}
	if done < total && (!b.live || now.Sub(b.drawn) < 100*time.Millisecond) {
		return
	}
	b.drawn = now
	if !b.live {
		fmt.Fprintf(b.w, "read %d tokens\n", total)
		return
	}
	const width = 40
	full := width * done / total
	fmt.Fprintf(b.w, "\rreading [%s%s] %d of %d tokens ", strings.Repeat("#", full), strings.Repeat(".", width-full), done, total)
	if done == total {
		fmt.Fprintf(b.w, "\r%s\r", strings.Repeat(" ", width+50))
		b.began = time.Time{}
	}
}
