//go:build !js

package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"tokenselect/cmd/tokenselect/internal/hub"
	"tokenselect/engine/weights"
)

// hubCommands are those about models of the Hugging Face hub.
func hubCommands() []command {
	return []command{
		{"pull", "[flags] MODEL", "fetch a model from the Hugging Face hub, to be run by its name", runPull},
		{"list", "[flags]", "list the models that have been pulled", runList},
		{"rm", "[flags] MODEL...", "remove pulled models", runRm},
	}
}

const pullHelp = `
MODEL is one of the hub's repositories, and which of its models:

  owner/name              its GGUF file, in Q8_0 if there are several, else in
                          Q4_K_M; without GGUF files its safetensors
  owner/name:Q4_K_M       the one in this quantisation
  owner/name/model.gguf   this file; a pattern such as '*q4_0.gguf' will do
  owner/name@v1.0:Q8_0    of a branch, a tag or a commit
  https://huggingface.co/owner/name    an address of its page, or of a file

Then 'tokenselect run -model owner/name' has it answer. Of a split file all parts
are fetched. Whether this program can run a model is seen from its first bytes:
the others are fetched only if it can. When a download is interrupted, the same
command goes on with it. When a model has changed on the hub, it brings it up to
date.

Environment:
  HF_TOKEN            token for private and gated models; else the one that
                      'hf auth login' has stored is used (HF_HOME, HF_TOKEN_PATH)
  HF_ENDPOINT         another server than https://huggingface.co
  TOKENSELECT_CACHE   folder for pulled models; default: in the system's caches
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY    as usual
`

// cacheFlag adds the flag of where pulled models are.
func cacheFlag(fs *flag.FlagSet) *string {
	return fs.String("cache", "", "`folder` of pulled models; default: TOKENSELECT_CACHE, or tokenselect in the system's folder for caches")
}

func runPull(ctx context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	usage := fs.Usage
	fs.Usage = func() {
		usage()
		fmt.Fprint(std.out, pullHelp)
	}
	cache := cacheFlag(fs)
	revision := fs.String("revision", "", "`branch`, tag or commit, for names that have a slash; otherwise it can stand behind an @")
	connections := fs.Int("connections", 4, "`number` of connections that a file is fetched over")
	force := fs.Bool("force", false, "fetch the model even if this program cannot run it")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return usagef("%d arguments, expected one MODEL, such as owner/name; flags come before it", fs.NArg())
	}
	if *connections < 1 || *connections > 16 {
		return usagef("-connections %d, expected 1 to 16", *connections)
	}
	name, err := hub.ParseName(fs.Arg(0))
	if err != nil {
		return usageError{err}
	}
	if *revision != "" {
		if name.Revision != "" {
			return usagef("-revision %s and %s, expected the one or the other", *revision, name)
		}
		name.Revision = *revision
		if err := name.CheckRevision(); err != nil {
			return usageError{err}
		}
	}
	store, err := hub.FindStore(*cache, os.Getenv)
	if err != nil {
		return err
	}
	client, err := hubClient()
	if err != nil {
		return err
	}
	client.Connections = *connections
	if client.Token.Secret != "" && client.Endpoint.Scheme == "http" && !isLoopback(client.Endpoint.Hostname()) {
		fmt.Fprintf(std.err, "warning: the token of %s goes to %s unencrypted\n", client.Token.From, client.Endpoint)
	}

	show := &transfer{w: std.err, live: std.errTerminal, every: 10 * time.Second}
	o := hub.Options{Say: show.say, Progress: show.show}
	if !*force {
		o.Header, o.Folder = checkHeader, checkFolder
	}
	m, err := client.Pull(ctx, store, name, o)
	show.clear()
	if err != nil && show.kept() > 0 {
		show.say("what has been fetched is kept: the same command goes on with it")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: %s, in %s\n", m.Name, byteSize(m.Size), m.Path)
	return nil
}

// isLoopback tells whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// hubClient is a client as the environment has it.
func hubClient() (*hub.Client, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	token, err := hub.FindToken(os.Getenv, home)
	if err != nil {
		return nil, err
	}
	client, err := hub.New(os.Getenv("HF_ENDPOINT"), token)
	if err != nil {
		return nil, fmt.Errorf("HF_ENDPOINT: %w", err)
	}
	return client, nil
}

// cannotRun is what a refused model is refused with.
const cannotRun = "this program cannot run the model (-force fetches it all the same)"

// checkHeader refuses a GGUF model that weights would not open, by its header.
func checkHeader(files []hub.Header) error {
	var parts []weights.Part
	for _, f := range files {
		parts = append(parts, weights.Part{Name: f.Path, R: f, Size: f.Size})
	}
	if _, err := weights.OpenGGUFParts(files[0].Path, parts...); err != nil {
		return fmt.Errorf("%s: %w", cannotRun, err)
	}
	return nil
}

// checkFolder refuses a safetensors model by its configuration.
func checkFolder(dir string) error {
	path := filepath.Join(dir, "config.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if _, err := weights.ParseConfig("config.json", raw); err != nil {
		return fmt.Errorf("%s: %w", cannotRun, err)
	}
	return nil
}
