//go:build windows && (amd64 || arm64) && !nodawn

package dawn

// callAll makes calls in order.
func callAll(list []cCall) {
	for i := range list {
		c := &list[i]
		call(c.f, c.args[:]...)
	}
}
