//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"runtime"
	"unsafe"
)

// The structs of webgpu.h that are used, with the padding that C gives them.
// They have no pointers into Go's memory but those that a pins keeps in place
// for the length of a call: C keeps none of them.

// handle is an object of Dawn, which is not in Go's memory.
type handle uintptr

type stringView struct {
	data   unsafe.Pointer
	length uintptr
}

type chained struct {
	next  unsafe.Pointer
	sType uint32
	_     uint32
}

// toggles is chained to the descriptor of an instance and to the options of a
// request for an adapter.
type toggles struct {
	chain         chained
	enabledCount  uintptr
	enabled       unsafe.Pointer
	disabledCount uintptr
	disabled      unsafe.Pointer
}

// matrixConfigs is chained to an adapterInfo and filled by the library.
type matrixConfigs struct {
	chain          chained
	count, configs uintptr
}

// matrixConfig is one of them.
type matrixConfig struct{ input, result, m, n, k uint32 }

// instanceCapabilities is the descriptor of an instance where
// wgpuGetInstanceCapabilities exists.
type instanceCapabilities struct {
	next                 unsafe.Pointer
	capabilitiesNext     unsafe.Pointer
	timedWaitAnyEnable   uint32
	_                    uint32
	timedWaitAnyMaxCount uintptr
}

// instanceFeatures is the descriptor of an instance elsewhere.
type instanceFeatures struct {
	next     unsafe.Pointer
	count    uintptr
	features *uint32
	limits   unsafe.Pointer
}

type requestAdapterOptions struct {
	next                 unsafe.Pointer
	featureLevel         uint32
	powerPreference      uint32
	forceFallbackAdapter uint32
	backendType          uint32
	compatibleSurface    handle
}

// callbackInfo says what to call when something has come about. Its user data
// is the number of a state.
type callbackInfo struct {
	next         unsafe.Pointer
	mode         uint32
	_            uint32
	callback     uintptr
	user1, user2 uintptr
}

type errorCallbackInfo struct {
	next         unsafe.Pointer
	callback     uintptr
	user1, user2 uintptr
}

type deviceDescriptor struct {
	next         unsafe.Pointer
	label        stringView
	featureCount uintptr
	features     *uint32
	limits       *limits
	queueNext    unsafe.Pointer
	queueLabel   stringView
	lost         callbackInfo
	uncaptured   errorCallbackInfo
}

// adapterInfo is filled by the library.
type adapterInfo struct {
	next                                      unsafe.Pointer
	vendor, architecture, device, description cString
	backendType, adapterType                  uint32
	vendorID, deviceID                        uint32
	subgroupMin, subgroupMax                  uint32
	_                                         [8]uint64 // of versions to come
}

// cString is a stringView of the library's memory.
type cString struct{ data, length uintptr }

// limits is as much of the limits as all versions have, and room for the rest.
type limits struct {
	next                               unsafe.Pointer
	_                                  [14]uint32
	uniformBinding, storageBinding     uint64
	uniformAlignment, storageAlignment uint32
	_                                  [2]uint32
	buffer                             uint64
	_                                  [5]uint32
	workgroupStorage                   uint32
	_                                  [32]uint32
}

// supportedFeatures is filled by the library.
type supportedFeatures struct{ count, features uintptr }

type bufferDescriptor struct {
	next        unsafe.Pointer
	label       stringView
	usage, size uint64
	mapped      uint32
	_           uint32
}

type shaderSource struct {
	chain chained
	code  stringView
}

type shaderModuleDescriptor struct {
	next  *shaderSource
	label stringView
}

// bufferLayout is what bind group layouts say about a buffer, and after it that
// they say nothing about samplers and textures.
type bufferLayout struct {
	next             unsafe.Pointer
	kind             uint32
	hasDynamicOffset uint32
	minBindingSize   uint64
	_                [8]uint64
}

// layoutEntry is an entry of a bind group layout of the versions that have
// bindingArraySize.
type layoutEntry struct {
	next             unsafe.Pointer
	binding          uint32
	_                uint32
	visibility       uint64
	bindingArraySize uint32
	_                uint32
	buffer           bufferLayout
}

// plainLayoutEntry is one of the versions that have not.
type plainLayoutEntry struct {
	next       unsafe.Pointer
	binding    uint32
	_          uint32
	visibility uint64
	buffer     bufferLayout
}

// groupEntry is an entry of a bind group.
type groupEntry struct {
	next             unsafe.Pointer
	binding          uint32
	_                uint32
	buffer           handle
	offset, size     uint64
	sampler, texture handle
}

// listDescriptor is the descriptor of a bind group layout, and without layout
// the beginning of that of a pipeline layout.
type listDescriptor struct {
	next      unsafe.Pointer
	label     stringView
	count     uintptr
	list      unsafe.Pointer
	immediate uint64 // bytes, of a pipeline layout
}

type groupDescriptor struct {
	next   unsafe.Pointer
	label  stringView
	layout handle
	count  uintptr
	list   unsafe.Pointer
}

type computePipelineDescriptor struct {
	next          unsafe.Pointer
	label         stringView
	layout        handle
	computeNext   unsafe.Pointer
	module        handle
	entryPoint    stringView
	constantCount uintptr
	constants     unsafe.Pointer
}

type querySetDescriptor struct {
	next  unsafe.Pointer
	label stringView
	kind  uint32
	count uint32
}

type timestampWrites struct {
	next       unsafe.Pointer
	set        handle
	begin, end uint32 // which query each goes to
}

type passDescriptor struct {
	next       unsafe.Pointer
	label      stringView
	timestamps *timestampWrites
}

type futureWaitInfo struct {
	future    uint64
	completed uint32
	_         uint32
}

// Constants of webgpu.h, by which versions do not differ.
const (
	statusSuccess = 1

	featureTimedWaitAny = 1 // of an instance
	levelCore           = 2

	modeWaitAnyOnly = 1
	modeSpontaneous = 3

	errorNone        = 1
	errorOutOfMemory = 3
	errorUnknown     = 5

	filterValidation  = 1
	filterOutOfMemory = 2
	filterInternal    = 3

	lostDestroyed = 2

	sTypeShaderSource  = 2
	sTypeToggles       = 0x5000a
	sTypeMatrixConfigs = 0x5003b

	queryTimestamp = 2

	languagePackedDot = 2 // of WGSL

	usageMapRead = 0x1
	usageCopySrc = 0x4
	usageCopyDst = 0x8
	usageUniform = 0x40
	usageStorage = 0x80
	usageResolve = 0x200

	bindingUniform         = 2
	bindingStorage         = 3
	bindingReadOnlyStorage = 4

	stageCompute = 4
	mapRead      = 1
)

// pins keeps Go's memory in place for the length of a call into C.
type pins struct{ runtime.Pinner }

// text is s for the length of a call.
func (p *pins) text(s string) stringView {
	if s == "" {
		return stringView{}
	}
	data := unsafe.StringData(s)
	p.Pin(data)
	return stringView{unsafe.Pointer(data), uintptr(len(s))}
}

// pin is the address of v for the length of a call.
func pin[T any](p *pins, v *T) uintptr {
	p.Pin(v)
	return uintptr(unsafe.Pointer(v))
}

// arrayAt is the address of a slice's memory, held in place by p.
func arrayAt[T any](p *pins, s []T) unsafe.Pointer {
	if len(s) == 0 {
		return nil
	}
	p.Pin(&s[0])
	return unsafe.Pointer(&s[0])
}

// bytesAt is memory of the library.
func bytesAt(address uintptr, n int) []byte {
	if address == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(addressed(address)), n)
}

// addressed is a pointer to memory of the library. It is not inlined as Go 1.26's
// compiler stops with an internal error where it knows that a pointer that is
// copied from was an integer.
//
//go:noinline
func addressed(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// maxText is as much of a message as is kept.
const maxText = 16 << 10

// goString is a copy of text of the library, which ends with a zero where its
// length is the largest there is.
func goString(data, length uintptr) string {
	if length != ^uintptr(0) {
		return string(bytesAt(data, int(min(length, maxText))))
	}
	n := 0
	for data != 0 && n < maxText && bytesAt(data+uintptr(n), 1)[0] != 0 {
		n++
	}
	return string(bytesAt(data, n))
}

// toggles is a chain of switches of Dawn by their names, for the length of a
// call; those that a version does not know do nothing.
func (p *pins) toggles(enabled []string) unsafe.Pointer {
	if len(enabled) == 0 {
		return nil
	}
	names := make([]unsafe.Pointer, len(enabled))
	for i, name := range enabled {
		text := append([]byte(name), 0)
		names[i] = arrayAt(p, text)
	}
	t := &toggles{chain: chained{sType: sTypeToggles}, enabledCount: uintptr(len(names)), enabled: arrayAt(p, names)}
	p.Pin(t)
	return unsafe.Pointer(t)
}
