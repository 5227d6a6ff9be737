package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// mostHops is how many redirects are followed.
const mostHops = 10

// answer is a response whose body is read under a watch.
type answer struct {
	*http.Response
	watch *watch
	from  *url.URL    // where it came from in the end
	hub   http.Header // of the hub's own response, which may have led elsewhere
}

func (a *answer) Close() {
	a.watch.stop()
	a.Response.Body.Close()
}

// Read is of the body.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.Response.Body.Read(p)
	if n > 0 {
		a.watch.alive()
	}
	if err != nil && err != io.EOF {
		err = a.watch.explain(err)
	}
	return n, err
}

// watch ends a request to which nothing comes for a while, connecting included.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration
}

func newWatch(ctx context.Context, limit time.Duration) *watch {
	w := &watch{limit: limit}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(limit, func() { w.cancel(fmt.Errorf("%w for %v", errStalled, limit)) })
	return w
}

func (w *watch) alive() { w.timer.Reset(w.limit) }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// explain is err, or what the request was ended for.
func (w *watch) explain(err error) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return err
}

// get asks for u: for the bytes of s, or for all where s is nil. Redirects are
// followed here rather than by net/http, which would take the token along to the
// subdomains of the hub, and those are other people's machines. The answer has
// status 200 or 206.
func (c *Client) get(ctx context.Context, u *url.URL, s *span) (*answer, error) {
	w := newWatch(ctx, c.Timing.Stall)
	a, err := c.follow(w, u, s)
	if err != nil {
		err = w.explain(err)
		w.stop()
		return nil, err
	}
	return a, nil
}

func (c *Client) follow(w *watch, u *url.URL, s *span) (*answer, error) {
	var hub http.Header
	for range mostHops {
		req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("User-Agent", "tokenselect")
		req.Header.Set("Accept-Encoding", "identity")
		if s != nil {
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", s.From, s.To-1))
		}
		if c.Token.Secret != "" && c.isHub(u) {
			req.Header.Set("Authorization", "Bearer "+c.Token.Secret)
		}
		res, err := c.HTTP.Do(req)
		if err != nil {
			return nil, withoutQuery(err)
		}
		w.alive()
		if hub == nil || c.isHub(u) {
			hub = res.Header
		}
		switch {
		case res.StatusCode == http.StatusOK, res.StatusCode == http.StatusPartialContent && s != nil:
			return &answer{res, w, u, hub}, nil
		case res.StatusCode >= 300 && res.StatusCode < 400 && res.Header.Get("Location") != "":
			res.Body.Close()
			to, err := u.Parse(res.Header.Get("Location"))
			if err != nil || (to.Scheme != "https" && to.Scheme != "http") {
				return nil, fmt.Errorf("%s sends on to %.200q, expected an address of the web", u.Host, res.Header.Get("Location"))
			}
			if u.Scheme == "https" && to.Scheme != "https" {
				return nil, fmt.Errorf("%s sends on to http://%s, expected https: the connection would not be private any more", u.Host, to.Host)
			}
			u = to
		default:
			err := c.statusError(res, u)
			res.Body.Close()
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s sends on more than %d times", u.Host, mostHops)
}

// isHub tells whether u is of the hub itself, and not of a machine that it sends
// to.
func (c *Client) isHub(u *url.URL) bool {
	return u.Scheme == c.Endpoint.Scheme && strings.EqualFold(u.Hostname(), c.Endpoint.Hostname()) && port(u) == port(c.Endpoint)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// withoutQuery takes the query out of the address in err, as it may let whoever
// reads it have the file.
func withoutQuery(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		if u, perr := url.Parse(e.URL); perr == nil {
			return fmt.Errorf("%s: %w", u.Host, e.Err)
		}
		return e.Err
	}
	return err
}

// statusError is a response that is none of the file.
type statusError struct {
	status  int
	hub     bool // from the hub itself
	host    string
	code    string // the hub's word for what is wrong, such as GatedRepo
	message string // the hub's words
	after   time.Duration
}

func (e *statusError) Error() string {
	s := fmt.Sprintf("%s answers %d %s", e.host, e.status, http.StatusText(e.status))
	if e.message != "" {
		s += ": " + e.message
	}
	return s
}

func (c *Client) statusError(res *http.Response, u *url.URL) error {
	e := &statusError{status: res.StatusCode, hub: c.isHub(u), host: u.Host, code: res.Header.Get("X-Error-Code"), after: retryAfter(res.Header, time.Now())}
	if m := res.Header.Get("X-Error-Message"); len(m) < 300 {
		e.message = m
	}
	return e
}

// retryAfter is how long a server asks to wait: in Retry-After as seconds or as a
// date, or, as the hub says it, in RateLimit as t=SECONDS. 0: it does not say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if s := h.Get("Retry-After"); s != "" {
		if n, err := strconv.Atoi(s); err == nil {
			return time.Duration(min(max(n, 0), 1<<20)) * time.Second
		}
		if t, err := http.ParseTime(s); err == nil {
			return max(t.Sub(now), 0)
		}
	}
	for _, field := range strings.Split(h.Get("RateLimit"), ";") {
		if s, ok := strings.CutPrefix(strings.TrimSpace(field), "t="); ok {
			if n, err := strconv.Atoi(s); err == nil {
				return time.Duration(min(max(n, 0), 1<<20)) * time.Second
			}
		}
	}
	return 0
}

// temporary tells whether another attempt may do better.
func temporary(err error) bool {
	// The numbers of a full disk would do for a net.Error too.
	var local localError
	if errors.As(err, &local) {
		return false
	}
	var status *statusError
	if errors.As(err, &status) {
		switch status.status {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			return true
		}
		return status.status >= 500
	}
	if errors.Is(err, errStalled) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false
	}
	var op net.Error
	return errors.As(err, &op)
}
