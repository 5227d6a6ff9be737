package machine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tokenselect/engine/gpu"
)

// attempt is one to open a device again.
type attempt struct {
	began time.Time
	done  chan struct{} // is closed when e and err are set
	e     *engine
	err   error
}

// use is the engine that works. Where there is none, a device is opened; one
// goroutine at a time does that, the others wait for what comes of it. When it
// has failed, it is left for a while.
func (m *Machine) use(ctx context.Context) (*engine, error) {
	m.mu.Lock()
	switch {
	case m.closed:
		m.mu.Unlock()
		return nil, errClosed
	case m.now != nil:
		defer m.mu.Unlock()
		return m.now, nil
	case m.attempt == nil && time.Since(m.tried) < m.Pause:
		defer m.mu.Unlock()
		return nil, m.why
	case m.attempt == nil:
		m.begin()
	}
	a, why := m.attempt, m.why
	m.mu.Unlock()
	late := time.NewTimer(max(0, m.Limit-time.Since(a.began)))
	defer late.Stop()
	select {
	case <-a.done:
		return a.e, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-late.C: // a driver may hang before there is a device to guard
		return nil, fmt.Errorf("%w; opening a device again has taken more than %v", why, m.Limit)
	}
}

// begin starts an attempt. It does not end with the request that asked for it.
// The caller holds mu.
func (m *Machine) begin() {
	a := &attempt{began: time.Now(), done: make(chan struct{})}
	m.attempt = a
	if m.anew {
		m.open, m.anew = nil, false
	}
	go func() {
		defer close(a.done)
		a.e, a.err = m.place(m.ctx)
		m.settle(a)
	}()
}

// settle has the server go on with what came of an attempt.
func (m *Machine) settle(a *attempt) {
	m.mu.Lock()
	m.attempt = nil
	e := a.e
	switch {
	case m.closed || e != nil && e.lost:
		if a.e, a.err = nil, errClosed; !m.closed {
			a.err = fmt.Errorf("%s was lost as soon as it was opened", e.info.Name)
			m.anew = !m.Auto
			m.failed(a)
		}
		m.mu.Unlock()
		if e != nil {
			e.close()
		}
		return
	case e == nil:
		said := m.said
		m.failed(a)
		news := m.said
		m.mu.Unlock()
		if news != said {
			m.Log(news)
		}
		return
	}
	m.now, m.why, m.again, m.said = e, nil, true, ""
	m.mu.Unlock()
	if e.why == "" {
		m.Log(fmt.Sprintf("going on with %s", e.info.Name))
	} else {
		m.Log(fmt.Sprintf("going on with %s (%s)", e.info.Name, e.why))
	}
}

// failed notes an attempt that failed. The caller holds mu.
func (m *Machine) failed(a *attempt) {
	m.tried = time.Now()
	a.err = fmt.Errorf("%s was lost, and no device can be opened: %s", m.lost, oneLine(a.err))
	m.why, m.said = a.err, a.err.Error()
}

// place starts an engine on the next device that takes the model.
func (m *Machine) place(ctx context.Context) (*engine, error) {
	var failure error
	for {
		if m.open == nil {
			open, err := m.Devices()
			if err != nil {
				return nil, err
			}
			m.open = open
		}
		dev, why, err := m.open()
		if err != nil {
			m.open = nil
			return nil, errors.Join(failure, err) // none is left
		}
		info := dev.Info()
		if failure != nil {
			m.Log(fmt.Sprintf("%s; going on with %s", oneLine(failure), info.Name))
		}
		m.mu.Lock()
		if m.lost != "" && m.lost != info.Name {
			why = join(m.lost+" was lost", why)
		}
		m.mu.Unlock()
		e, err := m.start(ctx, dev, why)
		if err == nil {
			return e, nil
		}
		if !m.Auto || !gpu.Failed(err) || ctx.Err() != nil {
			m.open = nil
			return nil, errors.Join(failure, err)
		}
		failure = err
	}
}

// join is two reasons as one, either of which may be empty.
func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + "; " + b
}

// lose gives an engine up whose device is gone. It is called from within a call
// of that device.
func (m *Machine) lose(e *engine, f *gpu.Failure) {
	m.mu.Lock()
	e.lost = true
	if m.now != e { // it was being started, or is being closed
		m.mu.Unlock()
		return
	}
	m.now, m.why = nil, errors.New(oneLine(f))
	// A device that is lost again soon would be so once more, and a driver that
	// is stuck is not to be touched before the program ends: auto goes on with
	// what comes after it.
	soon := m.again && time.Since(e.since) < m.Soon
	m.anew = !m.Auto || !soon && !errors.Is(f, gpu.ErrHang)
	if soon && !m.Auto && time.Since(e.since) < m.Pause {
		m.tried = time.Now()
	}
	m.lost = e.info.Name
	counted := m.counted
	m.retiring.Go(e.close)
	m.mu.Unlock()
	counted()
	m.Log(oneLine(f))
}
