//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"fmt"
	"unsafe"
)

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
