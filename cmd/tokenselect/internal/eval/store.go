package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// Store is the file that results go to, a line of JSON each after a first one of
// settings, or memory alone. Its methods may be called from any goroutine.
type Store struct {
	mu      sync.Mutex
	file    *os.File
	records []Record
	done    map[key]bool
}

// Open goes on with the file at path, which is refused if it has other settings,
// or starts it. Without a path nothing is kept after the run.
func Open(path string, s Settings) (*Store, error) {
	st := &Store{done: map[key]bool{}}
	if path == "" {
		return st, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	whole := bytes.LastIndexByte(raw, '\n') + 1 // an interruption may have left half a line
	if whole > 0 {
		rep, err := parse(path, raw[:whole])
		if err != nil {
			return nil, err
		}
		if d := rep.Settings.differs(s); d != "" {
			return nil, fmt.Errorf("%s was begun with other settings: %s (give another file, or the settings that it was begun with)", path, d)
		}
		for _, r := range rep.Records {
			st.keep(r)
		}
	} else if len(raw) > 0 && !bytes.HasPrefix(raw, []byte(`{"tokenselect_eval":`)) {
		return nil, fmt.Errorf("%s is no file of results: its first line is not the settings of one", path)
	}
	if st.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
		return nil, err
	}
	if err := st.file.Truncate(int64(whole)); err != nil {
		st.file.Close()
		return nil, err
	}
	if whole == 0 {
		if err := st.line(s); err != nil {
			st.file.Close()
			return nil, err
		}
	}
	return st, nil
}

func (s *Store) keep(r Record) bool {
	if s.done[r.key()] {
		return false
	}
	s.done[r.key()] = true
	s.records = append(s.records, r)
	return true
}

func (s *Store) line(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = s.file.Write(append(raw, '\n'))
	return err
}

// Add keeps a result.
func (s *Store) Add(r Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.keep(r) || s.file == nil {
		return nil
	}
	return s.line(r)
}

// Has tells whether a result is there.
func (s *Store) Has(policy, task string, length, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done[key{policy, task, length, n}]
}

// Records are the results so far.
func (s *Store) Records() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Record(nil), s.records...)
}

// Close closes the file.
func (s *Store) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// Read is the report in the file at path, of a run that may not have ended.
func Read(path string) (Report, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Report{}, err
	}
	return parse(path, raw[:bytes.LastIndexByte(raw, '\n')+1])
}

func parse(path string, raw []byte) (Report, error) {
	var rep Report
	for i, line := range bytes.Split(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n")) {
		if i == 0 {
			if err := json.Unmarshal(line, &rep.Settings); err != nil || rep.Settings.Format == 0 {
				return Report{}, fmt.Errorf("%s is no file of results: its first line is not the settings of one", path)
			}
			if rep.Settings.Format != Format {
				return Report{}, fmt.Errorf("%s has results of format %d, expected %d", path, rep.Settings.Format, Format)
			}
			continue
		}
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return Report{}, fmt.Errorf("%s: line %d: %w", path, i+1, err)
		}
		rep.Records = append(rep.Records, r)
	}
	return rep, nil
}
