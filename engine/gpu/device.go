package gpu

import "context"

// Device runs recordings. Its methods may be called from one goroutine at a
// time; Info is the exception and is always safe.
type Device interface {
	// Info describes the device. It does not change over the device's life.
	Info() Info

	// NewBuffer makes a buffer of size bytes (a positive multiple of 4) filled
	// with zeros. It returns an error that wraps ErrOutOfMemory when the memory
	// is not to be had and ErrLimit when the device cannot bind that much.
	NewBuffer(label string, size int) (*Buffer, error)

	// Free gives the memory of b back. Using b later is an error.
	Free(b *Buffer)

	// Write copies data into b at offset bytes. Offset and length are multiples
	// of 4. It is ordered before every later Submit.
	Write(b *Buffer, offset int, data []byte) error

	// Submit runs the commands of r in order; each sees what the ones before it
	// wrote. It returns the sticky error of r, if any, without running anything.
	// It may return before the work is done.
	Submit(r *Recording) error

	// Read waits for all submitted work and copies len(dst) bytes of b from
	// offset into dst. Offset and length are multiples of 4.
	Read(ctx context.Context, b *Buffer, offset int, dst []byte) error

	// BeginRead begins a read of n bytes of b from offset, at most MaxBegun, as the
	// work leaves them that has been submitted until then. It does not wait, so
	// that more can be submitted meanwhile. Offset and n are multiples of 4.
	BeginRead(b *Buffer, offset, n int) (Pending, error)

	// Close frees everything that belongs to the device.
	Close()
}

// MaxBegun is the most bytes that BeginRead takes.
const MaxBegun = 4 << 10

// Pending waits for a read that has begun, but for no work submitted after it, and
// returns what was read. It is a method of the device, called once for each read:
// with a ctx that has ended it only gives back what the read takes up.
type Pending func(ctx context.Context) ([]byte, error)

// Kind is what a device runs on.
type Kind string

// The kinds of device, best first.
const (
	Discrete   Kind = "discrete GPU"
	Integrated Kind = "integrated GPU"
	Virtual    Kind = "virtual GPU"
	Software   Kind = "software GPU" // a GPU driver that runs on the CPU
	CPU        Kind = "CPU"          // this project's own CPU device
	Unknown    Kind = "GPU"          // of a kind that the driver does not tell
)

// Real tells whether k has processors of its own, many of them: what does not is
// the CPU under another name, this project's device or a driver's.
func (k Kind) Real() bool { return k != CPU && k != Software }

// Info describes a device to its user.
type Info struct {
	Device  string // how it is named on the command line: "cpu", "wgpu", "gowebgpu"
	Name    string // of the adapter, as the driver gives it
	Kind    Kind
	Backend string // "Vulkan", "Metal", "D3D12", "GL", "Go"
	Driver  string
	Limits  Limits
	// Features are those that the device uses.
	Features Features
}

// Limits are the sizes in bytes that a device can take.
type Limits struct {
	Buffer  int // one buffer
	Binding int // what one kernel can see of one buffer
	Shared  int // workgroup memory
	Memory  int // free when the device was opened; 0: not known
}

// Buffer is memory on a device. Its contents are little-endian words.
type Buffer struct {
	Label  string
	Size   int // bytes
	Handle any // owned by the Device that made it
}
