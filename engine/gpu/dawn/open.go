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

// learnLayout finds out whether entries of bind group layouts have the field
// bindingArraySize. Where they have not, an entry with the field says, read
// without it, that it binds nothing, which is an error and does no harm; the
// other way round the library would take numbers for a pointer.
func (n *native) learnLayout() error {
	n.arraySize = true
	layout, err := n.layout("layout", []layoutEntry{storageEntry(0, bindingStorage)})
	if err != nil && n.lost() == nil {
		n.arraySize = false
		layout, err = n.layout("layout", []layoutEntry{storageEntry(0, bindingStorage)})
	}
	if err != nil {
		return fmt.Errorf("%s makes no bind group layout, it may be of a version that this program does not know: %w", n.lib.path, err)
	}
	call(n.lib.BindGroupLayoutRelease, uintptr(layout))
	return nil
}

// storageEntry is the entry of a buffer of storage.
func storageEntry(binding, kind uint32) layoutEntry {
	return layoutEntry{binding: binding, visibility: stageCompute, buffer: bufferLayout{kind: kind}}
}

// layout makes a bind group layout in the form that the library reads.
func (n *native) layout(label string, entries []layoutEntry) (handle, error) {
	var p pins
	defer p.Unpin()
	d := &listDescriptor{label: p.text(label), count: uintptr(len(entries))}
	plain := make([]plainLayoutEntry, len(entries))
	for i, e := range entries {
		plain[i] = plainLayoutEntry{binding: e.binding, visibility: e.visibility, buffer: e.buffer}
	}
	if len(entries) > 0 {
		d.list = unsafe.Pointer(&plain[0])
		if n.arraySize {
			d.list = unsafe.Pointer(&entries[0])
		}
		p.Pin(d.list)
	}
	var made handle
	err := n.made(func() {
		made = handle(call(n.lib.DeviceCreateBindGroupLayout, uintptr(n.device), pin(&p, d)))
	})
	if err != nil {
		n.releaseObject(n.lib.BindGroupLayoutRelease, made)
		return 0, err
	}
	return made, nil
}

// releaseObject gives back an object, if there is one.
func (n *native) releaseObject(release uintptr, object handle) {
	if object != 0 {
		call(release, uintptr(object))
	}
}

// features are the names of what an adapter can do; those that have none here
// are numbers.
func (n *native) features(adapter handle) []string {
	var p pins
	defer p.Unpin()
	have := &supportedFeatures{}
	call(n.lib.AdapterGetFeatures, uintptr(adapter), pin(&p, have))
	var list []string
	for _, f := range unsafe.Slice((*uint32)(addressed(have.features)), have.count) {
		list = append(list, n.lib.featureName(f))
	}
	call(n.lib.SupportedFeaturesFreeMembers, withPair(unsafe.Pointer(have))...)
	return list
}
