package llmshield

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Certificates are what a client authenticates itself and its server with, each in PEM.
type Certificates struct {
	// Authorities are those that sign the server's certificate.
	Authorities []byte
	// Chain is the client's certificate, and its intermediates.
	Chain []byte
	// Key is the private key of the first certificate.
	Key []byte
}

// String tells nothing, so that a key does not get into a log.
func (Certificates) String() string { return "llmshield.Certificates{…}" }

// GoString tells nothing either.
func (c Certificates) GoString() string { return c.String() }

// CertificateSource yields certificates. It is asked again at each reload interval, and before each connection. A source
// with a method ReloadInterval() time.Duration, for which asking is dear, is asked at that interval only.
type CertificateSource interface {
	// Load returns the certificates as they are now.
	Load(ctx context.Context) (*Certificates, error)
}

// CertificateSourceFunc is a function that is a [CertificateSource].
type CertificateSourceFunc func(ctx context.Context) (*Certificates, error)

// Load calls the function.
func (f CertificateSourceFunc) Load(ctx context.Context) (*Certificates, error) { return f(ctx) }

// Files reads the certificates from three PEM files.
func Files(authorities, chain, key string) CertificateSource {
	return CertificateSourceFunc(func(context.Context) (*Certificates, error) {
		var certificates Certificates
		for path, into := range map[string]*[]byte{
			authorities: &certificates.Authorities, chain: &certificates.Chain, key: &certificates.Key,
		} {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("cannot read certificates: %w", err)
			}
			*into = text
		}
		return &certificates, nil
	})
}

// Directory reads ca.crt, tls.crt and tls.key from a directory, as Kubernetes mounts a TLS secret.
func Directory(directory string) CertificateSource {
	return Files(
		filepath.Join(directory, "ca.crt"), filepath.Join(directory, "tls.crt"), filepath.Join(directory, "tls.key"))
}
