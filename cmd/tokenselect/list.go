//go:build !js

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"text/tabwriter"

	"tokenselect/cmd/tokenselect/internal/hub"
)

func runList(_ context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	cache := cacheFlag(fs)
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return usagef("%d arguments, expected flags only", fs.NArg())
	}
	store, err := hub.FindStore(*cache, os.Getenv)
	if err != nil {
		return err
	}
	all, damaged := store.List()
	if len(all) == 0 && damaged == nil {
		fmt.Fprintf(std.out, "no model has been pulled into %s; 'tokenselect pull -h' says how, and the built-in needle-16m is always there\n", store.Root)
		return nil
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tWEIGHTS\tSIZE\tPULLED")
	for _, m := range all {
		when := m.When.Local().Format("2006-01-02 15:04")
		if !m.Complete {
			when = fmt.Sprintf("in part: %s, %s", byteSize(m.Have), when)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.Name, weightsOf(m), byteSize(m.Size), when)
	}
	return errors.Join(w.Flush(), damaged)
}

// weightsOf says how a model's weights are stored, as far as names tell.
func weightsOf(m hub.Model) string {
	what := m.Quant
	if what == "" {
		what = m.Kind
	}
	if m.Parts > 1 {
		what += fmt.Sprintf(", %d files", m.Parts)
	}
	return what
}
