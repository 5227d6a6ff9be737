//go:build !js

package kernels

import files "embed" // embed is a kernel here

// Sources are this package's files as they stand, for the page that shows shaders
// and their twins beside each other.
//
//go:embed *.go
var Sources files.FS
