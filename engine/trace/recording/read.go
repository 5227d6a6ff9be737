package recording

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"

	"tokenselect/engine/trace"
)

// What a recording may come to once it is not compressed any more: a small file can
// claim to be a very large one. Tests lower them.
var (
	maxLine        = 64 << 20
	maxBytes int64 = 1 << 30
)

// Reader reads a recording and checks it.
type Reader struct {
	Header Header

	lines *bufio.Reader
	read  int64
	line  int
	check checker
	done  bool
}

// NewReader reads the header of a recording, compressed or not.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{lines: bufio.NewReaderSize(from, 1<<16)}
	if magic, _ := r.lines.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		zip, err := gzip.NewReader(r.lines)
		if err != nil {
			return nil, fmt.Errorf("recording: %w", err)
		}
		r.lines = bufio.NewReaderSize(zip, 1<<16)
	}
	raw, err := r.next()
	if err == io.EOF {
		return nil, errors.New("recording: the file is empty, expected a header")
	}
	if err != nil {
		return nil, err
	}
	var what struct {
		Kind string `json:"tokenselect"`
		V    int    `json:"v"`
	}
	if json.Unmarshal(raw, &what) != nil || what.Kind != kind {
		return nil, fmt.Errorf(`recording: line 1: this is no recording: %.60q, expected {"tokenselect":"recording",...`, raw)
	}
	if what.V == Version { // the fields of another one are not known
		err = strictly(raw, &r.Header)
	} else {
		r.Header = Header{Kind: what.Kind, V: what.V}
	}
	if err == nil {
		err = r.Header.check()
	}
	if err != nil {
		return nil, fmt.Errorf("recording: line 1: header: %w", err)
	}
	r.check = checker{model: r.Header.Model, units: len(utf16.Encode([]rune(r.Header.Document.Text)))}
	return r, nil
}

func strictly(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// Next is the next event, io.EOF after the last. The rows of its step are those that
// Rows tells.
func (r *Reader) Next() (trace.Event, error) {
	raw, err := r.next()
	switch {
	case err == io.EOF && !r.done:
		return trace.Event{}, fmt.Errorf("recording: the file ends after line %d, before the answer does: it was cut off", r.line)
	case err != nil:
		return trace.Event{}, err
	case r.done:
		return trace.Event{}, fmt.Errorf("recording: line %d: something follows the answer's end", r.line)
	}
	e, err := trace.ParseEvent(raw)
	if err == nil {
		err = r.check.event(&e)
	}
	if err != nil {
		return trace.Event{}, fmt.Errorf("recording: line %d: %w", r.line, err)
	}
	r.done = e.Type == trace.Done
	return e, nil
}

// Rows are the selected rows of each layer of the event that Next has returned, a
// token; nil where a layer attended to all.
func (r *Reader) Rows() [][]int { return r.check.rows }

// next is the next line that is not empty.
func (r *Reader) next() ([]byte, error) {
	for {
		var line []byte
		for {
			part, err := r.lines.ReadSlice('\n')
			line, r.read = append(line, part...), r.read+int64(len(part))
			if len(line) > maxLine || r.read > maxBytes {
				return nil, fmt.Errorf("recording: line %d: more than %d bytes in a line or %d in all", r.line+1, maxLine, maxBytes)
			}
			if err == bufio.ErrBufferFull {
				continue
			}
			if err == io.EOF && len(line) == 0 {
				return nil, io.EOF
			}
			if err != nil && err != io.EOF {
				if errors.Is(err, io.ErrUnexpectedEOF) {
					err = errors.New("the file ends in the middle: it was cut off")
				}
				return nil, fmt.Errorf("recording: line %d: %w", r.line+1, err)
			}
			break
		}
		r.line++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}
