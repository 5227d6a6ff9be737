package main

// traceCommand is none: a page records its own runs.
func traceCommand() []command { return nil }
