package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
)

// posing is a device that passes for another kind.
type posing struct {
	gpu.Device
	info gpu.Info
}

func (p posing) Info() gpu.Info { return p.info }

func info(name string, kind gpu.Kind) gpu.Info {
	return gpu.Info{Device: "fake", Name: name, Kind: kind, Backend: "Go", Limits: gpu.Limits{Buffer: 1 << 30, Binding: 1 << 30, Shared: 1 << 15}}
}

// with puts a source in front of the CPU device for one test.
func with(t *testing.T, s source) {
	t.Helper()
	before := sources
	t.Cleanup(func() { sources = before })
	sources = []source{s, cpuSource}
}

// fake is a source of devices that fail.
func fake(kinds []gpu.Kind, open func(i int) (gpu.Device, error)) source {
	return source{
		name: "fake", help: "for tests",
		list: func(*deviceFlags) ([]adapter, error) {
			var list []adapter
			for _, k := range kinds {
				list = append(list, adapter{info: info("a "+string(k), k)})
			}
			return list, nil
		},
		open: func(_ *deviceFlags, i int) (gpu.Device, error) { return open(max(i, 0)) },
	}
}

func TestAutoOrder(t *testing.T) {
	kinds := []gpu.Kind{gpu.Software, gpu.Virtual, gpu.Integrated, gpu.Discrete, gpu.Unknown, gpu.Discrete}
	var opened []int
	with(t, fake(kinds, func(i int) (gpu.Device, error) {
		opened = append(opened, i)
		return nil, errors.New("broken")
	}))
	dev, why, err := (&deviceFlags{name: "auto"}).open()
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	if !slices.Equal(opened, []int{3, 5, 2, 1}) {
		t.Errorf("tried %v, expected discrete, integrated and virtual GPUs in this order and no other", opened)
	}
	if dev.Info().Device != "cpu" || !strings.Contains(why, "a discrete GPU cannot be used: broken") {
		t.Errorf("%s because %q", dev.Info().Device, why)
	}
	if _, _, err := (&deviceFlags{name: "fake:4"}).open(); err == nil || opened[len(opened)-1] != 4 {
		t.Errorf("fake:4 opened %v, %v", opened, err)
	}
	var usage usageError
	for _, bad := range []string{"fake:x", "fake:-1", "tpu"} {
		if _, _, err := (&deviceFlags{name: bad}).open(); !errors.As(err, &usage) {
			t.Errorf("-device %s: %v, expected a usage error", bad, err)
		}
	}
}

func TestInfoLists(t *testing.T) {
	with(t, fake([]gpu.Kind{gpu.Software, gpu.Integrated}, func(int) (gpu.Device, error) { return nil, errors.New("not opened") }))
	r := tokenselect(t, "", false, "info")
	for _, want := range []string{"device fake:0", "device fake:1", "device cpu", "auto takes", "fake:1: an integrated GPU"} {
		if r.status != 0 || !strings.Contains(r.out, want) {
			t.Errorf("info lacks %q:\n%s%s", want, r.out, r.err)
		}
	}
}

// TestInfoFeatures: what -features leaves out is not listed.
func TestInfoFeatures(t *testing.T) {
	s := fake(nil, nil)
	s.list = func(*deviceFlags) ([]adapter, error) {
		i := info("a GPU", gpu.Discrete)
		i.Features = gpu.Features{Float16: true, PackedDot: true}
		return []adapter{{info: i}}, nil
	}
	with(t, s)
	for features, want := range map[string]string{"all": "shader-f16, packed_4x8_integer_dot_product", "none": "none", "shader-f16": "shader-f16"} {
		if r := tokenselect(t, "", false, "info", "-features", features); r.status != 0 || !strings.Contains(r.out, "beyond the baseline: "+want+"\n") {
			t.Errorf("-features %s: status %d, %s%s", features, r.status, r.out, r.err)
		}
	}
}

// TestRunGoesOn: auto leaves a device that fails, says so, and answers as if it
// had not been there.
func TestRunGoesOn(t *testing.T) {
	path := file(t, "d.txt", document)
	const question = "Which animal does Ada Dixon keep?"
	want := tokenselect(t, "", false, "run", "-device", "cpu", "-file", path, question)
	calm := &gputest.Failing{}
	var dev *gputest.Failing
	with(t, fake([]gpu.Kind{gpu.Discrete}, func(int) (gpu.Device, error) {
		dev.Device = posing{cpudev.New(cpudev.Options{}), info("Glass GPU", gpu.Discrete)}
		return dev, nil
	}))
	dev = calm
	if r := tokenselect(t, "", false, "run", "-kv", "f32", "-file", path, question); r.out != want.out || strings.Contains(r.err, "going on") {
		t.Fatalf("on a device that does not fail: %q, %q", r.out, r.err)
	}
	// How many submits a whole answer takes depends on how fast it goes; up to its
	// first tokens it does not.
	begin := &gputest.Failing{}
	dev = begin
	if r := tokenselect(t, "", false, "run", "-kv", "f32", "-max-tokens", "3", "-file", path, question); r.status != 0 {
		t.Fatalf("three tokens: %s", r.err)
	}
	for _, c := range []struct {
		name  string
		call  gputest.Call
		after int
		err   error
	}{
		{"at load", gputest.NewBuffer, 3, gpu.ErrOutOfMemory},
		{"in prefill", gputest.Submit, 0, &gpu.ShaderError{Kernel: "add", Message: "refused"}},
		{"in decode", gputest.Submit, begin.Calls(gputest.Submit) - 1, gpu.ErrDeviceLost},
		{"at a growth", gputest.NewBuffer, calm.Calls(gputest.NewBuffer) - 1, gpu.ErrOutOfMemory},
	} {
		dev = &gputest.Failing{Call: c.call, After: c.after, Err: c.err}
		r := tokenselect(t, "", false, "run", "-kv", "f32", "-file", path, question)
		if got := strings.ReplaceAll(r.out, "\n", ""); r.status != 0 || got != strings.ReplaceAll(want.out, "\n", "") {
			t.Errorf("%s: %q, expected %q; %s", c.name, r.out, want.out, r.err)
		}
		if !strings.Contains(r.err, "Glass GPU") || !strings.Contains(r.err, c.err.Error()) || !strings.Contains(r.err, "going on with") {
			t.Errorf("%s: it says %q", c.name, r.err)
		}
		if !dev.Failed() || dev.Buffers() != 0 {
			t.Errorf("%s: failed %v, %d buffers left", c.name, dev.Failed(), dev.Buffers())
		}
	}
	dev = &gputest.Failing{Call: gputest.Submit, After: 1, Err: gpu.ErrDeviceLost}
	if r := tokenselect(t, "", false, "run", "-device", "fake", "-file", path, question); r.status != 1 || !strings.Contains(r.err, "the device was lost") {
		t.Errorf("a device that was named: status %d, %q, expected its failure", r.status, r.err)
	}
}
