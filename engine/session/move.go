package session

import (
	"context"
	"errors"
)

// turn is a prompt and the tokens of its answer that became part of the text.
type turn struct{ prompt, answer []int }

func (t turn) len() int { return len(t.prompt) + len(t.answer) }

// held is the number of tokens of all turns.
func (c *Conversation) held() int {
	n := 0
	for _, t := range c.turns {
		n += t.len()
	}
	return n
}

// leave gives up what is on the device. The turns are kept, to be restored.
func (c *Conversation) leave() {
	if c.s != nil {
		c.s.Close()
		c.s = nil
	}
	c.pending = nil
}

// restore reads all turns into an empty session, as they were read and answered
// once: prompts in chunks, answers token by token, so that every selection is
// made for the same queries. Ids is the length of the prompt that follows.
func (c *Conversation) restore(ctx context.Context, ids int, l Listener) error {
	if c.s.Len() > 0 || len(c.turns) == 0 {
		return nil
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	done, total := 0, c.held()+ids
	tell := func(n int) {
		if l.Prefill != nil {
			if err := l.Prefill(done+n, total); err != nil {
				stop(err)
			}
		}
	}
	replay := func() error {
		for _, t := range c.turns {
			if err := c.s.Prefill(ctx, t.prompt, tell); err != nil {
				return err
			}
			for i := range t.answer {
				if err := c.s.Prefill(ctx, t.answer[i:i+1], nil); err != nil {
					return err
				}
			}
			done += t.len()
		}
		return nil
	}
	err := replay()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(err, c.s.Truncate(0))
}
