//go:build (darwin || linux || windows) && (amd64 || arm64)

package dawn

// cCall is a call of a C function with six words at most and no result.
type cCall struct {
	f    uintptr
	args [6]uintptr
}

// callAll makes calls in order.
func callAll(list []cCall) {
	for i := range list {
		c := &list[i]
		call(c.f, c.args[:]...)
	}
}
