package chat

import "errors"

// run cannot run templates: the engine for browsers has no library for it.
func (f *Format) run(Compiler) error { return errors.New("chat templates cannot be run here") }
