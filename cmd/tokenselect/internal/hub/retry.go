package hub

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// retry is a row of attempts at one thing.
type retry struct {
	c      *Client
	failed int // attempts in a row
	say    func(string)
}

// again waits before the next attempt after err, or returns why there is none.
func (r *retry) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !temporary(err) {
		return err
	}
	t := r.c.Timing
	r.failed++
	if r.failed >= t.Attempts {
		return fmt.Errorf("%w (given up after %d attempts)", err, r.failed)
	}
	wait := min(t.Backoff<<(r.failed-1), t.Longest)
	var status *statusError
	if errors.As(err, &status) && status.after > 0 {
		if wait = status.after; wait > t.MostWait {
			return fmt.Errorf("%w (it asks to come back in %v)", err, wait)
		}
	}
	r.say(fmt.Sprintf("%v; trying again in %v", err, wait))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// worked starts the row anew.
func (r *retry) worked() { r.failed = 0 }
