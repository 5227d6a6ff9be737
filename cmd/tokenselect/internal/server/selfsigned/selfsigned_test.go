package selfsigned_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"tokenselect/cmd/tokenselect/internal/server/selfsigned"
)

func load(t *testing.T, dir string, hosts ...string) tls.Certificate {
	t.Helper()
	c, err := selfsigned.Load(dir, hosts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	first := load(t, dir, "localhost", "127.0.0.1")
	known := selfsigned.Fingerprint(first)
	if !regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`).MatchString(known) {
		t.Errorf("fingerprint %q", known)
	}
	if info, err := os.Stat(filepath.Join(dir, "certificate.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v %v", info, err)
	}
	if again := load(t, dir, "127.0.0.1"); selfsigned.Fingerprint(again) != known {
		t.Error("the certificate was not kept")
	}
	more := load(t, dir, "192.0.2.7", "office.example")
	if selfsigned.Fingerprint(more) == known {
		t.Error("the certificate does not cover a new address")
	}
	if back := load(t, dir, "localhost", "127.0.0.1", "192.0.2.7"); selfsigned.Fingerprint(back) != selfsigned.Fingerprint(more) {
		t.Error("the certificate changes with every move between two networks")
	}

	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{more}}
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(more.Leaf)
	for _, name := range []string{"localhost", "127.0.0.1", "office.example", "192.0.2.7"} {
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
	}

	if err := os.WriteFile(filepath.Join(dir, "certificate.pem"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := selfsigned.Load(dir, nil); err == nil {
		t.Error("a damaged file was replaced, and with it a fingerprint that people know")
	}
}

func TestHosts(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if h := selfsigned.Hosts(host); !slices.Equal(h, []string{"localhost", "127.0.0.1", "::1"}) {
			t.Errorf("%s: %v", host, h)
		}
	}
	if h := selfsigned.Hosts("192.0.2.7"); !slices.Contains(h, "192.0.2.7") {
		t.Errorf("%v", h)
	}
	for _, a := range selfsigned.Addresses() {
		if net.ParseIP(a) == nil || !slices.Contains(selfsigned.Hosts("0.0.0.0"), a) || !slices.Contains(selfsigned.Hosts(""), a) {
			t.Errorf("address %s is not covered", a)
		}
	}
}
