//go:build !js

package session

import "tokenselect/engine/chat/jinja"

// compile makes the chat template of a model ready to run.
var compile = jinja.Compile
