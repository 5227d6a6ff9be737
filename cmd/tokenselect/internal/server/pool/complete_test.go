package pool_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/pool"
	"tokenselect/engine/trace"
)

// TestConcurrent: answers that are computed at a time, of one document and of
// several, are those that each gets alone.
func TestConcurrent(t *testing.T) {
	m, _ := load(t)
	alone, together := newPool(t, pool.Config{Model: m}), newPool(t, pool.Config{Model: m, Sessions: 6})
	var requests []openai.Request
	for i, q := range []string{fox, age, fox, age, age, fox} {
		requests = append(requests, ask(document(30+20*(i%3)), q))
	}
	var want, got [6]string
	for i, r := range requests {
		want[i], _ = said(t, alone, r)
	}
	var all sync.WaitGroup
	for i, r := range requests {
		all.Go(func() {
			_, err := together.Complete(context.Background(), r, func(d openai.Delta) error { got[i] += d.Text; return nil })
			if err != nil {
				got[i] = err.Error()
			}
		})
	}
	all.Wait()
	if got != want || !strings.Contains(want[0], "fox") {
		t.Errorf("%q, alone %q", got, want)
	}
	if s := together.Stats(); s.Busy != 0 || s.Sessions > 6 {
		t.Errorf("%+v", s)
	}
}

// stay has p answer a question, begun when it returns, until the channel that it
// returns is closed.
func stay(t *testing.T, p *pool.Pool, all *sync.WaitGroup) chan struct{} {
	inside, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	all.Go(func() {
		_, err := p.Complete(context.Background(), ask(document(50), fox), func(openai.Delta) error {
			once.Do(func() {
				close(inside)
				<-leave
			})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	return leave
}

// TestWaits: where there is memory for one, the others wait for it, and who goes
// meanwhile is not waited for.
func TestWaits(t *testing.T) {
	m, _ := load(t)
	p := newPool(t, pool.Config{Model: m, Sessions: 1})
	var all sync.WaitGroup
	leave := stay(t, p, &all)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Complete(ctx, ask(document(50), age), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another is answered: %v", err)
	}
	for range 3 {
		all.Go(func() {
			text := ""
			_, err := p.Complete(context.Background(), ask(document(50), age), func(d openai.Delta) error { text += d.Text; return nil })
			if err != nil || !strings.Contains(text, "64") {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	close(leave)
	all.Wait()
	if s := p.Stats(); s.Sessions != 1 || s.Busy != 0 {
		t.Errorf("%+v", s)
	}
}

// TestClosedWhileWaiting: who waits for memory in a pool that is closed may go to
// another; who is being answered is answered.
func TestClosedWhileWaiting(t *testing.T) {
	m, _ := load(t)
	p := newPool(t, pool.Config{Model: m, Sessions: 1})
	var all sync.WaitGroup
	leave := stay(t, p, &all)
	waits := make(chan error)
	go func() {
		_, err := p.Complete(context.Background(), ask(document(50), age), nil)
		waits <- err
	}()
	all.Go(p.Close)
	if err := <-waits; !errors.Is(err, pool.ErrGone) {
		t.Errorf("who waits: %v, expected ErrGone", err)
	}
	close(leave)
	all.Wait()
}

// TestStops: stop strings within a token, over several, and at the very start.
func TestStops(t *testing.T) {
	m, _ := load(t)
	p := newPool(t, pool.Config{Model: m})
	r := ask(document(5), fox) // "Ada Dixon keeps a fox."
	for stop, want := range map[string]string{"eps": "Ada Dixon ke", "xon keeps a f": "Ada Di", "Ada": "", "x. ": "Ada Dixon keeps a fox.", ".": "Ada Dixon keeps a fox"} {
		r.Stop = []string{"never", stop}
		if got, res := said(t, p, r); got != want || res.FinishReason != openai.FinishStop {
			t.Errorf("stop %q: %q, %+v", stop, got, res)
		}
	}
	r.Stop, r.MaxTokens = nil, 3
	if got, res := said(t, p, r); res.FinishReason != openai.FinishLength || res.Usage.CompletionTokens != 3 || !strings.HasPrefix("Ada Dixon keeps a fox.", got) {
		t.Errorf("%q, %+v", got, res)
	}
}

// TestGone: a client that goes while its prompt is read, or while it is
// answered, leaves what was read to the next.
func TestGone(t *testing.T) {
	m, dev := load(t)
	p := newPool(t, pool.Config{Model: m})
	long := document(400)
	ctx, cancel := context.WithCancel(context.Background())
	submits := 0
	dev.submitted = func() {
		if submits++; submits == 3 {
			cancel()
		}
	}
	res, err := p.Complete(ctx, ask(long, fox), nil)
	if !errors.Is(err, context.Canceled) || submits < 3 || submits > 6 {
		t.Fatalf("%v after %d submits", err, submits)
	}
	gone := errors.New("gone")
	res, err = p.Complete(context.Background(), ask(long, fox), func(openai.Delta) error { return gone })
	if n := res.Usage.PromptDetails.CachedTokens; !errors.Is(err, gone) || n < 256 || n > 1024 {
		t.Fatalf("%v, %d tokens had been read", err, n)
	}
	text, res := said(t, p, ask(long, fox))
	if text != "Ada Dixon keeps a fox." || res.Usage.PromptDetails.CachedTokens < res.Usage.PromptTokens-256 {
		t.Errorf("%q, %+v", text, res.Usage)
	}
	if s := p.Stats(); s.Sessions != 1 || s.Busy != 0 {
		t.Errorf("%+v", s)
	}
}

// TestTurn: answers wait for their turn; who is turned away is told when to come
// again, and every turn is given back.
func TestTurn(t *testing.T) {
	m, _ := load(t)
	full := errors.New("ten are waiting")
	turns, refuse := 0, false
	p := newPool(t, pool.Config{Model: m, Turn: func(ctx context.Context, position func(int)) (func(), error) {
		if refuse {
			return nil, full
		}
		position(1)
		turns++
		return func() { turns-- }, ctx.Err()
	}})
	said(t, p, ask(people, fox))
	p.Complete(context.Background(), ask(people, fox), func(openai.Delta) error { return full })
	if turns != 0 {
		t.Errorf("%d turns were not given back", turns)
	}
	refuse = true
	var e *openai.Error
	if _, err := p.Complete(context.Background(), ask(people, fox), nil); !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable || e.RetryAfter == 0 || !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

// TestReserve: memory that others share is asked for and given back, and idle
// conversations give it to them.
func TestReserve(t *testing.T) {
	m, dev := load(t)
	held, _ := dev.bytes()
	var taken int64
	var evicts []func() bool
	limit := int64(1 << 40)
	p := newPool(t, pool.Config{Model: m, Reserve: func(n int64, evict func() bool) (func(), error) {
		if taken+n > limit {
			return nil, errors.New("the device is full")
		}
		taken += n
		evicts = append(evicts, evict)
		return func() { taken -= n }, nil
	}})
	said(t, p, ask("A first story. "+document(50), fox))
	if s := p.Stats(); taken == 0 || taken != s.Bytes {
		t.Errorf("%d bytes are reserved, %+v", taken, s)
	}
	said(t, p, ask(document(50)+strings.Repeat(plain, 100), fox)) // does not go on from the first
	before := taken
	said(t, p, ask(document(50)+strings.Repeat(plain, 260), fox)) // goes on from the second, which grows
	if s := p.Stats(); s.Sessions != 2 || taken != s.Bytes || taken <= before {
		t.Errorf("%d bytes are reserved, %d before, %+v", taken, before, s)
	}
	// Somebody else takes the first one's memory: it has the reservation then.
	first := p.Stats().Bytes
	if !evicts[0]() || evicts[0]() {
		t.Error("an idle conversation is to be evicted once")
	}
	taken -= first - p.Stats().Bytes
	if s := p.Stats(); s.Sessions != 1 || taken != s.Bytes {
		t.Errorf("%d bytes are reserved, %+v", taken, s)
	}
	// There is room for one: the idle one goes. Then for none.
	limit = taken
	said(t, p, ask("Another story. "+document(50), fox))
	if s := p.Stats(); s.Sessions != 1 || taken != s.Bytes {
		t.Errorf("%d bytes are reserved, %+v", taken, s)
	}
	limit = 0
	var e *openai.Error
	if _, err := p.Complete(context.Background(), ask("A third story. "+document(50), fox), nil); !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable {
		t.Errorf("%v", err)
	}
	if s := p.Stats(); s.Sessions != 0 || taken != 0 {
		t.Errorf("%d bytes are reserved, %+v", taken, s)
	}
	if now, _ := dev.bytes(); now != held {
		t.Errorf("%d bytes are left on the device", now-held)
	}
}

// TestRefusals: mistakes have the names of their fields.
func TestRefusals(t *testing.T) {
	m, _ := load(t)
	p := newPool(t, pool.Config{Model: m, Name: "needle", Context: 2048})
	zero, minus := 0, -1.0
	for _, c := range []struct {
		change func(r *openai.Request)
		status int
		told   string
	}{
		{func(r *openai.Request) { r.Model = "other" }, 404, "model_not_found"},
		{func(r *openai.Request) { r.Selection = &trace.Selection{K: &zero} }, 400, "k is 0"},
		{func(r *openai.Request) { r.Temperature = &minus }, 400, "temperature is -1"},
		{func(r *openai.Request) { r.Messages[0].Content = strings.Repeat(plain, 1000) }, 400, "context_length_exceeded"},
		{func(r *openai.Request) { r.Messages[0].Role = "judge" }, 400, `"judge"`},
	} {
		r := ask(people, fox)
		c.change(&r)
		var e *openai.Error
		if _, err := p.Complete(context.Background(), r, nil); !errors.As(err, &e) || e.Status != c.status || !strings.Contains(e.Message+e.Code, c.told) {
			t.Errorf("%v, expected %d with %q", err, c.status, c.told)
		}
	}
	list, _ := p.Models(context.Background())
	if len(list) != 1 || list[0].ID != "needle" || list[0].Context != 2048 {
		t.Errorf("%+v", list)
	}
	// The answer ends where the conversation's room does.
	r := ask(strings.Repeat(plain, 330), "Say much.")
	r.MaxTokens = 5000
	hot, seed := 2.0, int64(1)
	r.Temperature, r.Seed = &hot, &seed
	if _, res := said(t, p, r); res.FinishReason == openai.FinishLength && res.Usage.PromptTokens+res.Usage.CompletionTokens != 2048 {
		t.Errorf("%+v", res)
	}
	for _, bad := range []pool.Config{{Context: -1}, {Context: 1 << 20, Memory: 1 << 20}, {Memory: 1 << 10}, {Sessions: -1}} {
		bad.Model = m
		if _, err := pool.New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
