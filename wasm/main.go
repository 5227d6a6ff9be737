//go:build js

// The engine in a Web Worker, or under Node: commands of package trace come in,
// events go out, as they do over a server's websocket. What it needs of
// JavaScript is in web/static/boot.js.
package main

import (
	"context"

	"tokenselect/engine/session"
)

func main() {
	p := newPort()
	h := session.Host{Where: "browser", Load: p.load}
	h.Pause = p.pause
	p.ready()
	// It ends with the page; there is nobody left to tell why.
	_ = h.Serve(context.Background(), p.commands, p.send)
}
