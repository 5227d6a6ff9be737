package server

import (
	"io"
	"net/http"
)

// counted remembers the status of an answer. What the writer beneath can do
// besides is found through Unwrap and ReadFrom: files go to the network without
// a copy in memory.
type counted struct {
	http.ResponseWriter
	status int
}

func (c *counted) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.ResponseWriter, r) }

func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
