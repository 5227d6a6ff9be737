//go:build !js

package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"tokenselect/cmd/tokenselect/internal/server/selfsigned"
)

// listenTLS is l with the certificate that was asked for, and the fingerprint of
// one that was made here; nil where none was.
func (f *serveFlags) listenTLS(l net.Listener) (secure net.Listener, fingerprint string, err error) {
	var cert tls.Certificate
	switch {
	case f.cert != "":
		if cert, err = tls.LoadX509KeyPair(f.cert, f.key); err != nil {
			return nil, "", fmt.Errorf("-tls-cert %s -tls-key %s: %w", f.cert, f.key, err)
		}
	case f.tls == "auto":
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil, "", fmt.Errorf("-tls auto: there is no folder to keep the certificate in: %w", err)
		}
		host, _, _ := net.SplitHostPort(f.addr)
		if cert, err = selfsigned.Load(filepath.Join(dir, "tokenselect"), selfsigned.Hosts(host)); err != nil {
			return nil, "", fmt.Errorf("-tls auto: %w", err)
		}
		fingerprint = selfsigned.Fingerprint(cert)
	default:
		return nil, "", nil
	}
	return tls.NewListener(l, &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	}), fingerprint, nil
}

// others is where the page is for other machines.
func (f *serveFlags) others(addr net.Addr, secure bool) []string {
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
		return nil
	}
	var urls []string
	for _, a := range selfsigned.Addresses() {
		urls = append(urls, scheme(secure)+net.JoinHostPort(a, port)+"/")
	}
	if !secure && len(urls) > 0 {
		urls[len(urls)-1] += "  (without WebGPU, which browsers give to https and localhost only: see -tls auto)"
	}
	return urls
}
