//go:build !js && cgo && !gowebgpu

package wgpu

import (
	"strings"

	"github.com/cogentcore/webgpu/wgpu"
)

// How the device is named, and which library it is.
const (
	Name    = "wgpu"
	Library = "wgpu-native 22"
)

// What is used of the binding.
type (
	Adapter                        = wgpu.Adapter
	BindGroup                      = wgpu.BindGroup
	BindGroupDescriptor            = wgpu.BindGroupDescriptor
	BindGroupEntry                 = wgpu.BindGroupEntry
	BindGroupLayout                = wgpu.BindGroupLayout
	BindGroupLayoutDescriptor      = wgpu.BindGroupLayoutDescriptor
	BindGroupLayoutEntry           = wgpu.BindGroupLayoutEntry
	Buffer                         = wgpu.Buffer
	BufferBindingLayout            = wgpu.BufferBindingLayout
	BufferDescriptor               = wgpu.BufferDescriptor
	BufferMapAsyncStatus           = wgpu.BufferMapAsyncStatus
	BufferUsage                    = wgpu.BufferUsage
	CommandEncoder                 = wgpu.CommandEncoder
	ComputePassEncoder             = wgpu.ComputePassEncoder
	ComputePipeline                = wgpu.ComputePipeline
	ComputePipelineDescriptor      = wgpu.ComputePipelineDescriptor
	Device                         = wgpu.Device
	Instance                       = wgpu.Instance
	InstanceEnumerateAdapterOptons = wgpu.InstanceEnumerateAdapterOptons
	PipelineLayoutDescriptor       = wgpu.PipelineLayoutDescriptor
	ProgrammableStageDescriptor    = wgpu.ProgrammableStageDescriptor
	QuerySet                       = wgpu.QuerySet
	QuerySetDescriptor             = wgpu.QuerySetDescriptor
	Queue                          = wgpu.Queue
	ShaderModuleDescriptor         = wgpu.ShaderModuleDescriptor
	ShaderModuleWGSLDescriptor     = wgpu.ShaderModuleWGSLDescriptor
	WrappedSubmissionIndex         = wgpu.WrappedSubmissionIndex
)

// Its constants.
const (
	AdapterTypeCPU                   = wgpu.AdapterTypeCPU
	AdapterTypeDiscreteGPU           = wgpu.AdapterTypeDiscreteGPU
	AdapterTypeIntegratedGPU         = wgpu.AdapterTypeIntegratedGPU
	BackendTypeD3D12                 = wgpu.BackendTypeD3D12
	BackendTypeMetal                 = wgpu.BackendTypeMetal
	BackendTypeVulkan                = wgpu.BackendTypeVulkan
	BufferBindingTypeReadOnlyStorage = wgpu.BufferBindingTypeReadOnlyStorage
	BufferBindingTypeStorage         = wgpu.BufferBindingTypeStorage
	BufferBindingTypeUniform         = wgpu.BufferBindingTypeUniform
	BufferUsageCopyDst               = wgpu.BufferUsageCopyDst
	BufferUsageCopySrc               = wgpu.BufferUsageCopySrc
	BufferUsageMapRead               = wgpu.BufferUsageMapRead
	BufferUsageQueryResolve          = wgpu.BufferUsageQueryResolve
	BufferUsageStorage               = wgpu.BufferUsageStorage
	BufferUsageUniform               = wgpu.BufferUsageUniform
	FeatureNameTimestampQuery        = wgpu.FeatureNameTimestampQuery
	InstanceBackendDX12              = wgpu.InstanceBackendDX12
	InstanceBackendMetal             = wgpu.InstanceBackendMetal
	InstanceBackendVulkan            = wgpu.InstanceBackendVulkan
	QueryTypeTimestamp               = wgpu.QueryTypeTimestamp
	ShaderStageCompute               = wgpu.ShaderStageCompute
)

// Silence keeps the library from writing to stderr.
func Silence() { wgpu.SetLogLevel(wgpu.LogLevelOff) }

// Describe tells what a is and which driver it has, "" where it does not say.
func Describe(a *Adapter) (name, driver string, kind wgpu.AdapterType, backend wgpu.BackendType) {
	i := a.GetInfo()
	// This version of wgpu-native gives the name as the description and a
	// number as the name.
	if i.DriverDescription != "" && strings.HasPrefix(i.Name, "0x") {
		return i.DriverDescription, "", i.AdapterType, i.BackendType
	}
	return i.Name, i.DriverDescription, i.AdapterType, i.BackendType
}
