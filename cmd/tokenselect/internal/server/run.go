package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Listen listens on addr. An error says what to do.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		port := "8081"
		if host, _, e := net.SplitHostPort(addr); e == nil {
			return nil, fmt.Errorf("-addr %s cannot be used: %w; if another program has it, choose another port, for example -addr %s, or port 0 for any that is free",
				addr, err, net.JoinHostPort(host, port))
		}
		return nil, fmt.Errorf("-addr %q: %w; expected HOST:PORT, for example 127.0.0.1:8080", addr, err)
	}
	return l, nil
}

// Run serves on l until ctx ends. Then nothing new is begun; answers that are
// running may end, for at most grace; what is left is ended, and pages are told
// that the server goes.
func (s *Server) Run(ctx context.Context, l net.Listener, grace time.Duration) error {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	go s.assets.Compress()
	select {
	case err := <-failed:
		return fmt.Errorf("server: %w", err)
	case <-ctx.Done():
	}

	quiet := s.hub.Drain()
	s.queue.Close()
	deadline, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	requests := make(chan error, 1)
	go func() { requests <- srv.Shutdown(deadline) }()
	select {
	case <-quiet:
	case <-deadline.Done():
	}
	// Saying goodbye takes a moment of its own.
	leaving, cancel2 := context.WithTimeout(context.Background(), farewell)
	defer cancel2()
	err := s.hub.Close(leaving, "the server is shutting down")
	if e := <-requests; e != nil && !errors.Is(e, context.DeadlineExceeded) {
		err = errors.Join(err, e)
	}
	return errors.Join(err, srv.Close())
}

// farewell is how long pages have to take note that the server goes.
const farewell = 5 * time.Second
