//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
)

// TestLayout: structs have the sizes and offsets that C gives them.
func TestLayout(t *testing.T) {
	for _, c := range []struct {
		what      string
		got, want uintptr
	}{
		{"instanceCapabilities", unsafe.Sizeof(instanceCapabilities{}), 32},
		{"instanceFeatures", unsafe.Sizeof(instanceFeatures{}), 32},
		{"requestAdapterOptions", unsafe.Sizeof(requestAdapterOptions{}), 32},
		{"callbackInfo", unsafe.Sizeof(callbackInfo{}), 40},
		{"deviceDescriptor", unsafe.Sizeof(deviceDescriptor{}), 144},
		{"deviceDescriptor.lost", unsafe.Offsetof(deviceDescriptor{}.lost), 72},
		{"adapterInfo.backendType", unsafe.Offsetof(adapterInfo{}.backendType), 72},
		{"limits.storageBinding", unsafe.Offsetof(limits{}.storageBinding), 72},
		{"limits.buffer", unsafe.Offsetof(limits{}.buffer), 96},
		{"limits.workgroupStorage", unsafe.Offsetof(limits{}.workgroupStorage), 124},
		{"bufferDescriptor", unsafe.Sizeof(bufferDescriptor{}), 48},
		{"layoutEntry", unsafe.Sizeof(layoutEntry{}), 120},
		{"plainLayoutEntry", unsafe.Sizeof(plainLayoutEntry{}), 112},
		{"groupEntry", unsafe.Sizeof(groupEntry{}), 56},
		{"computePipelineDescriptor", unsafe.Sizeof(computePipelineDescriptor{}), 80},
		{"futureWaitInfo", unsafe.Sizeof(futureWaitInfo{}), 16},
		{"cCall", unsafe.Sizeof(cCall{}), 56},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, expected %d", c.what, c.got, c.want)
		}
	}
}

// TestByValue: a struct that is passed by value arrives as C passes it.
func TestByValue(t *testing.T) {
	info := &callbackInfo{mode: 11, callback: 22, user1: 33, user2: 44}
	var p pins
	defer p.Unpin()
	p.Pin(info)
	var words, rest []uintptr
	f := purego.NewCallback(func(a, b, c, d, e, f, g, h, i, j, k uintptr) uintptr {
		words = []uintptr{a, b}
		if runtime.GOARCH == "amd64" && runtime.GOOS != "windows" {
			rest = []uintptr{g, h, i, j, k}
		} else {
			rest = append(rest, unsafe.Slice((*uintptr)(addressed(c)), 5)...)
		}
		return 0
	})
	call(f, withStruct([]uintptr{1, 2}, unsafe.Pointer(info), unsafe.Sizeof(*info))...)
	if words[0] != 1 || words[1] != 2 || rest[0] != 0 || uint32(rest[1]) != 11 || rest[2] != 22 || rest[3] != 33 || rest[4] != 44 {
		t.Errorf("got %v and %v", words, rest)
	}
}
