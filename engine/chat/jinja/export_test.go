//go:build !js

package jinja

import (
	"testing"
	"time"
)

// Hurry makes templates end within d.
func Hurry(t *testing.T, d time.Duration) {
	before := patience
	patience = d
	t.Cleanup(func() { patience = before })
}

var (
	Strftime  = strftime
	Rewritten = rewritten
)
