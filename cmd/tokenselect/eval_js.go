package main

// evalCommand is none: evaluations are for machines with files and many cores.
func evalCommand() []command { return nil }
