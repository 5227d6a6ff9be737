package gpu

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Clock is a Device that can measure what a recording takes on it.
type Clock interface {
	Device

	// Time runs r, which must not be empty and has no copies, and returns what
	// passed on the device between the start of its first command and the end of
	// its last. Clocks of browsers and of Dawn tick every tenth of a millisecond.
	// The error wraps errors.ErrUnsupported where the device has no clock.
	Time(ctx context.Context, r *Recording) (time.Duration, error)
}

// Time runs r on dev and returns what it took: by the device's clock, or where it has
// none, or r has copies, by this machine's, from the submit to the moment at which a
// word of done can be read.
func Time(ctx context.Context, dev Device, r *Recording, done *Buffer) (took time.Duration, byDevice bool, err error) {
	copies := slices.ContainsFunc(r.Commands(), func(c Command) bool { return c.Kernel == nil })
	if c, ok := dev.(Clock); ok && !copies {
		took, err = c.Time(ctx, r)
		if !errors.Is(err, errors.ErrUnsupported) {
			return took, true, err
		}
	}
	began := time.Now()
	if err := dev.Submit(r); err != nil {
		return 0, false, err
	}
	if err := dev.Read(ctx, done, 0, make([]byte, 4)); err != nil {
		return 0, false, err
	}
	return time.Since(began), false, nil
}
