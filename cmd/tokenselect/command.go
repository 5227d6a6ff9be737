package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// stdio is where a command reads and writes. Tests hand in their own.
type stdio struct {
	in          io.Reader
	out, err    io.Writer
	inTerminal  bool // in is a terminal: somebody can be asked
	errTerminal bool // err is a terminal: progress may be drawn
}

// command is a subcommand: what it is called with, in one line, and what it does.
type command struct {
	name, args, about string
	run               func(ctx context.Context, fs *flag.FlagSet, args []string, std stdio) error
}

func commands() []command {
	return slices.Concat(serveCommand(), siteCommand(), []command{
		{"run", "[flags] [QUESTION]", runAbout, runRun},
		{"demo", "[flags]", "hide five facts in a long text and ask for them with each policy", runDemo},
		{"info", "[flags] [MODEL]", "describe a model, what it takes in memory, and the devices found", runInfo},
		{"bench", "[flags]", "measure prefill and decode at several depths, by policy and device", runBench},
	}, traceCommand(), evalCommand(), hubCommands(), []command{
		{"convert", "[flags] IN OUT", convertAbout, runConvert},
		{"version", "", "print the version of this program, and of the Go that compiled it", runVersion},
	})
}

// usageError is a mistake on the command line: exit status 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, std stdio) int {
	if len(args) == 0 {
		usage(std.err)
		return 2
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(std.out)
		return 0
	case "-version", "--version":
		args[0] = "version"
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, c.flags(std), args[1:], std)
		var usage usageError
		switch {
		case err == nil || errors.Is(err, flag.ErrHelp):
			return 0
		case errors.Is(err, context.Canceled):
			fmt.Fprintln(std.err, "interrupted")
			return 130
		case errors.As(err, &usage):
			fmt.Fprintf(std.err, "tokenselect %s: %v\nSee 'tokenselect %s -h'.\n", c.name, err, c.name)
			return 2
		}
		fmt.Fprintf(std.err, "tokenselect %s: %v\n", c.name, err)
		return 1
	}
	fmt.Fprintf(std.err, "tokenselect: unknown command %q\n\n", args[0])
	usage(std.err)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprint(w, `tokenselect reads documents far longer than its model was trained for, by
attending at every step only to the few past tokens that matter (TokenSelect,
arXiv 2411.02886). A small model is built in; others can be pulled.

  tokenselect run -file book.txt "Where does Ada Dixon live?"

Commands:
`)
	for _, c := range commands() {
		line, _, _ := strings.Cut(c.about, "\n")
		fmt.Fprintf(w, "  %-8s %s\n", c.name, strings.TrimSuffix(line, "."))
	}
	fmt.Fprint(w, "\n'tokenselect COMMAND -h' explains a command and its flags.\n")
}

// flags is an empty flag set that explains the command on -h.
func (c command) flags(std stdio) *flag.FlagSet {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(std.err)
	fs.Usage = func() {
		fmt.Fprintf(std.out, "usage: tokenselect %s\n\n%s.\n", strings.TrimSpace(c.name+" "+c.args), strings.ToUpper(c.about[:1])+c.about[1:])
		if c.args != "" {
			fmt.Fprint(std.out, "\nFlags:\n")
		}
		fs.SetOutput(std.out)
		fs.PrintDefaults()
	}
	return fs
}

// parse reads the command line. The flag package prints its own complaints;
// silenced here, they come back as one error.
func parse(fs *flag.FlagSet, args []string) error {
	out := fs.Output()
	fs.SetOutput(io.Discard)
	usage := fs.Usage
	fs.Usage = func() {}
	err := fs.Parse(args)
	fs.Usage = usage
	fs.SetOutput(out)
	if errors.Is(err, flag.ErrHelp) {
		fs.Usage()
		return err
	}
	if err != nil {
		return usageError{err}
	}
	return nil
}
