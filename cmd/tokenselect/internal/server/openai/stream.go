package openai

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

// stream is a response of server-sent events. Its header is sent with the first
// of them, so that what goes wrong before has its own status.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration

	mu    sync.Mutex
	began bool
	err   error     // the first one of writing, after which nothing is written
	last  time.Time // something was written
}

func newStream(w http.ResponseWriter, timeout time.Duration) *stream {
	return &stream{w: w, control: http.NewResponseController(w), timeout: timeout, last: time.Now()}
}

// send writes v as an event and waits until the client's connection has taken
// it: a client that reads slowly slows its answer down, and one that reads
// nothing for the timeout loses it.
func (s *stream) send(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.write("data: " + string(body) + "\n\n")
}

// end closes the stream as clients expect it.
func (s *stream) end() error {
	err := s.write("data: [DONE]\n\n")
	s.control.SetWriteDeadline(time.Time{})
	return err
}

func (s *stream) write(event string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writeLocked(event)
}

func (s *stream) writeLocked(event string) error {
	if s.err != nil {
		return s.err
	}
	if !s.began {
		s.began = true
		head := s.w.Header()
		head.Set("Content-Type", "text/event-stream; charset=utf-8")
		head.Set("Cache-Control", "no-cache, no-transform")
		head.Set("X-Accel-Buffering", "no") // nginx would hold pieces back
		s.w.WriteHeader(http.StatusOK)
	}
	s.last = time.Now()
	s.control.SetWriteDeadline(s.last.Add(s.timeout)) // where it is not supported, the server's own holds
	if _, s.err = s.w.Write([]byte(event)); s.err == nil {
		if s.err = s.control.Flush(); errors.Is(s.err, http.ErrNotSupported) {
			s.err = nil
		}
	}
	return s.err
}

func (s *stream) begun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.began
}

func (s *stream) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

// keepAlive writes a comment whenever nothing was written for so long, as while
// a long document is read: proxies and clients give silent connections up. It
// goes on until stop has returned.
func (s *stream) keepAlive(every time.Duration) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		wait := every
		for {
			select {
			case <-end:
				return
			case <-time.After(wait):
			}
			s.mu.Lock()
			if wait = every - time.Since(s.last); wait <= 0 {
				s.writeLocked(": the engine is at work\n\n")
				wait = every
			}
			s.mu.Unlock()
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}
