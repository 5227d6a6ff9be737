package budget_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"tokenselect/cmd/tokenselect/internal/server/budget"
)

func TestBudget(t *testing.T) {
	if _, err := budget.New(0); err == nil {
		t.Error("a budget of nothing was taken")
	}
	b, err := budget.New(100)
	if err != nil {
		t.Fatal(err)
	}
	var evicted []string
	busy := map[string]bool{}
	tenants := map[string]*budget.Tenant{}
	reserve := func(name string, bytes int64) (func(), error) {
		if tenants[name] == nil {
			tenants[name] = b.Tenant()
		}
		return tenants[name].Reserve(bytes, func() bool {
			if busy[name] {
				return false
			}
			evicted = append(evicted, name)
			return true
		})
	}
	must := func(name string, bytes int64) func() {
		t.Helper()
		release, err := reserve(name, bytes)
		if err != nil {
			t.Fatal(err)
		}
		return release
	}
	taken := func(want int64, gone ...string) {
		t.Helper()
		if got, limit := b.Stats(); got != want || limit != 100 || !slices.Equal(evicted, gone) {
			t.Errorf("%d of %d taken, %v evicted; expected %d and %v", got, limit, evicted, want, gone)
		}
		evicted = nil
	}
	endA := must("a", 40)
	must("b", 30)
	must("c", 30)
	taken(100)
	tenants["a"].Touch()
	must("d", 20) // b is the one who was idle for longest
	taken(90, "b")
	busy["c"] = true
	must("e", 20) // c is at work
	taken(70, "a")
	endA() // was evicted: nothing to give back
	taken(70)
	busy["d"], busy["e"] = true, true
	if _, err := reserve("f", 31); !errors.Is(err, budget.ErrTaken) || !strings.Contains(err.Error(), "free") {
		t.Errorf("too much: %v", err)
	}
	if _, err := reserve("f", 101); !errors.Is(err, budget.ErrLarge) {
		t.Errorf("more than there is: %v", err)
	}
	if _, err := reserve("f", -1); err == nil {
		t.Error("less than nothing was taken")
	}
	taken(70)
	endF := must("f", 30)
	taken(100)
	endF()
	endF()
	taken(70)
}

// TestWait: who is in the way of others is waited for, until it is idle or gone,
// and nobody else.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := budget.New(100)
		if err != nil {
			t.Fatal(err)
		}
		busy := true
		release, err := b.Tenant().Reserve(80, func() bool { return !busy })
		if err != nil {
			t.Fatal(err)
		}
		wait := func(ctx context.Context, bytes int64) (came chan error) {
			came = make(chan error, 1)
			go func() {
				_, err := b.Tenant().Wait(ctx, bytes, func() bool { return false })
				came <- err
			}()
			synctest.Wait()
			return came
		}
		ctx, cancel := context.WithCancel(t.Context())
		impatient, first, second := wait(ctx, 30), wait(t.Context(), 30), wait(t.Context(), 60)
		b.Idle() // of somebody else
		synctest.Wait()
		if len(impatient)+len(first)+len(second) != 0 {
			t.Error("memory that is in use was given")
		}
		cancel()
		if err := <-impatient; !errors.Is(err, context.Canceled) {
			t.Errorf("%v, expected the end of its patience", err)
		}
		busy = false
		b.Idle()
		if err := errors.Join(<-first, <-second); err != nil {
			t.Error(err)
		}
		release() // was evicted: nothing to give back
		if taken, _ := b.Stats(); taken != 90 {
			t.Errorf("%d taken, expected 90", taken)
		}
		if err := <-wait(t.Context(), 101); !errors.Is(err, budget.ErrLarge) {
			t.Errorf("more than there is: %v", err)
		}
		gone, err := b.Tenant().Reserve(10, func() bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		third := wait(t.Context(), 10)
		if len(third) != 0 {
			t.Error("memory that is in use was given")
		}
		gone()
		if err := <-third; err != nil {
			t.Error(err)
		}
	})
}
