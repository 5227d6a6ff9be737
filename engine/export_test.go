package engine

import "time"

// SetBurst changes how long tokens may be held back, until the function that it
// returns is called.
func SetBurst(d time.Duration) func() {
	was := burst
	burst = d
	return func() { burst = was }
}
