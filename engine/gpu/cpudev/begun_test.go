package cpudev_test

import (
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
)

func TestBegunReads(t *testing.T) {
	d := cpudev.New(cpudev.Options{})
	defer d.Close()
	gputest.BegunReads(t, d)
	gputest.BegunReads(t, gpu.Share(gpu.Guard(d, gpu.Patience)))
}
