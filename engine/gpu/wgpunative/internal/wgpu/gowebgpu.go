//go:build !js && cgo && gowebgpu

package wgpu

import "github.com/rajveermalviya/go-webgpu/wgpu"

// How the device is named, and which library it is.
const (
	Name    = "gowebgpu"
	Library = "wgpu-native 0.17"
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
	Queue                          = wgpu.Queue
	ShaderModuleDescriptor         = wgpu.ShaderModuleDescriptor
	ShaderModuleWGSLDescriptor     = wgpu.ShaderModuleWGSLDescriptor
	WrappedSubmissionIndex         = wgpu.WrappedSubmissionIndex
)

// Its constants.
const (
	AdapterTypeCPU                   = wgpu.AdapterType_CPU
	AdapterTypeDiscreteGPU           = wgpu.AdapterType_DiscreteGPU
	AdapterTypeIntegratedGPU         = wgpu.AdapterType_IntegratedGPU
	BackendTypeD3D12                 = wgpu.BackendType_D3D12
	BackendTypeMetal                 = wgpu.BackendType_Metal
	BackendTypeVulkan                = wgpu.BackendType_Vulkan
	BufferBindingTypeReadOnlyStorage = wgpu.BufferBindingType_ReadOnlyStorage
	BufferBindingTypeStorage         = wgpu.BufferBindingType_Storage
	BufferBindingTypeUniform         = wgpu.BufferBindingType_Uniform
	BufferUsageCopyDst               = wgpu.BufferUsage_CopyDst
	BufferUsageCopySrc               = wgpu.BufferUsage_CopySrc
	BufferUsageMapRead               = wgpu.BufferUsage_MapRead
	BufferUsageStorage               = wgpu.BufferUsage_Storage
	BufferUsageUniform               = wgpu.BufferUsage_Uniform
	InstanceBackendDX12              = wgpu.InstanceBackend_DX12
	InstanceBackendMetal             = wgpu.InstanceBackend_Metal
	InstanceBackendVulkan            = wgpu.InstanceBackend_Vulkan
	ShaderStageCompute               = wgpu.ShaderStage_Compute
)

// Silence keeps the library from writing to stderr.
func Silence() { wgpu.SetLogLevel(wgpu.LogLevel_Off) }

// Describe tells what a is and which driver it has, "" where it does not say.
func Describe(a *Adapter) (name, driver string, kind wgpu.AdapterType, backend wgpu.BackendType) {
	p := a.GetProperties()
	return p.Name, p.DriverDescription, p.AdapterType, p.BackendType
}
