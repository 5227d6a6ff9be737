//go:build !js

package shaders

import "embed"

// Sources are the files as they stand, for the page that shows them. Browsers get
// them beside the engine, not in it.
func Sources() embed.FS { return embedded }
