//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"cmp"
	"context"
	"fmt"
	"unsafe"
)

// open makes a device with the default limits except for those that
// info.Limits has.
func (n *native) open(f found) error {
	var p pins
	defer p.Unpin()
	want := &limits{}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(want)), unsafe.Sizeof(*want))
	for i := range bytes {
		bytes[i] = 0xff // the value of a limit that is left at its default
	}
	want.next = nil
	want.buffer = uint64(f.info.Limits.Buffer)
	want.storageBinding = uint64(f.info.Limits.Binding)
	want.workgroupStorage = uint32(f.info.Limits.Shared)
	p.Pin(want)
	d := &deviceDescriptor{label: p.text("tokenselect"), limits: want}
	d.next = p.toggles(deviceToggles)
	n.timestamps = n.offersTimestamps(f.adapter)
	if features := n.wanted(f); len(features) > 0 {
		d.featureCount, d.features = uintptr(len(features)), (*uint32)(arrayAt(&p, features))
	}
	d.lost = *n.callback(n.calls.lost)
	d.lost.mode = modeSpontaneous
	d.uncaptured = errorCallbackInfo{callback: n.calls.failed, user1: n.number}
	status, device, text, err := n.await(context.Background(), n.lib.AdapterRequestDevice, n.calls.object, uintptr(f.adapter), pin(&p, d))
	if err != nil {
		return err
	}
	if status != statusSuccess || device == 0 {
		return fmt.Errorf("%s", cmp.Or(plain(text), "no reason given"))
	}
	n.device = device
	n.queue = handle(call(n.lib.DeviceGetQueue, uintptr(device)))
	return n.learnLayout()
}
