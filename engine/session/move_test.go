package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/session"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// failing loads the model on a device that fails, and what Next opens in its
// place.
func failing(t *testing.T, dev *gputest.Failing) (m *session.Model, next func(error) (*session.Model, error), failures *[]error) {
	t.Helper()
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	dev.Device = cpudev.New(cpudev.Options{})
	guarded := gpu.Guard(dev, 0)
	t.Cleanup(guarded.Close)
	if m, err = session.Load(guarded, ckpt, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	failures = new([]error)
	return m, func(failure error) (*session.Model, error) {
		*failures = append(*failures, failure)
		second, _ := load(t)
		return second, nil
	}, failures
}

// chat asks the questions and returns the answers, what was emitted for each, and
// the conversation.
func chat(t *testing.T, m *session.Model, o session.Options, questions []string) (answers []session.Answer, said []string, c *session.Conversation) {
	t.Helper()
	c, err := m.NewConversation(strings.Repeat("It was a plain day. ", 50)+people, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for _, q := range questions {
		var b strings.Builder
		a, err := c.Ask(context.Background(), q, func(piece string) error {
			b.WriteString(piece)
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		answers, said = append(answers, a), append(said, b.String())
	}
	return answers, said, c
}

// TestMove: a device that fails anywhere in a conversation is replaced, and
// nobody can tell from the answers.
func TestMove(t *testing.T) {
	questions := []string{"Which animal does Ada Dixon keep?", "How old is Felix Ellis?"}
	errs := []error{gpu.ErrDeviceLost, gpu.ErrOutOfMemory, errors.New("nobody knows why")}
	for _, temperature := range []float64{0, 1.5} {
		opt := options()
		opt.Selection.K, opt.Selection.NLocal, opt.Selection.Chunk = 64, 32, 64
		opt.Sample.Temperature, opt.Sample.Seed, opt.Sample.Penalty = temperature, 7, 1.1
		calm := &gputest.Failing{}
		m, _, _ := failing(t, calm)
		loaded := [4]int{calm.Calls(gputest.NewBuffer), calm.Calls(gputest.Write), calm.Calls(gputest.Submit), calm.Calls(gputest.Read)}
		want, wantSaid, _ := chat(t, m, opt, questions)
		for call, name := range []string{"NewBuffer", "Write", "Submit", "Read"} {
			// Among what the two questions do: at once, in between, at the end. The
			// last read is of the hits, which are told if they are there.
			last := calm.Calls(gputest.Call(call)) - 1
			if gputest.Call(call) == gputest.Read {
				last--
			}
			for i, share := range []float64{0, 0.5, 1} {
				err := errs[(call+i)%len(errs)]
				after := loaded[call] + int(share*float64(last-loaded[call]))
				t.Run(fmt.Sprintf("temperature %g, %s %d, %v", temperature, name, after, err), func(t *testing.T) {
					dev := &gputest.Failing{Call: gputest.Call(call), After: after, Err: err}
					m, next, failures := failing(t, dev)
					with := opt
					with.Next = next
					got, said, c := chat(t, m, with, questions)
					var f *gpu.Failure
					if len(*failures) != 1 || !errors.As((*failures)[0], &f) || !errors.Is(f, err) {
						t.Fatalf("failures %v, expected one of %v", *failures, err)
					}
					for i := range want {
						if !slices.Equal(got[i].IDs, want[i].IDs) || got[i].Text != want[i].Text || said[i] != wantSaid[i] {
							t.Errorf("answer %d: %q, said %q, expected %q", i, got[i].Text, said[i], want[i].Text)
						}
					}
					c.Close()
					m.Close()
					if n := dev.Buffers(); n != 0 {
						t.Errorf("%d buffers left on the device that failed", n)
					}
				})
			}
		}
	}
}

// TestMoveNowhere: without another device the failure comes back, with the
// reason why there is none.
func TestMoveNowhere(t *testing.T) {
	dev := &gputest.Failing{Call: gputest.Submit, After: 4, Err: gpu.ErrDeviceLost}
	m, _, _ := failing(t, dev)
	o := options()
	none := errors.New("no other device")
	o.Next = func(error) (*session.Model, error) { return nil, none }
	c, err := m.NewConversation(strings.Repeat("It was a plain day. ", 50)+people, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Ask(context.Background(), "How old is Felix Ellis?", nil); !errors.Is(err, gpu.ErrDeviceLost) || !errors.Is(err, none) {
		t.Errorf("%v, expected the loss and why there is no other device", err)
	}
}
