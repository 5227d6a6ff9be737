package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// part is a file that is being fetched: its bytes in PATH.part, and in
// PATH.part.json which of them are there. When it has been verified it is PATH.
type part struct {
	path  string // of the whole file
	file  File
	every time.Duration     // between two notes
	moved func(bytes int64) // is told of bytes that came, or were given up

	f *os.File // nil when the file is whole

	mu      sync.Mutex
	have    ranges
	noted   time.Time
	resumed bool // something was there from an earlier attempt
}

// journal is what PATH.part.json says. It is of one content: a file that has
// another digest by now starts anew.
type journal struct {
	Digest Digest `json:"digest"`
	Size   int64  `json:"size"`
	Have   ranges `json:"have"`
	Whole  bool   `json:"whole"` // verified, and called PATH
}

// localError is one of this machine's disk, which no other attempt helps.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// openPart goes on with what there is of a file below dir.
func openPart(dir string, file File, every time.Duration, moved func(int64)) (*part, error) {
	local, err := localPath(file.Path)
	if err != nil {
		return nil, err
	}
	p := &part{path: filepath.Join(dir, local), file: file, every: every, moved: moved}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o755); err != nil {
		return nil, localError{err}
	}
	j, ok := readJournal(p.path)
	ok = ok && j.Digest == file.Digest && j.Size == file.Size
	if ok && j.Whole {
		if info, err := os.Stat(p.path); err == nil && info.Size() == file.Size {
			moved(file.Size)
			return p, nil
		}
		ok = false
	}
	if p.f, err = os.OpenFile(p.path+".part", os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, localError{err}
	}
	if ok && len(j.Have) > 0 {
		info, err := p.f.Stat()
		if err == nil && info.Size() >= j.Have[len(j.Have)-1].To && info.Size() <= file.Size {
			p.have, p.resumed = j.Have, true
			moved(p.have.total())
			return p, nil
		}
	}
	if err := p.restart(); err != nil {
		p.f.Close()
		return nil, err
	}
	return p, nil
}

// readJournal reads what is noted of the file at path. What cannot be read is not
// known.
func readJournal(path string) (journal, bool) {
	var j journal
	raw, err := os.ReadFile(path + ".part.json")
	if err != nil || json.Unmarshal(raw, &j) != nil || !j.Have.valid(j.Size) {
		return journal{}, false
	}
	return j, true
}

// whole tells whether the file is there and verified.
func (p *part) whole() bool { return p.f == nil }

// restart gives up what is there.
func (p *part) restart() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved(-p.have.total())
	p.have, p.resumed = nil, false
	if err := p.note(false); err != nil {
		return err
	}
	if err := p.f.Truncate(0); err != nil {
		return localError{err}
	}
	return nil
}

// WriteAt writes bytes that came.
func (p *part) WriteAt(b []byte, at int64) (int, error) {
	n, err := p.f.WriteAt(b, at)
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.have.total()
	p.have.add(span{at, at + int64(n)})
	p.moved(p.have.total() - before)
	if err != nil {
		return n, localError{err}
	}
	if time.Since(p.noted) >= p.every {
		// A note that fails, because something else reads the last one, costs no more
		// than the next one makes good.
		p.note(false)
	}
	return n, nil
}

// ReadAt reads bytes that are there.
func (p *part) ReadAt(b []byte, at int64) (int, error) {
	if p.f != nil {
		return p.f.ReadAt(b, at)
	}
	f, err := os.Open(p.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(b, at)
}

// missing are the bytes of s that are not there.
func (p *part) missing(s span) []span {
	if p.whole() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.have.missing(s)
}

// goesOn tells whether some of it is from an earlier attempt.
func (p *part) goesOn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resumed
}

// note writes the journal, as a whole. The lock is held.
func (p *part) note(whole bool) error {
	p.noted = time.Now()
	raw, err := json.Marshal(journal{p.file.Digest, p.file.Size, p.have, whole})
	if err != nil {
		return err
	}
	name := p.path + ".part.json"
	if err := os.WriteFile(name+".new", raw, 0o644); err != nil {
		return localError{err}
	}
	if err := os.Rename(name+".new", name); err != nil {
		return localError{err}
	}
	return nil
}

// finish gives a verified file its name. Its bytes are on the disk before that,
// so that a power cut cannot leave a file with the name and without them.
func (p *part) finish() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.f
	err := errors.Join(f.Sync(), f.Close())
	p.f = nil
	if err == nil {
		err = os.Rename(p.path+".part", p.path)
	}
	if err != nil {
		return localError{err}
	}
	return p.note(true)
}

// close notes what is there.
func (p *part) close() error {
	if p.whole() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.note(false), p.f.Close())
}

// byteSize is a number of bytes in words.
func byteSize(n int64) string {
	v, unit := float64(n), "KiB"
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v /= 1 << 10; v < 1<<10 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}
