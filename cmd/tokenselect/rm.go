//go:build !js

package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"tokenselect/cmd/tokenselect/internal/hub"
)

func runRm(_ context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	usage := fs.Usage
	fs.Usage = func() {
		usage()
		fmt.Fprint(std.out, "\nMODEL is a name that 'tokenselect list' lists, or owner/name/* for all of a\nrepository. What an interrupted download has left goes too. Nothing is asked.\n")
	}
	cache := cacheFlag(fs)
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return usagef("no MODEL, expected names that 'tokenselect list' lists")
	}
	store, err := hub.FindStore(*cache, os.Getenv)
	if err != nil {
		return err
	}
	for _, name := range fs.Args() {
		gone, err := store.Remove(name)
		for _, m := range gone {
			fmt.Fprintf(std.out, "removed %s: %s freed\n", m.Name, byteSize(m.Have))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
