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
	URL          string `json:"url"`    // relative to the list's; "" of a split model
	Digest       string `json:"digest"` // SHA-256 of the file, or of its parts' digests one after another; hexadecimal
	Size         int64  `json:"size"`   // bytes
	Context      int    `json:"context"`
	Quantisation string `json:"quantisation"`
	Parts        []Part `json:"parts,omitempty"` // the files of a split model, in order
}

// Part is a file of a model that is split into several.
type Part struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

// Builtin is a model in memory. Its bytes must not be changed.
type Builtin struct {
	Name string // short, for people and commands
	Path string // for errors
	Data []byte
}

// File is a GGUF file with a name of its own, or any file of a split one.
type File struct{ Name, Path string }

// Config is what a catalogue is made of.
type Config struct {
	Builtin Builtin
	Files   []File
	Dir     string       // every *.gguf in it is a model, those of a split one together; "": none
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

// entry is a model, known by name from the start and in full once its files have
// been read.
type entry struct {
	name  string
	files []file // more than one of a split model

	known bool // model is filled in
	model Model
}

// path is that of the model, by which its other files are found.
func (e *entry) path() string { return e.files[0].path }

// file is one that was listed.
type file struct {
	path  string
	data  []byte // of the built-in model, else nil
	stamp stamp
}

// stamp tells whether a file is the one that was read.
type stamp struct {
	Size    int64     `json:"size"`
	Changed time.Time `json:"changed"`
}

// ErrFirst is New's error where Config.First is none of the models.
var ErrFirst = errors.New("there is no model")

// New lists the models. The files of Dir are read in the background.
func New(c Config) (*Catalog, error) {
	if c.Log == nil {
		c.Log = func(string) {}
	}
	k := &Catalog{log: c.Log, template: c.Template, ready: make(chan struct{})}
	b := &entry{name: c.Builtin.Name, files: []file{{path: c.Builtin.Path, data: c.Builtin.Data, stamp: stamp{Size: int64(len(c.Builtin.Data))}}}}
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
			return nil, fmt.Errorf("catalog: %w %q, there are: %s", ErrFirst, c.First, strings.Join(k.names(), ", "))
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
	e, err := k.entry(f.Name, f.Path)
	if err == nil {
		k.entries = append(k.entries, e)
	}
	return err
}

// entry is the model of that name in the file at path and, where it is split, in
// the others.
func (k *Catalog) entry(name, path string) (*entry, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	paths := []string{path}
	if stem, _, count := weights.SplitName(path); count > 0 {
		paths = weights.SplitNames(stem, count)
	}
	e := &entry{name: name}
	for i, p := range paths {
		info, err := os.Stat(p)
		switch {
		case errors.Is(err, os.ErrNotExist) && len(paths) > 1:
			return nil, fmt.Errorf("%s: part %d of %d is missing, %s", path, i+1, len(paths), filepath.Base(p))
		case err != nil:
			return nil, err
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s is not a regular file", p)
		}
		e.files = append(e.files, file{path: p, stamp: stampOf(info)})
	}
	if slices.Contains(k.names(), name) {
		return nil, fmt.Errorf("%s has the name of another model, %s", path, name)
	}
	return e, nil
}

// scan finds the files of dir.
func (k *Catalog) scan(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("catalog: models: %w", err)
	}
	seen := map[string]bool{} // the first parts of split models
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".gguf")
		if !ok || f.IsDir() {
			continue
		}
		if stem, _, count := weights.SplitName(f.Name()); count > 0 {
			first := weights.SplitNames(stem, count)[0]
			if seen[first] {
				continue
			}
			seen[first], name = true, stem
		}
		e, err := k.entry(name, filepath.Join(dir, f.Name()))
		if err != nil {
			k.log(fmt.Sprintf("left out: %v", err))
			continue
		}
		k.entries = append(k.entries, e)
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
			fresh := &entry{name: e.name, files: e.files}
			if err := fresh.read(); err != nil {
				k.log(fmt.Sprintf("left out: %v", err))
				k.remove(e)
				continue
			}
			model = fresh.model
			kept[e.path()], changed = newRecord(e, model), true
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

// read parses the model's header and computes the digests of its files, without
// having all of them in memory.
func (e *entry) read() error {
	var open []content
	defer func() {
		for _, f := range open {
			f.Close()
		}
	}()
	var parts []weights.Part
	for _, file := range e.files {
		f, err := file.open()
		if err != nil {
			return err
		}
		open = append(open, f)
		parts = append(parts, weights.Part{Name: file.path, R: f, Size: file.stamp.Size})
	}
	ckpt, err := weights.OpenGGUFParts(e.path(), parts...)
	if err != nil {
		return err
	}
	if ckpt.Tokenizer == nil {
		return fmt.Errorf("%s: the model has no tokenizer", e.path())
	}
	m := Model{Name: e.name, Title: ckpt.Config.Name, Context: ckpt.Config.Context, Quantisation: ckpt.Quantisation}
	if m.Title == "" {
		m.Title = e.name
	}
	all := sha256.New()
	for i, f := range open {
		p, err := e.files[i].part(f)
		if err != nil {
			return err
		}
		io.WriteString(all, p.Digest)
		m.Size += p.Size
		m.Parts = append(m.Parts, p)
	}
	if len(m.Parts) == 1 {
		m.URL, m.Digest, m.Parts = m.Parts[0].URL, m.Parts[0].Digest, nil
	} else {
		m.Digest = hex.EncodeToString(all.Sum(nil))
	}
	e.model, e.known = m, true
	return nil
}

// part is what a page is told of the file, which is open as r.
func (f file) part(r io.Reader) (Part, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, r)
	if err != nil {
		return Part{}, err
	}
	if n != f.stamp.Size {
		return Part{}, fmt.Errorf("%s: changed from %d to %d bytes while it was read", f.path, f.stamp.Size, n)
	}
	digest := hex.EncodeToString(hash.Sum(nil))
	return Part{Name: filepath.Base(f.path), URL: "weights/" + digest + ".gguf", Digest: digest, Size: n}, nil
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
func (f file) open() (content, error) {
	if f.data != nil {
		return inMemory{bytes.NewReader(f.data)}, nil
	}
	r, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	info, err := r.Stat()
	if err == nil && stampOf(info) != f.stamp {
		err = fmt.Errorf("%s: %w", f.path, errChanged)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Open reads the checkpoint of a model, the first one where name is "", and
// returns its name in the list.
func (k *Catalog) Open(name string) (string, *weights.Model, error) {
	e, err := k.find(name)
	if err != nil {
		return "", nil, err
	}
	if data := e.files[0].data; data != nil {
		ckpt, err := weights.ParseGGUF(e.path(), data)
		return e.name, ckpt, err
	}
	ckpt, err := weights.Open(e.path())
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
