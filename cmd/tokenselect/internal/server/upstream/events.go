package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxEvent is the most bytes of an event, and of a line of it.
const maxEvent = 1 << 20

var errLong = errors.New("upstream: an event of the stream is longer than 1 MiB")

// events reads the data of server-sent events.
type events struct{ r *bufio.Reader }

func newEvents(r io.Reader) *events { return &events{bufio.NewReaderSize(r, 16<<10)} }

// next is the data of the next event that has any; lines of one event are joined
// by line breaks. At the end of the stream it is io.EOF, also in the middle of
// an event: what has no empty line after it has not ended.
func (e *events) next() (string, error) {
	var data []byte
	some := false
	for size := 0; ; {
		line, err := e.line(maxEvent - size)
		if err != nil {
			return "", err
		}
		size += len(line)
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(line) == 0 && some:
			return string(data), nil
		case len(line) == 0:
			size = 0
		case string(name) == "data":
			if some {
				data = append(data, '\n')
			}
			data, some = append(data, bytes.TrimPrefix(value, []byte(" "))...), true
		}
	}
}

// line is the next line without its end, of at most limit bytes.
func (e *events) line(limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := e.r.ReadSlice('\n')
		if line = append(line, part...); len(line) > limit {
			return nil, errLong
		}
		if err == nil {
			return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}
