// Package catalog lists the models of a server and serves their weights under
// URLs that name the content.
package catalog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"tokenselect/engine/weights"
)

// Model is an entry of the list.
type Model struct {
	Name         string `json:"name"`
	Title        string `json:"title"`
	URL          string `json:"url"`    // relative to the list's
	Digest       string `json:"digest"` // SHA-256 of the file, hexadecimal
	Size         int64  `json:"size"`   // bytes
	Context      int    `json:"context"`
	Quantisation string `json:"quantisation"`
}

// Builtin is a model in memory. Its bytes must not be changed.
type Builtin struct {
	Name string // short, for people and commands
	Path string // for errors
	Data []byte
}

// File is a GGUF file with a name of its own.
type File struct{ Name, Path string }

// Config is what a catalogue is made of.
type Config struct {
	Builtin Builtin
	Files   []File
	Dir     string       // every *.gguf in it is a model; "": none
	First   string       // name of the model that comes first; "": the built-in one
	Sidecar string       // file that keeps digests from one start to the next; "": none
	Log     func(string) // is told what is left out and why

	Template string // chat template of models that have none
}

// Catalog is the models of a server. It is safe for concurrent use.
type Catalog struct {
	log      func(string)
	template string
	ready    chan struct{} // is closed when all digests are known

	mu      sync.Mutex
	entries []*entry
}

// entry is a model, known by name from the start and in full once its file has
// been read.
type entry struct {
	name, path string
	data       []byte // of the built-in model, else nil
	stamp      stamp

	known bool // model is filled in
	model Model
}

// stamp tells whether a file is the one that was read.
type stamp struct {
	Size    int64     `json:"size"`
	Changed time.Time `json:"changed"`
}

// New lists the models. The files of Dir are read in the background.
func New(c Config) (*Catalog, error) {
	if c.Log == nil {
		c.Log = func(string) {}
	}
	k := &Catalog{log: c.Log, template: c.Template, ready: make(chan struct{})}
	b := &entry{name: c.Builtin.Name, path: c.Builtin.Path, data: c.Builtin.Data, stamp: stamp{Size: int64(len(c.Builtin.Data))}}
	if err := b.read(); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	b.model.Title += " (built in)"
	k.entries = []*entry{b}
	for _, f := range c.Files {
		if err := k.add(f); err != nil {
			return nil, fmt.Errorf("catalog: %w", err)
		}
	}
	if c.Dir != "" {
		if err := k.scan(c.Dir); err != nil {
			return nil, err
		}
	}
	if c.First != "" {
		i := slices.IndexFunc(k.entries, func(e *entry) bool { return e.name == c.First })
		if i < 0 {
			return nil, fmt.Errorf("catalog: there is no model %q, there are: %s", c.First, strings.Join(k.names(), ", "))
		}
		first := k.entries[i]
		k.entries = slices.Insert(slices.Delete(k.entries, i, i+1), 0, first)
	}
	go func() {
		defer close(k.ready)
		k.readAll(c.Sidecar)
	}()
	return k, nil
}

// add lists a file that was asked for: what is wrong with it is an error.
func (k *Catalog) add(f File) error {
	path, err := filepath.Abs(f.Path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case slices.Contains(k.names(), f.Name):
		return fmt.Errorf("%s has the name of another model, %s", path, f.Name)
	}
	k.entries = append(k.entries, &entry{name: f.Name, path: path, stamp: stampOf(info)})
	return nil
}

// scan finds the files of dir.
func (k *Catalog) scan(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("catalog: models: %w", err)
	}
	for _, f := range files {
		base, ok := strings.CutSuffix(f.Name(), ".gguf")
		if !ok || f.IsDir() {
			continue
		}
		path := filepath.Join(dir, f.Name())
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			k.log(fmt.Sprintf("left out: %v", err))
		case !info.Mode().IsRegular():
			k.log(fmt.Sprintf("left out: %s is not a regular file", path))
		case slices.Contains(k.names(), base):
			k.log(fmt.Sprintf("left out: %s has the name of another model, %s", path, base))
		default:
			k.entries = append(k.entries, &entry{name: base, path: path, stamp: stampOf(info)})
		}
	}
	return nil
}

func stampOf(info os.FileInfo) stamp { return stamp{info.Size(), info.ModTime().Round(0).UTC()} }

func (k *Catalog) names() []string {
	var names []string
	for _, e := range k.entries {
		names = append(names, e.name)
	}
	return names
}

// readAll fills in what is not known yet.
func (k *Catalog) readAll(sidecar string) {
	kept, changed := readSidecar(sidecar), false
	for _, e := range slices.Clone(k.entries) {
		if e.known {
			continue
		}
		model, ok := kept.find(e)
		if !ok {
			fresh := &entry{name: e.name, path: e.path, stamp: e.stamp}
			if err := fresh.read(); err != nil {
				k.log(fmt.Sprintf("left out: %v", err))
				k.remove(e)
				continue
			}
			model = fresh.model
			kept[e.path], changed = record{e.stamp, model}, true
		}
		k.mu.Lock()
		e.model, e.known = model, true
		k.mu.Unlock()
	}
	if changed && sidecar != "" {
		if err := kept.write(sidecar); err != nil {
			k.log(fmt.Sprintf("the digests are computed again next time: %v", err))
		}
	}
}

func (k *Catalog) remove(e *entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if i := slices.Index(k.entries, e); i >= 0 {
		k.entries = slices.Delete(k.entries, i, i+1)
	}
}

// read parses the model's header and computes the digest of its file, without
// having all of it in memory.
func (e *entry) read() error {
	f, err := e.open()
	if err != nil {
		return err
	}
	defer f.Close()
	ckpt, err := weights.OpenGGUF(e.path, f, e.stamp.Size, nil)
	if err != nil {
		return err
	}
	if ckpt.Tokenizer == nil {
		return fmt.Errorf("%s: the model has no tokenizer", e.path)
	}
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	if err != nil {
		return err
	}
	if n != e.stamp.Size {
		return fmt.Errorf("%s: changed from %d to %d bytes while it was read", e.path, e.stamp.Size, n)
	}
	digest := hex.EncodeToString(hash.Sum(nil))
	title := ckpt.Config.Name
	if title == "" {
		title = e.name
	}
	e.model = Model{Name: e.name, Title: title, URL: "weights/" + digest + ".gguf", Digest: digest, Size: n,
		Context: ckpt.Config.Context, Quantisation: ckpt.Quantisation}
	e.known = true
	return nil
}

// errChanged is why a file is not served.
var errChanged = errors.New("the file has changed since the server was started")

// content is the bytes of a model.
type content interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// inMemory is the content of the built-in model.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// open opens the file that was listed, and no other of its name.
func (e *entry) open() (content, error) {
	if e.data != nil {
		return inMemory{bytes.NewReader(e.data)}, nil
	}
	f, err := os.Open(e.path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && stampOf(info) != e.stamp {
		err = fmt.Errorf("%s: %w", e.path, errChanged)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Open reads the checkpoint of a model, the first one where name is "", and
// returns its name in the list.
func (k *Catalog) Open(name string) (string, *weights.Model, error) {
	e, err := k.find(name)
	if err != nil {
		return "", nil, err
	}
	if e.data != nil {
		ckpt, err := weights.ParseGGUF(e.path, e.data)
		return e.name, ckpt, err
	}
	ckpt, err := weights.Open(e.path)
	if err == nil && ckpt.Tokenizer != nil && ckpt.Tokenizer.ChatTemplate == "" {
		ckpt.Tokenizer.ChatTemplate = k.template
	}
	return e.name, ckpt, err
}

// Name is that of the model which a name stands for: "" is the first.
func (k *Catalog) Name(name string) (string, error) {
	e, err := k.find(name)
	if err != nil {
		return "", err
	}
	return e.name, nil
}

func (k *Catalog) find(name string) (*entry, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.entries {
		if name == "" || e.name == name {
			return e, nil
		}
	}
	return nil, fmt.Errorf("there is no model %.100q here, there are: %s", name, strings.Join(k.names(), ", "))
}

// Wait waits until every file has been read.
func (k *Catalog) Wait(ctx context.Context) error {
	select {
	case <-k.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
