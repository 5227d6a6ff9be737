package gpu_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
)

func TestGuardNames(t *testing.T) {
	shader := &gpu.ShaderError{Kernel: "add", File: "shaders/add.wgsl", Line: 3, Message: "no"}
	for _, c := range []struct {
		err  error
		what string
		gone bool
	}{
		{gpu.ErrDeviceLost, "the device was lost", true},
		{gpu.ErrOutOfMemory, "out of memory", false},
		{gpu.ErrLimit, "a limit was exceeded", false},
		{shader, "a kernel was refused", false},
		{errors.New("nobody knows"), "an error", false},
	} {
		dev := gpu.Guard(&gputest.Failing{Device: cpudev.New(cpudev.Options{}), Call: gputest.NewBuffer, After: 1, Err: c.err}, 0)
		b, err := dev.NewBuffer("first", 8)
		if err != nil {
			t.Fatal(err)
		}
		_, err = dev.NewBuffer("second", 8)
		var f *gpu.Failure
		if !errors.As(err, &f) || !errors.Is(err, c.err) {
			t.Fatalf("%v: %v, expected a Failure that wraps it", c.err, err)
		}
		for _, part := range []string{"cpu", c.what, "making second of 8 bytes", c.err.Error(), f.Advice()} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v lacks %q", err, part)
			}
		}
		if f.Gone() != c.gone {
			t.Errorf("%v: gone %v, expected %v", c.err, f.Gone(), c.gone)
		}
		// What was lost stays lost, everything else can be used again.
		if err := dev.Write(b, 0, make([]byte, 8)); (err != nil) != c.gone {
			t.Errorf("a write after %v: %v", c.err, err)
		}
		dev.Close()
	}
}

func TestGuardHang(t *testing.T) {
	hang := make(chan struct{})
	inner := &gputest.Failing{Device: cpudev.New(cpudev.Options{}), Call: gputest.Read, Err: errors.New("came back late"), Hang: hang}
	dev := gpu.Guard(inner, 20*time.Millisecond)
	b, err := dev.NewBuffer("b", 4)
	if err != nil {
		t.Fatal(err)
	}
	got := []byte{1, 2, 3, 4}
	if err := dev.Read(context.Background(), b, 0, got); !errors.Is(err, gpu.ErrHang) {
		t.Fatalf("a read that hangs: %v", err)
	}
	var f *gpu.Failure
	if err := dev.Submit(&gpu.Recording{}); !errors.As(err, &f) || !f.Gone() {
		t.Errorf("a submit after a hang: %v", err)
	}
	dev.Free(b)
	if inner.Buffers() != 1 {
		t.Error("a device that hangs was asked to free")
	}
	dev.Close()
	close(hang)
	if string(got) != "\x01\x02\x03\x04" {
		t.Errorf("the caller's bytes are %v", got)
	}
}

func TestGuardPasses(t *testing.T) {
	dev := gpu.Guard(cpudev.New(cpudev.Options{}), time.Minute)
	defer dev.Close()
	b, err := dev.NewBuffer("b", 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Write(b, 0, []byte{5, 6, 7, 8}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if err := dev.Read(context.Background(), b, 0, got); err != nil || got[3] != 8 {
		t.Fatalf("%v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var f *gpu.Failure
	if err := dev.Read(ctx, b, 0, got); !errors.Is(err, context.Canceled) || errors.As(err, &f) {
		t.Errorf("a cancelled read: %v, expected the context's error alone", err)
	}
	var r gpu.Recording
	sticky := errors.New("sticky")
	r.Fail(sticky)
	if err := dev.Submit(&r); err != sticky {
		t.Errorf("a recording that failed: %v", err)
	}
}
