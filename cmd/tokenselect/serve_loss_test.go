//go:build !js

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
)

// TestServeGoesOn: a server that loses its device opens it again, and the next
// one where it is lost again or does not open; one that was named is opened anew.
func TestServeGoesOn(t *testing.T) {
	calm := &gputest.Failing{}
	var dev func(opened int) *gputest.Failing
	opened := 0
	with(t, fake([]gpu.Kind{gpu.Discrete}, func(int) (gpu.Device, error) {
		opened++
		f := dev(opened)
		if f == nil {
			return nil, gpu.ErrNoAdapter
		}
		f.Device = posing{cpudev.New(cpudev.Options{}), info("Glass GPU", gpu.Discrete)}
		return f, nil
	}))
	dev = func(int) *gputest.Failing { return calm }
	_, url, stop := serving(t, "-device", "fake", "-kv", "f32")
	if status, body := complete(t, http.DefaultClient, url, ""); status != 200 || !strings.Contains(body, "fox") {
		t.Fatalf("on a device that does not fail: %d %s", status, body)
	}
	stop()
	lost := func() *gputest.Failing {
		return &gputest.Failing{Call: gputest.Submit, After: calm.Calls(gputest.Submit) * 2 / 3, Err: gpu.ErrDeviceLost}
	}
	for _, c := range []struct {
		name, device string
		devices      []*gputest.Failing // as it is opened; then a sound one
		losses       int
		goesOn       string
	}{
		{"named", "fake", []*gputest.Failing{lost()}, 1, "going on with Glass GPU (asked for)"},
		{"auto", "auto", []*gputest.Failing{lost()}, 1, "going on with Glass GPU (a discrete GPU)"},
		{"auto, twice", "auto", []*gputest.Failing{lost(), lost()}, 2, "(Glass GPU was lost"},
		{"auto, not there again", "auto", []*gputest.Failing{lost(), nil}, 1, "(Glass GPU was lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opened = 0
			dev = func(n int) *gputest.Failing {
				if n <= len(c.devices) {
					return c.devices[n-1]
				}
				return &gputest.Failing{}
			}
			said, url, stop := serving(t, "-device", c.device, "-kv", "f32")
			for range c.losses {
				if status, body := complete(t, http.DefaultClient, url, ""); status != 503 || !strings.Contains(body, "device_lost") {
					t.Errorf("%d %s, expected device_lost", status, body)
				}
			}
			if status, body := complete(t, http.DefaultClient, url, ""); status != 200 || !strings.Contains(body, "fox") {
				t.Errorf("%d %s after the loss", status, body)
			}
			_, _, metrics := fetched(t, url+"metrics")
			if want := fmt.Sprintf("\ntokenselect_device_losses_total %d\n", c.losses); !strings.Contains(metrics, want) {
				t.Errorf("metrics lack %q: %s", want, metrics)
			}
			stop()
			if log := said.String(); strings.Count(log, "the device was lost while") != c.losses || strings.Count(log, "going on with") != c.losses || !strings.Contains(log, c.goesOn) {
				t.Errorf("it says %s, expected %d losses and %q", log, c.losses, c.goesOn)
			}
			for _, f := range c.devices {
				if f != nil && (!f.Failed() || f.Buffers() != 0) {
					t.Errorf("failed %v, %d buffers left", f.Failed(), f.Buffers())
				}
			}
		})
	}
}
