package weights

// drop does nothing: Windows takes pages of mapped files from a program when others
// need the memory, and has no call that gives back some of them.
func drop([]byte) {}
