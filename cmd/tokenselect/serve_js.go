package main

// serveCommand is none: WebAssembly opens no ports.
func serveCommand() []command { return nil }
