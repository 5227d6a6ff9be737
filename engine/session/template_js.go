package session

import "tokenselect/engine/chat"

// compile is none: the engine for browsers has no room for a library that runs
// chat templates, and lays out those that it recognises.
var compile chat.Compiler
