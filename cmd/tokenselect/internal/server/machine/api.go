package machine

import (
	"context"
	"errors"
	"net/http"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/pool"
)

// api is the machine as programs see it.
type api struct {
	*Machine
	made []openai.Model // the list, as it was first
}

// API serves programs with a pool of conversations, on this device and on those
// that are opened after it; what had been read of them is gone with each. Lost
// is called each time that a device is lost. To be called once, before anything
// is asked.
func (m *Machine) API(c pool.Config, lost func()) (openai.Backend, error) {
	c.Name = m.name
	m.mu.Lock()
	e := m.now
	m.api, m.counted = &c, lost
	m.mu.Unlock()
	if e == nil {
		return nil, m.why
	}
	if err := e.serve(c); err != nil {
		return nil, err
	}
	list, err := e.pool.Models(context.Background())
	return &api{m, list}, err
}

// Models is the one model. It is there, only not at once, where no device works.
func (a *api) Models(ctx context.Context) ([]openai.Model, error) {
	a.mu.Lock()
	e := a.now
	a.mu.Unlock()
	if e == nil {
		return a.made, nil
	}
	return e.pool.Models(ctx)
}

// Complete answers a conversation. A request that waits while the device is lost
// goes to the next one; one that is being answered fails.
func (a *api) Complete(ctx context.Context, r openai.Request, emit func(openai.Delta) error) (openai.Result, error) {
	for {
		e, err := a.use(ctx)
		if err != nil {
			return openai.Result{}, a.told(ctx, err)
		}
		res, err := e.pool.Complete(ctx, r, emit)
		if errors.Is(err, pool.ErrGone) && a.left(e) && ctx.Err() == nil {
			continue
		}
		var known *openai.Error
		if errors.As(err, &known) && known.Code == pool.DeviceLost {
			once := *known
			once.Cause = nil // which the log has, of all who were being answered
			err = &once
		}
		return res, err
	}
}

// told is why there is no engine, as a program is told.
func (a *api) told(ctx context.Context, err error) error {
	e := &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.Overloaded, Code: pool.DeviceLost, Message: err.Error(), RetryAfter: a.Pause}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errClosed):
		e.Code = "shutting_down"
	}
	return e
}
