// Package local runs the models of a server on one of its devices, each loaded
// once for all who use it.
package local

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
)

// Models are the models on a device. It is safe for concurrent use.
type Models struct {
	dev     gpu.Device
	why     string
	kv      string
	catalog *catalog.Catalog

	mu     sync.Mutex // of one load at a time, too
	loaded map[key]*shared
	closed bool
}

// ErrClosed is why a model is not given after Close.
var ErrClosed = errors.New("local: the models have been closed")

// key is what two clients must agree on to share a model.
type key struct{ name, kv string }

type shared struct {
	model *session.Model
	rate  float64
	users int
}

// New makes the models of a catalogue available on dev, which Close closes. Why
// says why this device was taken; kv is how keys and values are stored where a
// client does not say: "f16", "f32" or "", the device's own.
func New(dev gpu.Device, why, kv string, c *catalog.Catalog) *Models {
	return &Models{dev: gpu.Share(dev), why: why, kv: kv, catalog: c, loaded: map[key]*shared{}}
}

// Load answers a client's command load.
func (m *Models) Load(ctx context.Context, c trace.Command, progress func(phase string, done, total int64)) (session.Loaded, error) {
	name, err := m.catalog.Name(c.Model)
	if err != nil {
		return session.Loaded{}, session.Coded(trace.BadModel, fmt.Errorf("load: %w", err))
	}
	kv := c.KV
	if kv == "" {
		kv = m.kv
	}
	if kv != "" && kv != "f16" && kv != "f32" {
		return session.Loaded{}, session.Coded(trace.BadCommand, fmt.Errorf("load: kv is %.40q, expected f16 or f32", kv))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return session.Loaded{}, ErrClosed
	}
	k := key{name, kv}
	s := m.loaded[k]
	if s == nil {
		progress("upload", 0, 1)
		if s, err = m.load(ctx, k); err != nil {
			return session.Loaded{}, err
		}
		progress("upload", 1, 1)
	}
	s.users++
	var once sync.Once
	return session.Loaded{
		Model: s.model,
		Info:  trace.Info{Why: m.why, Rate: s.rate},
		Release: func() {
			once.Do(func() {
				m.mu.Lock()
				defer m.mu.Unlock()
				s.users--
				if m.closed {
					m.settle()
				}
			})
		},
	}, nil
}

// load puts a model on the device. One that nobody uses makes room for it. The
// caller holds mu.
func (m *Models) load(ctx context.Context, k key) (*shared, error) {
	m.freeUnused()
	_, ckpt, err := m.catalog.Open(k.name)
	if err != nil {
		return nil, session.Coded(trace.BadModel, err)
	}
	defer ckpt.Close()
	model, err := session.Load(m.dev, ckpt, engine.Options{Cache: k.kv})
	if err != nil {
		return nil, err
	}
	rate, err := model.Warm(ctx)
	if err != nil {
		model.Close()
		return nil, err
	}
	s := &shared{model: model, rate: rate}
	m.loaded[k] = s
	return s, nil
}

// freeUnused frees the models that nobody uses.
func (m *Models) freeUnused() {
	for k, s := range m.loaded {
		if s.users == 0 {
			s.model.Close()
			delete(m.loaded, k)
		}
	}
}

// settle frees what nobody uses any more, the device last.
func (m *Models) settle() {
	m.freeUnused()
	if len(m.loaded) == 0 {
		m.dev.Close()
	}
}

// Close frees the models, each as soon as nobody uses it any more, and closes
// the device after the last of them. Nothing is loaded any more. An error says
// that models are still in use.
func (m *Models) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.settle()
	if len(m.loaded) > 0 {
		return errors.New("local: models are still in use")
	}
	return nil
}
