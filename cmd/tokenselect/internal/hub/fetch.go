package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// fetcher fetches one file into its part.
type fetcher struct {
	c    *Client
	part *part
	u    *url.URL // of the file on the hub
	say  func(string)

	mu       sync.Mutex
	location *url.URL // where the hub sends to, for as long as that works
	etag     string   // of the answers so far
	streams  bool     // the server has no ranges
}

var (
	errNoRanges = errors.New("the server has no ranges")
	errChanged  = errors.New("the file changed on the server while it was fetched")
)

// whole fetches what is missing of the file.
func (f *fetcher) whole(ctx context.Context) error {
	all := span{0, f.part.file.Size}
	err := errNoRanges
	if !f.noRanges() {
		err = f.parallel(ctx, all)
	}
	if errors.Is(err, errChanged) {
		f.say(err.Error() + "; it is fetched anew")
		if err := f.part.restart(); err != nil {
			return err
		}
		f.forget()
		err = f.parallel(ctx, all)
	}
	if errors.Is(err, errNoRanges) {
		return f.stream(ctx)
	}
	return err
}

func (f *fetcher) noRanges() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.streams
}

// forget starts with the hub again.
func (f *fetcher) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.location, f.etag = nil, ""
}

// parallel fetches the missing bytes of s over several connections. Pieces are
// taken in order, so that a file grows about from its beginning, which systems
// that do not leave holes in files need.
func (f *fetcher) parallel(ctx context.Context, s span) error {
	var pieces []span
	for _, gap := range f.part.missing(s) {
		for ; gap.From < gap.To; gap.From += f.c.Piece {
			pieces = append(pieces, span{gap.From, min(gap.From+f.c.Piece, gap.To)})
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan span, len(pieces))
	for _, p := range pieces {
		next <- p
	}
	close(next)
	var wg sync.WaitGroup
	for range min(f.c.Connections, len(pieces)) {
		wg.Go(func() {
			for p := range next {
				if ctx.Err() != nil {
					return
				}
				if err := f.piece(ctx, p); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// piece fetches s in as many attempts as it takes.
func (f *fetcher) piece(ctx context.Context, s span) error {
	tries := retry{c: f.c, say: f.say}
	for s.From < s.To {
		n, err := f.once(ctx, s)
		s.From += n
		if n > 0 {
			tries.worked()
		}
		if err != nil {
			if err := tries.again(ctx, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// stream fetches the whole file in one answer, for servers without ranges: each
// attempt begins at the beginning.
func (f *fetcher) stream(ctx context.Context) error {
	f.say("the server does not send parts of files: one connection is used, and an interruption starts anew")
	tries := retry{c: f.c, say: f.say}
	for {
		if err := f.part.restart(); err != nil {
			return err
		}
		a, err := f.open(ctx, nil)
		if err == nil {
			_, err = f.copy(a, span{0, f.part.file.Size})
			a.Close()
		}
		if err == nil {
			return nil
		}
		if err := tries.again(ctx, err); err != nil {
			return err
		}
	}
}

// once asks for s and returns how many bytes of it came, from its beginning.
func (f *fetcher) once(ctx context.Context, s span) (int64, error) {
	a, err := f.open(ctx, &s)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	if a.StatusCode == http.StatusOK {
		if s != (span{0, f.part.file.Size}) {
			f.mu.Lock()
			f.streams = true
			f.mu.Unlock()
			return 0, errNoRanges
		}
	} else if s, err = f.promised(a, s); err != nil {
		return 0, err
	}
	return f.copy(a, s)
}

// open asks for s, or for the whole file where it is nil.
func (f *fetcher) open(ctx context.Context, s *span) (*answer, error) {
	f.mu.Lock()
	u := f.location
	f.mu.Unlock()
	if u != nil {
		a, err := f.c.get(ctx, u, s)
		var status *statusError
		if !errors.As(err, &status) || temporary(err) {
			return a, f.same(a, err)
		}
		// What the hub sends to is good for some time only.
		f.forget()
	}
	a, err := f.c.get(ctx, f.u, s)
	if err != nil {
		return nil, err
	}
	if err := f.named(a); err != nil {
		a.Close()
		return nil, err
	}
	if !f.c.isHub(a.from) {
		f.mu.Lock()
		f.location = a.from
		f.mu.Unlock()
	}
	return a, f.same(a, nil)
}

// named holds the hub to the digest and size of its listing, where it repeats
// them.
func (f *fetcher) named(a *answer) error {
	if tag := strings.Trim(strings.TrimPrefix(a.hub.Get("X-Linked-Etag"), "W/"), `"`); tag != "" {
		if want := f.part.file.Digest.hex(); len(tag) == len(want) && !strings.EqualFold(tag, want) {
			return fmt.Errorf("%s: the hub has content %.80q by now, expected %s: it has changed, try again", f.part.file.Path, tag, want)
		}
	}
	if size := a.hub.Get("X-Linked-Size"); size != "" && size != strconv.FormatInt(f.part.file.Size, 10) {
		return fmt.Errorf("%s: the hub has %.40q bytes by now, expected %d as it listed: it has changed, try again", f.part.file.Path, size, f.part.file.Size)
	}
	return nil
}

// same holds the answers of one attempt to one content. The tag is not kept for
// the next attempt: that may come from another machine, with tags of its own, and
// the digest has the last word anyway.
func (f *fetcher) same(a *answer, err error) error {
	if err != nil {
		return err
	}
	tag := a.Header.Get("ETag")
	if tag == "" || strings.HasPrefix(tag, "W/") {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.etag == "" {
		f.etag = a.from.Host + tag
	}
	if f.etag != a.from.Host+tag && strings.HasPrefix(f.etag, a.from.Host) {
		a.Close()
		return errChanged
	}
	return nil
}

// promised is the part of s that an answer says it has.
func (f *fetcher) promised(a *answer, s span) (span, error) {
	wrong := func() (span, error) {
		return s, fmt.Errorf("%s: %s answers with %.100q, expected bytes %d-%d/%d", f.part.file.Path, a.from.Host, a.Header.Get("Content-Range"), s.From, s.To-1, f.part.file.Size)
	}
	var from, last int64
	var size string
	if n, err := fmt.Sscanf(a.Header.Get("Content-Range"), "bytes %d-%d/%s", &from, &last, &size); n != 3 || err != nil {
		return wrong()
	}
	if size != "*" && size != strconv.FormatInt(f.part.file.Size, 10) {
		return wrong()
	}
	if from != s.From || last < from || last >= s.To {
		return wrong()
	}
	return span{from, last + 1}, nil
}

// copy writes the body of an answer, which is the bytes of s, and returns how
// many came.
func (f *fetcher) copy(a *answer, s span) (int64, error) {
	if a.ContentLength >= 0 && a.ContentLength != s.To-s.From {
		return 0, fmt.Errorf("%s: %s sends %d bytes, expected %d", f.part.file.Path, a.from.Host, a.ContentLength, s.To-s.From)
	}
	buf := make([]byte, 256<<10)
	at := s.From
	for {
		n, err := a.Read(buf)
		if int64(n) > s.To-at {
			return at - s.From, fmt.Errorf("%s: %s sends more than the %d bytes expected", f.part.file.Path, a.from.Host, s.To-s.From)
		}
		if n > 0 {
			if _, err := f.part.WriteAt(buf[:n], at); err != nil {
				return at - s.From, err
			}
			at += int64(n)
		}
		switch {
		case err == io.EOF && at < s.To:
			return at - s.From, fmt.Errorf("%s: %w after %d of %d bytes", a.from.Host, io.ErrUnexpectedEOF, at-s.From, s.To-s.From)
		case err == io.EOF:
			return at - s.From, nil
		case err != nil:
			return at - s.From, fmt.Errorf("%s: %w", a.from.Host, err)
		}
	}
}

// onDemand reads a file that is being fetched, and fetches what it is asked for:
// what is looked at before the rest need not be fetched again.
type onDemand struct {
	ctx context.Context
	f   *fetcher
	err error // why something could not be fetched
}

func (r *onDemand) ReadAt(b []byte, at int64) (int, error) {
	s := span{at, min(at+int64(len(b)), r.f.part.file.Size)}
	if at < 0 || s.From >= s.To {
		return 0, io.EOF
	}
	if err := r.f.parallel(r.ctx, s); err != nil {
		r.err = err
		return 0, err
	}
	n, err := r.f.part.ReadAt(b[:s.To-s.From], at)
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}
