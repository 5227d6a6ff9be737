package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// besides is a new file in the folder of out, which is to be moved there. Its own
// name is nobody's concern: an error has out's.
func besides(out string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(out), filepath.Base(out)+".part*")
	return f, named(out, err)
}

// named is an error about a file under the name that it was asked for by.
func named(path string, err error) error {
	var onPath *fs.PathError
	var onLink *os.LinkError
	switch {
	case errors.As(err, &onPath):
		err = onPath.Err
	case errors.As(err, &onLink):
		err = onLink.Err
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}

// checkWritable tells before there is anything to write whether writeFile can.
func checkWritable(out string) error {
	info, err := os.Stat(out)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder, expected a file", out)
	case err == nil && !info.Mode().IsRegular(): // what is moved there would take its place
		return fmt.Errorf("%s is no file that can be replaced", out)
	}
	f, err := besides(out)
	if err != nil {
		return err
	}
	return named(out, errors.Join(f.Close(), os.Remove(f.Name())))
}

// writeFile writes to a temporary file first, so that a failure leaves no half of
// one, nor harms a file that was there.
func writeFile(out string, write func(io.Writer) error) (int64, error) {
	tmp, err := besides(out)
	if err != nil {
		return 0, err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	w := bufio.NewWriterSize(tmp, 1<<20)
	err = write(w)
	if err := w.Flush(); err != nil { // what write has failed of, if that was the file
		return 0, named(out, err)
	}
	if err != nil {
		return 0, err
	}
	info, err := tmp.Stat()
	if err != nil {
		return 0, named(out, err)
	}
	if err := tmp.Chmod(0o644); err != nil {
		return 0, named(out, err)
	}
	if err := tmp.Close(); err != nil {
		return 0, named(out, err)
	}
	return info.Size(), named(out, os.Rename(tmp.Name(), out))
}

// writeBytes is writeFile for what is there already.
func writeBytes(out string, data []byte) error {
	_, err := writeFile(out, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	return err
}
