// Package trace is the contract between the engine and whoever watches it: what
// a client asks for (Command), what the engine tells (Event), and which tokens
// every layer attended to at a step (Step). The messages are JSON objects, the
// same between a page and its worker (postMessage) and between a page and a
// server (websocket).
package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Version is that of the messages. Both sides say it first; a client and an
// engine of different versions do not talk. It goes up with every change of what
// they say: an engine for browsers may be older than the page that starts it.
const Version = 2

// decode reads one JSON object strictly: a field that is not known is an error,
// so that a misspelt option is not taken for its default.
func decode(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("something follows the JSON object")
	}
	return nil
}
