//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"fmt"
	"slices"
	"unsafe"
)

// featureNames are WebGPU's names of features by their number in the versions
// that have wgpuGetInstanceCapabilities. Versions after them count otherwise,
// and Dawn's own features have other numbers in every version.
var featureNames = [...]string{
	1: "depth-clip-control", 2: "depth32float-stencil8", 3: "timestamp-query",
	4: "texture-compression-bc", 5: "texture-compression-bc-sliced-3d", 6: "texture-compression-etc2",
	7: "texture-compression-astc", 8: "texture-compression-astc-sliced-3d", 9: "indirect-first-instance",
	10: "shader-f16", 11: "rg11b10ufloat-renderable", 12: "bgra8unorm-storage", 13: "float32-filterable",
	14: "float32-blendable", 15: "clip-distances", 16: "dual-source-blending", 17: "subgroups",
	18: "core-features-and-limits",
}

// featureName is the name of a feature, or its number where no name is known.
func (l *library) featureName(f uint32) string {
	if l.GetInstanceCapabilities != 0 && 0 < f && int(f) < len(featureNames) {
		return featureNames[f]
	}
	return fmt.Sprintf("%#x", f)
}

// features are the names of what an adapter can do; those that have none here
// are numbers.
func (n *native) features(adapter handle) []string {
	var list []string
	for _, f := range n.featureNumbers(adapter) {
		list = append(list, n.lib.featureName(f))
	}
	return list
}

func (n *native) featureNumbers(adapter handle) []uint32 {
	var p pins
	defer p.Unpin()
	have := &supportedFeatures{}
	call(n.lib.AdapterGetFeatures, uintptr(adapter), pin(&p, have))
	list := slices.Clone(unsafe.Slice((*uint32)(addressed(have.features)), have.count))
	call(n.lib.SupportedFeaturesFreeMembers, withPair(unsafe.Pointer(have))...)
	return list
}

// offersTimestamps tells whether the adapter has the feature timestamp-query, in
// versions whose number for it is known.
func (n *native) offersTimestamps(adapter handle) bool {
	return n.lib.GetInstanceCapabilities != 0 && slices.Contains(n.featureNumbers(adapter), featureTimestamps)
}
