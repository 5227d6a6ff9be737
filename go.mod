module tokenselect

go 1.26

require (
	github.com/cogentcore/webgpu v0.23.0
	golang.org/x/sys v0.38.0
)
