package session_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
)

// TestShared: conversations of one model on a shared device, each in its own
// goroutine, answer as each does alone.
func TestShared(t *testing.T) {
	inner := cpudev.New(cpudev.Options{})
	dev := gpu.Share(inner)
	m := loadOn(t, dev)
	held := inner.Buffers()
	visit := func(i int) string {
		c, err := m.NewConversation(strings.Repeat(plain, 120+60*i)+people, options())
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		said := ""
		for _, q := range []string{"Which animal does Ada Dixon keep?", "How old is Felix Ellis?"} {
			a, err := c.Ask(context.Background(), q, nil)
			if err != nil {
				return err.Error()
			}
			said += a.Text + "|"
		}
		return said
	}
	const clients = 4
	var alone, together [clients]string
	for i := range alone {
		alone[i] = visit(i)
	}
	var all sync.WaitGroup
	for i := range together {
		all.Go(func() { together[i] = visit(i) })
	}
	all.Wait()
	if alone != together || !strings.Contains(alone[0], "fox") {
		t.Errorf("alone %q, together %q", alone, together)
	}
	if inner.Buffers() != held {
		t.Errorf("%d buffers left, %d before", inner.Buffers(), held)
	}
}
