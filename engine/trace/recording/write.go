package recording

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"tokenselect/engine/trace"
)

// Writer writes a recording as its events come.
type Writer struct {
	zip     *gzip.Writer
	prefill []byte // the last, until something else comes
	done    bool
	line    []byte
}

// NewWriter begins a recording. Kind and version are filled in. A Writer that is not
// closed leaves half a file.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	h.Kind, h.V = kind, Version
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("recording: header: %w", err)
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(h); err != nil {
		return nil, fmt.Errorf("recording: header: %w", err)
	}
	zip, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = zip.Write(line.Bytes())
	return &Writer{zip: zip}, err
}

// Event takes an event in, if it is one that recordings have.
func (w *Writer) Event(e trace.Event) error {
	switch e.Type {
	case trace.Prefill:
		w.prefill = append(e.Append(w.prefill[:0]), '\n')
		return nil
	case trace.Layout, trace.Token, trace.Done:
	default:
		return nil
	}
	if w.done {
		return fmt.Errorf("recording: %s after the answer's end", e.Type)
	}
	w.done = e.Type == trace.Done
	w.line = append(e.Append(append(w.line[:0], w.prefill...)), '\n')
	w.prefill = w.prefill[:0]
	_, err := w.zip.Write(w.line)
	return err
}

// Close ends the file. One that has not seen the answer's end is an error.
func (w *Writer) Close() error {
	err := w.zip.Close()
	if !w.done {
		err = errors.Join(err, errors.New("recording: the answer has not ended"))
	}
	return err
}
