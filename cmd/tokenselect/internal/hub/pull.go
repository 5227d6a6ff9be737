package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say how a model is pulled.
type Options struct {
	// Header looks at the beginning of each file of a GGUF model before the rest is
	// fetched, and Folder at a folder that has all of a safetensors model but its
	// weights. What they refuse is not fetched. nil: everything is.
	Header func(files []Header) error
	Folder func(dir string) error

	Say      func(line string)  // is told what happens, a line at a time
	Progress func(p Progress)   // is told how far it is; from several goroutines, one at a time
	Free     func(string) int64 // bytes free below a folder, -1: not known; nil: the system is asked
}

// Header is a file of which as much is fetched as is read.
type Header struct {
	Path string // in the repository
	Size int64
	io.ReaderAt
}

// Progress is how far a model is fetched, in bytes.
type Progress struct {
	Done, Total int64
	Verifying   bool // Done is of the file that is being verified, as is Total
}

// pull is one run of Pull.
type pull struct {
	c     *Client
	store Store
	o     Options
	repo  *Repo
	plan  plan
	name  Name
	dir   string // the folder under partial/

	weights bool // more is there than what a model is refused for

	mu   sync.Mutex
	done int64
}

// Pull fetches the model that name means into the store, or brings it up to date,
// and returns it. After an error, or when ctx ends, what has been fetched is kept
// for the next time, unless it was found to be wrong.
func (c *Client) Pull(ctx context.Context, s Store, name Name, o Options) (Model, error) {
	p := &pull{c: c, store: s, o: o}
	if p.o.Say == nil {
		p.o.Say = func(string) {}
	}
	if p.o.Progress == nil {
		p.o.Progress = func(Progress) {}
	}
	var err error
	if p.repo, err = c.Repo(ctx, name, p.o.Say); err != nil {
		return Model{}, err
	}
	if p.plan, err = choose(p.repo, name.File); err != nil {
		return Model{}, err
	}
	if p.plan.why != "" {
		p.o.Say(p.plan.why)
	}
	if id := p.repo.Owner + "/" + p.repo.Name; !strings.EqualFold(id, name.ID()) {
		p.o.Say(name.ID() + " is called " + id + " by now")
	}
	p.name = Name{Owner: p.repo.Owner, Repo: p.repo.Name, Revision: name.Revision}
	p.dir = filepath.Join(s.folder("partial", p.name), p.plan.unit)
	l, err := s.wait(ctx, p.name, p.plan.unit, func() { p.o.Say("another tokenselect is pulling this model; waiting for it") })
	if err != nil {
		return Model{}, p.unwritable(err)
	}
	defer l.release()
	final := filepath.Join(s.folder("models", p.name), p.plan.unit)
	if err := p.unlessThere(ctx, final); err != nil {
		return Model{}, p.unwritable(c.explain(err, name))
	}
	all, err := s.List()
	i := slices.IndexFunc(all, func(m Model) bool { return m.Complete && m.Dir == final })
	if i < 0 {
		return Model{}, errors.Join(fmt.Errorf("%s was removed while it was pulled", final), err)
	}
	return all[i], nil
}

// unwritable says which folder it is that cannot be written to.
func (p *pull) unwritable(err error) error {
	if errors.Is(err, fs.ErrPermission) || strings.Contains(fmt.Sprint(err), "read-only") {
		return fmt.Errorf("the folder of pulled models, %s, cannot be written to (TOKENSELECT_CACHE or -cache names another): %w", p.store.Root, err)
	}
	return err
}

// record is what the folder of the model says of it.
func (p *pull) record() record {
	return record{Owner: p.name.Owner, Repo: p.name.Repo, Revision: p.name.Revision, Commit: p.repo.Commit, Kind: p.plan.kind,
		Quant: p.plan.quant, Files: p.plan.files, When: time.Now().Round(time.Second)}
}

// unlessThere fetches the model into final, unless it is there already.
func (p *pull) unlessThere(ctx context.Context, final string) error {
	old, err := readModel(final, true)
	if err == nil && slices.Equal(old.record.Files, p.plan.files) && old.intact() {
		p.o.Say("up to date")
		if err := os.RemoveAll(p.dir); err != nil {
			return err
		}
		return p.record().write(final)
	}
	if err := p.prepare(old); err != nil {
		return err
	}
	parts, err := p.open()
	if err != nil {
		return err
	}
	err = p.fetch(ctx, parts)
	for _, f := range parts {
		if cerr := f.part.close(); err == nil {
			err = cerr
		}
	}
	var refused refusal
	if errors.As(err, &refused) && !p.weights {
		p.moved(-p.done)
		return errors.Join(err, os.RemoveAll(p.dir))
	}
	if err != nil {
		return err
	}
	return p.appear(final)
}

// refusal is why a model is not fetched at all. Nothing of it is left.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// intact tells whether all files of a complete model are still there.
func (m Model) intact() bool {
	for _, f := range m.record.Files {
		info, err := os.Stat(filepath.Join(m.Dir, filepath.FromSlash(f.Path)))
		if err != nil || info.Size() != f.Size {
			return false
		}
	}
	return true
}

// prepare makes the folder that the model is fetched into: without what an
// earlier attempt left of files that are none of it, and with files that the
// model had before and still has.
func (p *pull) prepare(old Model) error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	if err := p.record().write(p.dir); err != nil {
		return err
	}
	keep := map[string]bool{filepath.Join(p.dir, recordName): true}
	for _, f := range p.plan.files {
		path := filepath.Join(p.dir, filepath.FromSlash(f.Path))
		keep[path], keep[path+".part"], keep[path+".part.json"] = true, true, true
		if i := slices.Index(old.record.Files, f); i >= 0 {
			p.reuse(filepath.Join(old.Dir, filepath.FromSlash(f.Path)), path, f)
		}
	}
	return filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || keep[path] {
			return err
		}
		return os.Remove(path)
	})
}

// reuse has a file of the model as it was be one of the new one too, under a
// second name: content that has not changed is not fetched again. Where the
// system has no second names it is.
func (p *pull) reuse(from, to string, f File) {
	if info, err := os.Stat(from); err != nil || info.Size() != f.Size || os.MkdirAll(filepath.Dir(to), 0o755) != nil {
		return
	}
	if os.Link(from, to) == nil {
		q := part{path: to, file: f}
		q.note(true)
	}
}

// open opens what there is of each file.
func (p *pull) open() ([]*fetcher, error) {
	var all []*fetcher
	for _, file := range p.plan.files {
		q, err := openPart(p.dir, file, p.c.Timing.Journal, p.moved)
		if err != nil {
			for _, f := range all {
				f.part.close()
			}
			return nil, err
		}
		parts := append([]string{p.name.Owner, p.name.Repo, "resolve", p.repo.Commit}, strings.Split(file.Path, "/")...)
		all = append(all, &fetcher{c: p.c, part: q, u: p.c.address(parts...), say: p.o.Say})
	}
	return all, nil
}

// moved is told of bytes that came, or were given up.
func (p *pull) moved(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += bytes
	p.o.Progress(Progress{Done: p.done, Total: p.plan.size()})
}

// fetch fetches what is missing, after a look at whether it is worth it, and
// verifies it.
func (p *pull) fetch(ctx context.Context, files []*fetcher) error {
	p.mu.Lock()
	have := p.done
	p.mu.Unlock()
	if p.weights = have > 0; p.weights && have < p.plan.size() {
		p.o.Say(fmt.Sprintf("going on with %s of %s", byteSize(have), byteSize(p.plan.size())))
	}
	if err := p.room(p.plan.size() - have); err != nil {
		return err
	}
	checked := p.o.Folder == nil
	if p.plan.kind == kindGGUF {
		checked = p.o.Header == nil
		if !checked {
			switch err := p.header(ctx, files); {
			case err == nil:
				checked = true
			case !errors.Is(err, errNoRanges):
				return err
			}
		}
	}
	for _, f := range files {
		if weights := strings.HasSuffix(f.part.file.Path, ".safetensors"); weights && !checked {
			if err := p.o.Folder(p.dir); err != nil {
				return refusal{err}
			}
			checked = true
		}
		p.weights = p.weights || strings.HasSuffix(f.part.file.Path, "."+p.plan.kind)
		if err := p.file(ctx, f); err != nil {
			return err
		}
	}
	if !checked {
		return p.header(ctx, files)
	}
	return nil
}

// room refuses what the disk has no room for.
func (p *pull) room(need int64) error {
	free := int64(-1)
	if p.o.Free != nil {
		free = p.o.Free(p.store.Root)
	} else if n, ok := freeSpace(p.store.Root); ok {
		free = n
	}
	if free >= 0 && free < need {
		return refusal{fmt.Errorf("%s more are needed, and the disk of %s has %s free (TOKENSELECT_CACHE or -cache names another folder)", byteSize(need), p.store.Root, byteSize(free))}
	}
	return nil
}

// header looks at the beginnings of GGUF files.
func (p *pull) header(ctx context.Context, files []*fetcher) error {
	var headers []Header
	var readers []*onDemand
	for _, f := range files {
		r := &onDemand{ctx: ctx, f: f}
		readers = append(readers, r)
		headers = append(headers, Header{f.part.file.Path, f.part.file.Size, r})
	}
	err := p.o.Header(headers)
	for _, r := range readers {
		if r.err != nil {
			return r.err
		}
	}
	if err != nil {
		return refusal{err}
	}
	return nil
}

// file fetches and verifies one file. Where a part of it is from an earlier
// attempt and the whole is wrong, that part may be what is, and it is fetched
// anew.
func (p *pull) file(ctx context.Context, f *fetcher) error {
	for !f.part.whole() {
		resumed := f.part.goesOn()
		if err := f.whole(ctx); err != nil {
			return err
		}
		digest, err := p.verify(ctx, f.part)
		if err != nil {
			return err
		}
		if digest == f.part.file.Digest {
			return f.part.finish()
		}
		if err := f.part.restart(); err != nil {
			return err
		}
		if !resumed {
			return fmt.Errorf("%s: what came has the digest %s, expected %s: it is damaged, or not what the hub lists, and has been deleted", f.part.file.Path, digest, f.part.file.Digest)
		}
		f.forget()
		p.o.Say(f.part.file.Path + " is not what the hub lists; it is fetched anew")
	}
	return nil
}

// verify is the digest of what came.
func (p *pull) verify(ctx context.Context, q *part) (Digest, error) {
	done := int64(0)
	return q.file.Digest.of(ctx, readerFunc(func(b []byte) (int, error) {
		n, err := q.f.ReadAt(b[:min(int64(len(b)), q.file.Size-done)], done)
		if done += int64(n); done == q.file.Size {
			err = io.EOF
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.o.Progress(Progress{Done: done, Total: q.file.Size, Verifying: true})
		return n, err
	}), q.file.Size)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// appear gives the folder of the model its place among the complete ones, and
// takes the one of the model as it was away.
func (p *pull) appear(final string) error {
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return err
	}
	old := filepath.Join(p.store.folder("old", p.name), p.plan.unit)
	if err := errors.Join(os.RemoveAll(old), os.MkdirAll(filepath.Dir(old), 0o755)); err != nil {
		return err
	}
	defer p.store.prune(filepath.Dir(old))
	restore := func() error { return nil }
	switch err := os.Rename(final, old); {
	case err == nil:
		defer os.RemoveAll(old)
		restore = func() error { return os.Rename(old, final) }
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the model as it was cannot be replaced, some program may be using it: %w", err)
	}
	if err := os.Rename(p.dir, final); err != nil {
		return errors.Join(err, restore())
	}
	// Until here the notes say that the files are verified.
	for _, f := range p.plan.files {
		if err := os.Remove(filepath.Join(final, filepath.FromSlash(f.Path)) + ".part.json"); err != nil {
			return err
		}
	}
	return nil
}
