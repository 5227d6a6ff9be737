package machine

import (
	"context"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/local"
	"tokenselect/cmd/tokenselect/internal/server/pool"
	"tokenselect/engine/gpu"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
)

// engine is a device with all that is on it. It is given up as a whole.
type engine struct {
	info   gpu.Info
	why    string
	models *local.Models
	first  session.Loaded // what the API answers with
	pool   *pool.Pool     // nil until the API is served
	since  time.Time
	lost   bool // guarded by Machine.mu
}

// start puts the first model on a device, which is closed with the engine, or
// with an error.
func (m *Machine) start(ctx context.Context, dev gpu.Device, why string) (*engine, error) {
	e := &engine{info: dev.Info(), why: why, since: time.Now()}
	w := &watched{Device: dev, lost: func(f *gpu.Failure) { m.lose(e, f) }}
	e.models = local.New(w, why, m.KV, m.Catalog)
	var err error
	e.first, err = e.models.Load(ctx, trace.Command{Type: trace.Load}, func(string, int64, int64) {})
	if err == nil {
		m.mu.Lock()
		api := m.api
		m.mu.Unlock()
		if api != nil {
			err = e.serve(*api)
		}
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// serve makes the pool of the API.
func (e *engine) serve(c pool.Config) error {
	c.Model = e.first.Model
	var err error
	e.pool, err = pool.New(c)
	return err
}

// close frees what is on the device once nobody uses it any more, then closes
// the device.
func (e *engine) close() {
	if e.pool != nil {
		e.pool.Close()
	}
	if e.first.Release != nil {
		e.first.Release()
	}
	e.models.Close() // what is in use is freed by who uses it
}
