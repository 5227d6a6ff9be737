// Package selfsigned makes a certificate for a server that nobody has given one,
// and keeps it, so that those who trusted it once are not asked again.
package selfsigned

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	lifetime = 397 * 24 * time.Hour // browsers take no longer one
	renewal  = 30 * 24 * time.Hour  // before its end
)

// Load reads the certificate kept in dir, or makes a new one where there is
// none, where it does not cover all of hosts (names and addresses), or where it
// ends soon. A new one covers what the old one did too, so that a laptop that
// moves between networks settles on one.
func Load(dir string, hosts []string) (tls.Certificate, error) {
	path := filepath.Join(dir, "certificate.pem")
	cert, err := read(path)
	if err == nil && covers(cert.Leaf, hosts) && time.Until(cert.Leaf.NotAfter) > renewal {
		return cert, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return tls.Certificate{}, fmt.Errorf("%w; delete the file to have a new one made", err)
	}
	if err == nil {
		hosts = append(slices.Clone(hosts), cert.Leaf.DNSNames...)
		for _, ip := range cert.Leaf.IPAddresses {
			hosts = append(hosts, ip.String())
		}
	}
	raw, err := create(hosts)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, fmt.Errorf("selfsigned: %w", err)
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		return tls.Certificate{}, fmt.Errorf("selfsigned: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return tls.Certificate{}, fmt.Errorf("selfsigned: %w", err)
	}
	return read(path)
}

func read(path string) (tls.Certificate, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("selfsigned: %w", err)
	}
	cert, err := tls.X509KeyPair(raw, raw)
	if err != nil {
		return cert, fmt.Errorf("selfsigned: %s: %w", path, err)
	}
	return cert, nil
}

func covers(cert *x509.Certificate, hosts []string) bool {
	for _, h := range hosts {
		if cert.VerifyHostname(h) != nil {
			return false
		}
	}
	return true
}

// create makes a key and a certificate for hosts, both as PEM.
func create(hosts []string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("selfsigned: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("selfsigned: %w", err)
	}
	now := time.Now()
	c := x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "tokenselect"},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		BasicConstraintsValid: true,
	}
	for _, h := range slices.Compact(slices.Sorted(slices.Values(hosts))) {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("selfsigned: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("selfsigned: %w", err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// Hosts are the names and addresses under which a server that listens on host
// can be reached: all of the machine's where host is "" or stands for all.
func Hosts(host string) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
		return hosts
	}
	if name, err := os.Hostname(); err == nil && name != "" && name != "localhost" {
		hosts = append(hosts, strings.ToLower(name))
	}
	return append(hosts, Addresses()...)
}

// Addresses are those of this machine that others can reach.
func Addresses() []string {
	var list []string
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			list = append(list, n.IP.String())
		}
	}
	return list
}

// Fingerprint is the SHA-256 of a certificate as browsers show it.
func Fingerprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}
