package pool_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/pool"
	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// meter counts the bytes of a device's buffers, and tells of every submit.
type meter struct {
	gpu.Device
	mu        sync.Mutex
	now, peak int64
	submitted func() // may be nil
}

func (m *meter) Submit(r *gpu.Recording) error {
	err := m.Device.Submit(r)
	if m.submitted != nil {
		m.submitted()
	}
	return err
}

func (m *meter) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	b, err := m.Device.NewBuffer(label, size)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.now += int64(size)
		m.peak = max(m.peak, m.now)
	}
	return b, err
}

func (m *meter) Free(b *gpu.Buffer) {
	m.mu.Lock()
	m.now -= int64(b.Size)
	m.mu.Unlock()
	m.Device.Free(b)
}

func (m *meter) bytes() (now, peak int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now, m.peak
}

func load(t *testing.T) (*session.Model, *meter) {
	t.Helper()
	dev := &meter{Device: cpudev.New(cpudev.Options{})}
	shared := gpu.Share(dev)
	t.Cleanup(shared.Close)
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	m, err := session.Load(shared, ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, dev
}

func newPool(t *testing.T, c pool.Config) *pool.Pool {
	t.Helper()
	p, err := pool.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

const (
	plain  = "It was a plain day. "
	people = "Felix Ellis is 64 years old. Ada Dixon keeps a fox at home. Peter Webb works as a pilot."
	fox    = "Which animal does Ada Dixon keep?"
	age    = "How old is Felix Ellis?"
)

func document(n int) string { return strings.Repeat(plain, n) + people }

func ask(document, question string) openai.Request {
	return openai.Request{Messages: []openai.Message{{Role: "user", Content: document + "\n\n" + question}}, MaxTokens: 32}
}

// said is the answer to r.
func said(t *testing.T, p *pool.Pool, r openai.Request) (string, openai.Result) {
	t.Helper()
	text := ""
	res, err := p.Complete(context.Background(), r, func(d openai.Delta) error { text += d.Text; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return text, res
}

// TestSameAsConversation: an answer is the one that the engine gives by itself,
// whether the beginning was read before or not.
func TestSameAsConversation(t *testing.T) {
	m, _ := load(t)
	// Not of those to compare with, which are slow and of which some, as InfLLM, remember
	// how a text was read.
	for _, policy := range []selection.Policy{selection.TokenSelect, selection.Dense, selection.Window} {
		cfg, err := m.Apply(&trace.Selection{Policy: string(policy)})
		if err != nil {
			t.Fatal(err)
		}
		p, doc := newPool(t, pool.Config{Model: m}), document(230)
		other := strings.Repeat(plain, 200) + people + strings.Repeat(plain, 30) // parts from doc within a chunk
		for i, q := range []string{fox, age, age, fox} {
			if i == 3 {
				doc = other
			}
			c, err := m.NewConversation(doc, session.Options{Selection: cfg, MaxTokens: 32})
			if err != nil {
				t.Fatal(err)
			}
			want, err := c.Ask(context.Background(), q, nil)
			c.Close()
			if err != nil {
				t.Fatal(err)
			}
			r := ask(doc, q)
			r.Selection = &trace.Selection{Policy: string(policy)}
			got, res := said(t, p, r)
			if got != want.Text || res.FinishReason != openai.FinishStop || res.Usage.PromptTokens != want.PromptTokens || res.Usage.CompletionTokens != len(want.IDs) {
				t.Errorf("%s: %q, %+v, expected %q with %d and %d tokens", policy, got, res, want.Text, want.PromptTokens, len(want.IDs))
			}
			if n := res.Usage.PromptDetails.CachedTokens; (i > 0) != (n > res.Usage.PromptTokens-500) || n%256 != 0 || n >= res.Usage.PromptTokens {
				t.Errorf("%s, question %d: %d of %d tokens were cached", policy, i, n, res.Usage.PromptTokens)
			}
		}
	}
}

// TestTurnsOfAConversation: a conversation that goes on costs its new turns, and
// the samples are those of a pool that remembers nothing.
func TestTurnsOfAConversation(t *testing.T) {
	m, _ := load(t)
	remembers := newPool(t, pool.Config{Model: m})
	r := ask(document(150), fox)
	hot, seed := 1.5, int64(7)
	r.Temperature, r.Seed = &hot, &seed
	for turn := range 3 {
		got, res := said(t, remembers, r)
		forgets := newPool(t, pool.Config{Model: m})
		if want, _ := said(t, forgets, r); got != want || got == "" {
			t.Errorf("turn %d: %q, without a cache %q", turn, got, want)
		}
		if n := res.Usage.PromptDetails.CachedTokens; turn > 0 && n < 768 {
			t.Errorf("turn %d: %d of %d tokens were cached", turn, n, res.Usage.PromptTokens)
		}
		r.Messages = append(r.Messages, openai.Message{Role: "assistant", Content: got}, openai.Message{Role: "user", Content: age})
	}
	if s := remembers.Stats(); s.Sessions != 1 || s.Busy != 0 || s.Bytes == 0 {
		t.Errorf("%+v, expected the one conversation", s)
	}
}

// TestOtherBudgets: what was read with other budgets is not gone on from, and a
// short beginning in common costs nobody a document.
func TestOtherBudgets(t *testing.T) {
	m, _ := load(t)
	p := newPool(t, pool.Config{Model: m})
	k := 128
	small := ask(document(150), fox)
	small.Selection = &trace.Selection{K: &k}
	said(t, p, ask(document(150), fox))
	if _, res := said(t, p, small); res.Usage.PromptDetails.CachedTokens != 0 {
		t.Errorf("%d tokens read with other budgets were used", res.Usage.PromptDetails.CachedTokens)
	}
	// 256 of some 900 tokens in common.
	if _, res := said(t, p, ask(strings.Repeat(plain, 50)+"Another story.", fox)); res.Usage.PromptDetails.CachedTokens != 0 {
		t.Errorf("a document was cut for %d tokens", res.Usage.PromptDetails.CachedTokens)
	}
	if _, res := said(t, p, ask(document(150), age)); res.Usage.PromptDetails.CachedTokens < 512 {
		t.Errorf("the document was forgotten: %+v", res.Usage)
	}
}

// TestMemory: the device never holds more than what was stated, idle
// conversations go oldest first, and what cannot fit is refused.
func TestMemory(t *testing.T) {
	m, dev := load(t)
	held, _ := dev.bytes()
	cfg, _ := m.Apply(nil)
	// Two conversations of up to 1024 tokens fit, or one of 2048.
	one := m.Engine.Memory(1024, cfg)
	bound := 2*(one.Total()-one.Weights) + one.Cache/2
	p := newPool(t, pool.Config{Model: m, Memory: bound})
	var text [3]string
	for i := range text {
		text[i] = fmt.Sprintf("Story %d. ", i) + document(60)
		said(t, p, ask(text[i], fox))
		if s := p.Stats(); s.Sessions > 2 || s.Bytes > bound {
			t.Errorf("%+v, the bound is %d bytes", s, bound)
		}
	}
	if _, res := said(t, p, ask(text[1], age)); res.Usage.PromptDetails.CachedTokens == 0 {
		t.Error("the second oldest conversation was forgotten though there was room for two")
	}
	if _, res := said(t, p, ask(text[0], age)); res.Usage.PromptDetails.CachedTokens != 0 {
		t.Error("the oldest conversation was kept: three are in the room of two")
	}
	said(t, p, ask(document(190), fox)) // takes 2048 rows
	if s := p.Stats(); s.Sessions != 1 {
		t.Errorf("%+v, expected the long conversation alone", s)
	}
	if _, peak := dev.bytes(); peak-held > bound {
		t.Errorf("%d bytes at the peak, the bound is %d", peak-held, bound)
	}

	var e *openai.Error
	_, err := p.Complete(context.Background(), ask(document(1000), fox), nil)
	if !errors.As(err, &e) || e.Status != http.StatusBadRequest || e.Code != "context_length_exceeded" {
		t.Errorf("a conversation beyond the bound: %v", err)
	}
	dense := ask(document(60), fox)
	huge := 1 << 20
	dense.Selection = &trace.Selection{Chunk: &huge}
	if _, err = p.Complete(context.Background(), dense, nil); !errors.As(err, &e) || e.Param != "selection" || e.Status != http.StatusBadRequest {
		t.Errorf("budgets beyond the bound: %v", err)
	}
	p.Close()
	if now, _ := dev.bytes(); now != held {
		t.Errorf("%d bytes are left after the pool was closed", now-held)
	}
	if _, err := p.Complete(context.Background(), dense, nil); !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable {
		t.Errorf("a closed pool: %v", err)
	}
}
