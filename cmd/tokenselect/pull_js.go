package main

// hubCommands are none: JavaScript hosts have caches of their own.
func hubCommands() []command { return nil }

// modelPath is path: nothing has been pulled.
func modelPath(path string) (string, error) { return path, nil }
