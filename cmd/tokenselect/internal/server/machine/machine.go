// Package machine computes a server's answers on this machine: for pages and for
// OpenAI's API, with models on one device. When that device is lost or hangs, the
// next command or request that needs one opens a device again, and what is asked
// from then on is answered there.
package machine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/cmd/tokenselect/internal/server/local"
	"tokenselect/cmd/tokenselect/internal/server/pool"
	"tokenselect/engine/gpu"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
)

// Open opens the next device and says in words why it was taken. An error says
// that none is left.
type Open func() (dev gpu.Device, why string, err error)

// Config is what a machine computes with. Zero durations are the defaults that
// are named.
type Config struct {
	// Devices begins anew with the devices that may be used, the best first.
	// Their failures must be gpu.Failures: gpu.Guard.
	Devices func() (Open, error)

	// Auto: where a device fails, the next may be taken. Else the first is the
	// only one, and is opened anew.
	Auto bool

	Catalog *catalog.Catalog
	KV      string       // how keys and values are stored where a client does not say
	Log     func(string) // is told what became of devices

	Pause time.Duration // between two attempts to open a device when one has failed; 5 s
	Soon  time.Duration // in which the same device must not be lost twice: the next is taken then; 10 min
	Limit time.Duration // for which a request waits for a device to be opened; gpu.Patience
}

// Machine is safe for concurrent use.
type Machine struct {
	Config
	name string // of the model that the API answers with

	ctx    context.Context // of attempts
	cancel context.CancelFunc
	open   Open // goes on where the last attempt ended; nil: the first device is next. Of the attempt that runs.

	mu       sync.Mutex // is never held during a call of a device
	now      *engine    // nil: no device works
	why      error      // then, in one line
	again    bool       // now was opened after a loss
	anew     bool       // the next attempt begins with the first device
	lost     string     // name of the device that was lost last
	attempt  *attempt   // that runs, or nil
	tried    time.Time  // when the last one failed
	said     string     // the last failure in the log
	api      *pool.Config
	counted  func()
	closed   bool
	retiring sync.WaitGroup
}

// New opens the first device that takes the first model of the catalogue.
func New(ctx context.Context, c Config) (*Machine, error) {
	for _, d := range []struct {
		to *time.Duration
		or time.Duration
	}{{&c.Pause, 5 * time.Second}, {&c.Soon, 10 * time.Minute}, {&c.Limit, gpu.Patience}} {
		if *d.to == 0 {
			*d.to = d.or
		}
	}
	m := &Machine{Config: c, counted: func() {}}
	var err error
	if m.name, err = c.Catalog.Name(""); err != nil {
		return nil, err
	}
	if m.now, err = m.place(ctx); err != nil {
		return nil, err
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m, nil
}

// Device is what is computed on and why, as it was first.
func (m *Machine) Device() (info gpu.Info, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil {
		return gpu.Info{}, ""
	}
	return m.now.info, m.now.why
}

// Load answers the command load of a page.
func (m *Machine) Load(ctx context.Context, c trace.Command, progress func(phase string, done, total int64)) (session.Loaded, error) {
	for last := false; ; last = true {
		e, err := m.use(ctx)
		if err != nil {
			if ctx.Err() == nil {
				err = session.Coded(trace.DeviceLost, err)
			}
			return session.Loaded{}, err
		}
		l, err := e.models.Load(ctx, c, progress)
		switch {
		case err == nil || !m.left(e):
			return l, err
		case last && errors.Is(err, local.ErrClosed):
			return l, session.Coded(trace.DeviceLost, err)
		case last:
			return l, err
		}
		// It was lost with this command, or found to be: nothing has come of it
		// yet that could not be done again.
	}
}

// left tells whether e is not the engine any more.
func (m *Machine) left(e *engine) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now != e
}

// Health is why nothing can be answered, in one line, or nil. It begins to open
// a device if that may be tried: who stays away from a server that is not well
// would not make it open one by asking.
func (m *Machine) Health() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now != nil {
		return nil
	}
	if !m.closed && m.attempt == nil && time.Since(m.tried) >= m.Pause {
		m.begin()
	}
	return m.why
}

// oneLine is the text of an error for places that have one line.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// Close frees everything, once nothing is answered any more. What a page still
// uses stays until it lets go of it.
func (m *Machine) Close() {
	m.mu.Lock()
	e, a := m.now, m.attempt
	m.now, m.why, m.closed = nil, errClosed, true
	m.mu.Unlock()
	m.cancel()
	if a != nil {
		select {
		case <-a.done:
		case <-time.After(farewell): // a driver that hangs keeps nobody from going
		}
	}
	if e != nil {
		e.close()
	}
	m.retiring.Wait()
}

// farewell is how long an attempt to open a device may delay the end.
const farewell = 5 * time.Second

var errClosed = errors.New("the server is shutting down")
