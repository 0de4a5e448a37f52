package llmshield_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	llmshield "github.com/llm-shield/llm-shield/clients/go"
	"github.com/llm-shield/llm-shield/clients/go/shieldv1"
)

// scripted is a server that does as a test says. What the real one does is for the conformance suite.
type scripted struct {
	shieldv1.UnimplementedShieldServiceServer
	calls  atomic.Int64
	scan   func(context.Context) error
	redact func(context.Context) error
	audit  func(shieldv1.ShieldService_AuditServer) error
}

func (s *scripted) Scan(ctx context.Context, _ *shieldv1.ScanRequest) (*shieldv1.ScanResponse, error) {
	s.calls.Add(1)
	if s.scan != nil {
		if err := s.scan(ctx); err != nil {
			return nil, err
		}
	}
	return &shieldv1.ScanResponse{Action: shieldv1.Action_ACTION_ALLOW}, nil
}

func (s *scripted) Redact(ctx context.Context, _ *shieldv1.RedactRequest) (*shieldv1.RedactResponse, error) {
	if s.redact != nil {
		if err := s.redact(ctx); err != nil {
			return nil, err
		}
	}
	return &shieldv1.RedactResponse{Action: shieldv1.Action_ACTION_REDACT}, nil
}

func (s *scripted) Audit(_ *shieldv1.AuditRequest, stream shieldv1.ShieldService_AuditServer) error {
	return s.audit(stream)
}

// ScanStream releases each piece, and ends with a decision.
func (s *scripted) ScanStream(stream shieldv1.ShieldService_ScanStreamServer) error {
	s.calls.Add(1)
	released := uint64(0)
	for {
		request, err := stream.Recv()
		if err != nil {
			return stream.Send(&shieldv1.ScanStreamResponse{Message: &shieldv1.ScanStreamResponse_Summary{
				Summary: &shieldv1.ScanResponse{Action: shieldv1.Action_ACTION_ALLOW}}})
		}
		if request.GetConfig().GetPolicy() == "away" {
			return status.Error(codes.Unavailable, "away")
		}
		if delta := request.GetDelta(); len(delta) > 0 {
			released += uint64(len(delta))
			err := stream.Send(&shieldv1.ScanStreamResponse{
				Message: &shieldv1.ScanStreamResponse_ReleasedBytes{ReleasedBytes: released}})
			if err != nil {
				return err
			}
		}
	}
}

// authority signs the certificates of a test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	return &authority{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue returns a certificate for a name, and its key, in PEM.
func (a *authority) issue(t *testing.T, name string) (chain, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: serial(t), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	must(t, err)
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER})
}

// directory writes a client's certificates as they are mounted.
func (a *authority) directory(t *testing.T, name string) string {
	t.Helper()
	directory := t.TempDir()
	chain, key := a.issue(t, name)
	for file, text := range map[string][]byte{"ca.crt": a.pem, "tls.crt": chain, "tls.key": key} {
		must(t, os.WriteFile(filepath.Join(directory, file), text, 0o600))
	}
	return directory
}

// serve runs a server that demands certificates of the authority, and returns its address.
func (a *authority) serve(t *testing.T, implementation shieldv1.ShieldServiceServer) (string, *grpc.Server) {
	t.Helper()
	pair, err := tls.X509KeyPair(a.issue(t, "localhost"))
	must(t, err)
	clients := x509.NewCertPool()
	clients.AddCert(a.certificate)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS13,
	})))
	shieldv1.RegisterShieldServiceServer(server, implementation)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String(), server
}

// newClient makes a client of a scripted server.
func newClient(t *testing.T, implementation *scripted, onUnavailable llmshield.OnUnavailable, options ...llmshield.Option) *llmshield.Client {
	t.Helper()
	authority := newAuthority(t)
	address, _ := authority.serve(t, implementation)
	options = append([]llmshield.Option{llmshield.WithServerName("localhost")}, options...)
	client, err := llmshield.New(address, llmshield.Directory(authority.directory(t, "app")), onUnavailable, options...)
	must(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// patient are timeouts that a slow machine keeps.
func patient() llmshield.Option {
	return llmshield.WithTimeouts(llmshield.Timeouts{
		Scan: patientDeadline, Redact: patientDeadline, Audit: patientDeadline, Other: patientDeadline,
	})
}

func serial(t *testing.T) *big.Int {
	t.Helper()
	number, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(t, err)
	return number
}
