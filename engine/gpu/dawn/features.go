//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"fmt"
	"slices"
	"unsafe"

	"tokenselect/engine/gpu"
)

// The switches without which Dawn does not offer the products of matrices: an
// instance's, as they are an experiment of Dawn's, and an adapter's. Float16, in
// which matrices are, Dawn offers on NVIDIA's GPUs only where it is switched on.
var (
	unsafeToggles = []string{"allow_unsafe_apis"}
	matrixToggles = []string{"allow_unsafe_apis", "use_vulkan_memory_model", "vulkan_enable_f16_on_nvidia"}
)

// deviceToggles is a device's switch that leaves out the checks of every index which
// Dawn puts into shaders. No shader here reads or writes beyond what it is given, and
// the checks took a tenth of a dense decode's time and a third of the time of shaders
// that load and store matrices.
var deviceToggles = []string{"disable_robustness"}

// featureNumbers are the numbers of the features that are used, in one version
// of the API.
type featureNumbers struct{ timestamps, float16, subgroups, matrices uint32 }

// The numbers where wgpuGetInstanceCapabilities exists, and those after. Dawn's
// own feature, matrices, is numbered as its versions please: where the number
// means something else, the adapter tells no forms of matrices.
var (
	numbersBefore = featureNumbers{timestamps: 3, float16: 10, subgroups: 17, matrices: 0x50037}
	numbersAfter  = featureNumbers{timestamps: 9, float16: 11, subgroups: 18, matrices: 0x50034}
)

func (l *library) numbers() featureNumbers {
	if l.GetInstanceCapabilities != 0 {
		return numbersBefore
	}
	return numbersAfter
}

// featureNames are WebGPU's names of features by their number in the versions
// that have wgpuGetInstanceCapabilities. Versions after them count otherwise,
// and Dawn's own features have other numbers in every version.
var featureNames = [...]string{
	1: "depth-clip-control", 2: "depth32float-stencil8", 3: "timestamp-query",
	4: "texture-compression-bc", 5: "texture-compression-bc-sliced-3d", 6: "texture-compression-etc2",
	7: "texture-compression-astc", 8: "texture-compression-astc-sliced-3d", 9: "indirect-first-instance",
	10: gpu.FeatureFloat16, 11: "rg11b10ufloat-renderable", 12: "bgra8unorm-storage", 13: "float32-filterable",
	14: "float32-blendable", 15: "clip-distances", 16: "dual-source-blending", 17: gpu.FeatureSubgroups,
	18: "core-features-and-limits",
}

// featureName is the name of a feature, or its number where no name is known.
func (l *library) featureName(f uint32) string {
	switch {
	case l.GetInstanceCapabilities != 0 && 0 < f && int(f) < len(featureNames):
		return featureNames[f]
	case f == l.numbers().matrices:
		return gpu.FeatureMatrices
	}
	return fmt.Sprintf("%#x", f)
}

// features are the names of what an adapter can do; those that have none here
// are numbers.
func (n *native) features(adapter handle) []string {
	var list []string
	for _, f := range n.offered(adapter) {
		list = append(list, n.lib.featureName(f))
	}
	return list
}

// offered are the numbers of what an adapter can do.
func (n *native) offered(adapter handle) []uint32 {
	var p pins
	defer p.Unpin()
	have := &supportedFeatures{}
	call(n.lib.AdapterGetFeatures, uintptr(adapter), pin(&p, have))
	list := slices.Clone(unsafe.Slice((*uint32)(addressed(have.features)), have.count))
	call(n.lib.SupportedFeaturesFreeMembers, withPair(unsafe.Pointer(have))...)
	return list
}

// kernelFeatures are the features of an adapter that kernels have variants for.
func (n *native) kernelFeatures(adapter handle, about *adapterInfo) gpu.Features {
	numbers, offered := n.lib.numbers(), n.offered(adapter)
	f := gpu.Features{Float16: slices.Contains(offered, numbers.float16)}
	if slices.Contains(offered, numbers.subgroups) && about.subgroupMin > 0 {
		f.Subgroups = gpu.Subgroups{Least: int(about.subgroupMin), Most: int(about.subgroupMax)}
	}
	if has := n.lib.InstanceHasWGSLLanguageFeature; has != 0 {
		f.PackedDot = uint32(call(has, uintptr(n.instance), languagePackedDot)) != 0
	}
	if slices.Contains(offered, numbers.matrices) {
		f.Matrices = n.matrices(adapter)
	}
	return f
}

// scalars are the types of matrices by their number.
var scalars = []gpu.Scalar{"", gpu.F32, gpu.F16, gpu.U32, gpu.I32}

// matrices are the forms in which subgroups of an adapter multiply matrices.
func (n *native) matrices(adapter handle) []gpu.Matrices {
	free := n.lib.AdapterPropertiesSubgroupMatrixConfigsFreeMembers
	if free == 0 {
		return nil
	}
	var p pins
	defer p.Unpin()
	have := &matrixConfigs{chain: chained{sType: sTypeMatrixConfigs}}
	p.Pin(have)
	about := &adapterInfo{next: unsafe.Pointer(have)}
	if uint32(call(n.lib.AdapterGetInfo, uintptr(adapter), pin(&p, about))) != statusSuccess {
		return nil
	}
	var list []gpu.Matrices
	for _, c := range unsafe.Slice((*matrixConfig)(addressed(have.configs)), have.count) {
		if int(c.input) < len(scalars) && int(c.result) < len(scalars) {
			list = append(list, gpu.Matrices{Input: scalars[c.input], Result: scalars[c.result], M: int(c.m), N: int(c.n), K: int(c.k)})
		}
	}
	call(free, withStruct(nil, unsafe.Pointer(have), unsafe.Sizeof(*have))...)
	call(n.lib.AdapterInfoFreeMembers, withStruct(nil, unsafe.Pointer(about), infoMembers)...)
	return list
}

// wanted are the numbers of the features that a device is asked for: those in
// use, and timestamps where the adapter takes them.
func (n *native) wanted(f found) []uint32 {
	numbers := n.lib.numbers()
	var list []uint32
	if n.offersTimestamps(f.adapter) {
		list = append(list, numbers.timestamps)
	}
	use := f.info.Features
	if use.Float16 {
		list = append(list, numbers.float16)
	}
	if use.Subgroups.Least > 0 {
		list = append(list, numbers.subgroups)
	}
	if len(use.Matrices) > 0 {
		list = append(list, numbers.matrices)
	}
	return list
}

// offersTimestamps tells whether the adapter has the feature timestamp-query, in
// versions that have been seen to count it so.
func (n *native) offersTimestamps(adapter handle) bool {
	return n.lib.GetInstanceCapabilities != 0 && slices.Contains(n.offered(adapter), numbersBefore.timestamps)
}
