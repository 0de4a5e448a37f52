package llmshield

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// How long a source may take to yield certificates.
const loadLimit = 10 * time.Second

// certificateStore holds the last certificates that were fit for use.
type certificateStore struct {
	source CertificateSource
	logger *slog.Logger

	mu         sync.Mutex
	config     *tls.Config
	digest     [sha256.Size]byte
	generation uint64
}

// refresh takes up the certificates as they are now. Those that cannot be used leave the last ones in force.
func (s *certificateStore) refresh(ctx context.Context) error {
	certificates, err := s.source.Load(ctx)
	if err != nil {
		return err
	}
	digest := sha256.New()
	for _, part := range [][]byte{certificates.Authorities, certificates.Chain, certificates.Key} {
		fmt.Fprintf(digest, "%d\n", len(part))
		digest.Write(part)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.config != nil && [sha256.Size]byte(digest.Sum(nil)) == s.digest {
		return nil
	}
	config, err := tlsConfig(certificates)
	if err != nil {
		return err
	}
	s.config, s.digest = config, [sha256.Size]byte(digest.Sum(nil))
	s.generation++
	return nil
}

// refreshOrKeep is refresh where the last certificates are as good as any.
func (s *certificateStore) refreshOrKeep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, loadLimit)
	defer cancel()
	if err := s.refresh(ctx); err != nil && ctx.Err() == nil {
		s.logger.WarnContext(ctx, "certificates were not reloaded; those before stay in use", "error", err)
	}
}

// current returns the certificates, and a number that grows with each change of them.
func (s *certificateStore) current() (*tls.Config, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config, s.generation
}

func ownInterval(source CertificateSource) (time.Duration, bool) {
	own, ok := source.(interface{ ReloadInterval() time.Duration })
	if !ok {
		return 0, false
	}
	return own.ReloadInterval(), true
}

func tlsConfig(certificates *Certificates) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(certificates.Chain, certificates.Key)
	if err != nil {
		// INVARIANT: the cause may quote what it read, but only the types of PEM blocks of it.
		return nil, fmt.Errorf("the client's certificate and key cannot be used: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(certificates.Authorities) {
		return nil, errors.New("there is no certificate among the authorities")
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair},
		RootCAs:      authorities,
		MinVersion:   tls.VersionTLS13,
	}, nil
}

// reloadingCredentials makes each handshake with the certificates of its moment. A tls.Config alone cannot: its
// authorities are fixed.
type reloadingCredentials struct {
	store      *certificateStore
	serverName string
}

func (c *reloadingCredentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if _, own := ownInterval(c.store.source); !own {
		c.store.refreshOrKeep(ctx)
	}
	return c.now().ClientHandshake(ctx, authority, raw)
}

func (c *reloadingCredentials) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("these are credentials of a client")
}

func (c *reloadingCredentials) Info() credentials.ProtocolInfo { return c.now().Info() }

func (c *reloadingCredentials) Clone() credentials.TransportCredentials {
	return &reloadingCredentials{c.store, c.serverName}
}

// OverrideServerName is what gRPC's interface has kept from earlier days; [WithServerName] is ours.
func (c *reloadingCredentials) OverrideServerName(name string) error {
	c.serverName = name
	return nil
}

func (c *reloadingCredentials) now() credentials.TransportCredentials {
	config, _ := c.store.current()
	config = config.Clone()
	config.ServerName = c.serverName
	return credentials.NewTLS(config)
}
