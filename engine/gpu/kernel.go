package gpu

// Access is what a kernel does with a binding.
type Access uint8

// How a kernel uses a binding. The same buffer must not be bound for writing
// and for anything else in one dispatch.
const (
	Read      Access = iota // var<storage, read>
	ReadWrite               // var<storage, read_write>
)

// Binding is one buffer that a kernel sees. Bindings are numbered in order
// from 0 in group 0; the Params struct is binding 0 of group 1.
type Binding struct {
	Name   string
	Access Access
}

// Source is assembled WGSL.
type Source struct {
	Text string
	// Locate gives the file and line that line n (from 1) of Text came from.
	Locate func(n int) (file string, line int)
}

// Kernel is one compute kernel in both its forms. Kernels are compared by
// pointer: make each once.
type Kernel struct {
	Name     string
	Bindings []Binding
	Params   int // size of the Params struct in bytes

	// WGSL assembles the shader's text. Its entry point is "main".
	WGSL func() (Source, error)

	// Variants are other shaders for the same calls, the best first, for devices
	// that can do more than WebGPU's baseline. Bindings, Params, the number of
	// workgroups and what the twin says hold for them too.
	Variants []Variant

	// Items is the number of independent work items of a call: rows, heads,
	// blocks of tokens. Twin and Fast are handed ranges of them, in any order
	// and from several goroutines.
	Items func(c *Call) int

	// Twin does the work of the items lo <= i < hi. It is the plain version
	// that defines what the kernel computes.
	Twin func(c *Call, lo, hi int)

	// Fast, if not nil, is a version of Twin for speed. It may differ by
	// rounding.
	Fast func(c *Call, lo, hi int)
}

// Variant is a shader of a kernel for devices that can do more than WebGPU's
// baseline.
type Variant struct {
	Name string
	// Fits tells whether a device can run it.
	Fits func(Info) bool
	// Suits, if not nil, tells whether a device that can run it should rather do
	// that than run the baseline.
	Suits func(Info) bool
	WGSL  func() (Source, error)
}

// Shader is a shader of a kernel with its name, which is the kernel's or that of
// a variant.
type Shader struct {
	Name string
	WGSL func() (Source, error)
}

// Shaders are the shaders of k that a device can run, the best first; what it can
// run but had better not comes after the baseline.
func (k *Kernel) Shaders(dev Info) []Shader {
	var fit, rest []Shader
	for _, v := range k.Variants {
		switch {
		case !v.Fits(dev):
		case v.Suits == nil || v.Suits(dev):
			fit = append(fit, Shader{v.Name, v.WGSL})
		default:
			rest = append(rest, Shader{v.Name, v.WGSL})
		}
	}
	return append(append(fit, Shader{k.Name, k.WGSL}), rest...)
}

// With is k with no other shader than s: for tests, which run each.
func (k *Kernel) With(s Shader) *Kernel {
	one := *k
	one.Name, one.WGSL, one.Variants = s.Name, s.WGSL, nil
	return &one
}

// Call is one dispatch as a twin sees it.
type Call struct {
	Params []byte   // the Params struct
	Bufs   [][]byte // in the order of the kernel's bindings, 16-byte aligned
}
