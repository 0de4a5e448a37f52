package llmshield

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"

	"github.com/llm-shield/llm-shield/clients/go/shieldv1"
)

// What is retried, and how: the service config that all clients publish.
//
//go:embed service-config.json
var serviceConfig string

const (
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 10 * time.Second
	// A restarted server is found again soon; gRPC's own default would wait up to two minutes.
	reconnectBase = 100 * time.Millisecond
	reconnectMax  = 5 * time.Second
	// A redacted text may be longer than what was sent.
	maxResponseBytes = 16 << 20
	maxRequestBytes  = 4 << 20
)

// OnUnavailable says what to answer when no decision can be had. It has no default.
type OnUnavailable int

const (
	// Allow lets texts pass unchecked while the service is away: availability before security.
	Allow OnUnavailable = iota + 1
	// Block lets nothing pass while the service is away.
	Block
)

// Client calls an llm-shield server. Close it when it is no longer needed.
type Client struct {
	connection    *connection
	stub          shieldv1.ShieldServiceClient
	onUnavailable OnUnavailable
	stopWatching  context.CancelFunc
}

// New makes a client of the server at target, a gRPC name such as "shield.internal:8443", that authenticates itself by
// certificates. It reads the certificates, and connects when the first call is made.
func New(target string, certificates CertificateSource, onUnavailable OnUnavailable, options ...Option) (*Client, error) {
	if onUnavailable != Allow && onUnavailable != Block {
		return nil, errors.New("llmshield: onUnavailable has no default: give llmshield.Allow or llmshield.Block")
	}
	if certificates == nil {
		return nil, errors.New("llmshield: certificates are needed: give llmshield.Directory or llmshield.Files")
	}
	settings := defaultSettings()
	if interval, own := ownInterval(certificates); own {
		settings.reloadInterval = interval
	}
	for _, option := range options {
		option(&settings)
	}
	store := &certificateStore{source: certificates, logger: settings.logger}
	ctx, cancel := context.WithTimeout(context.Background(), loadLimit)
	defer cancel()
	if err := store.refresh(ctx); err != nil {
		return nil, fmt.Errorf("llmshield: %w", err)
	}
	connection, err := connect(target, store, settings)
	if err != nil {
		return nil, fmt.Errorf("llmshield: %w", err)
	}
	watching, stopWatching := context.WithCancel(context.Background())
	go connection.watch(watching, settings.reloadInterval)
	return &Client{connection, shieldv1.NewShieldServiceClient(connection), onUnavailable, stopWatching}, nil
}

// Reload looks at the certificates at once, and goes over to them if they have changed. Those that cannot be used leave
// the ones before in force, and are the error.
func (c *Client) Reload(ctx context.Context) error {
	if err := c.connection.store.refresh(ctx); err != nil {
		return fmt.Errorf("llmshield: %w", err)
	}
	c.connection.renew()
	return nil
}

// Close ends the connection; calls that are open fail.
func (c *Client) Close() error {
	c.stopWatching()
	return c.connection.close()
}

// Stub returns the generated client on the same connection, with the same deadlines, retries and typed errors; what
// [OnUnavailable] says is not applied to it.
func (c *Client) Stub() shieldv1.ShieldServiceClient { return c.stub }

// Scan says what the policy asks for, and what was found.
func (c *Client) Scan(ctx context.Context, request *shieldv1.ScanRequest, options ...grpc.CallOption) (*ScanResult, error) {
	response, err := c.stub.Scan(ctx, request, options...)
	if err == nil {
		return &ScanResult{ScanResponse: response}, nil
	}
	failure := AsError(err)
	if !failure.Unavailable() {
		return nil, failure
	}
	c.noDecision(ctx, failure)
	return c.onUnavailable.scanResult(failure), nil
}

// ScanText scans one text of the end user, on its way to the model.
func (c *Client) ScanText(ctx context.Context, text string, options ...grpc.CallOption) (*ScanResult, error) {
	return c.Scan(ctx, &shieldv1.ScanRequest{Contents: []*shieldv1.Content{User(text)}}, options...)
}

// Redact returns the contents with what the policy names replaced.
func (c *Client) Redact(ctx context.Context, request *shieldv1.RedactRequest, options ...grpc.CallOption) (*RedactResult, error) {
	response, err := c.stub.Redact(ctx, request, options...)
	if err == nil {
		return &RedactResult{RedactResponse: response}, nil
	}
	failure := AsError(err)
	if !failure.Unavailable() {
		return nil, failure
	}
	c.noDecision(ctx, failure)
	return c.onUnavailable.redactResult(request.GetContents(), failure), nil
}

// RedactText redacts one text of the end user, on its way to the model.
func (c *Client) RedactText(ctx context.Context, text string, options ...grpc.CallOption) (*RedactResult, error) {
	return c.Redact(ctx, &shieldv1.RedactRequest{Contents: []*shieldv1.Content{User(text)}}, options...)
}

// Restore undoes a reversible redaction.
func (c *Client) Restore(ctx context.Context, request *shieldv1.RestoreRequest, options ...grpc.CallOption) (*shieldv1.RestoreResponse, error) {
	return typed(c.stub.Restore(ctx, request, options...))
}

// AuditProof returns a Merkle inclusion or consistency proof of the audit log.
func (c *Client) AuditProof(ctx context.Context, request *shieldv1.GetAuditProofRequest, options ...grpc.CallOption) (*shieldv1.GetAuditProofResponse, error) {
	return typed(c.stub.GetAuditProof(ctx, request, options...))
}

// ServerInfo says what the server is, and who the caller is to it.
func (c *Client) ServerInfo(ctx context.Context, options ...grpc.CallOption) (*shieldv1.GetServerInfoResponse, error) {
	return typed(c.stub.GetServerInfo(ctx, &shieldv1.GetServerInfoRequest{}, options...))
}

func (c *Client) noDecision(ctx context.Context, failure *Error) {
	c.connection.store.logger.WarnContext(ctx, "no decision could be had", "error", failure)
}

func typed[T any](response *T, err error) (*T, error) {
	if err != nil {
		return nil, AsError(err)
	}
	return response, nil
}

func dialOptions(store *certificateStore, settings settings) []grpc.DialOption {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(&reloadingCredentials{store: store, serverName: settings.serverName}),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: keepaliveTime, Timeout: keepaliveTimeout,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: reconnectBase, Multiplier: 1.6, Jitter: 0.2, MaxDelay: reconnectMax},
			MinConnectTimeout: reconnectMax,
		}),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxResponseBytes), grpc.MaxCallSendMsgSize(maxRequestBytes+maxRequestBytes/4)),
		grpc.WithUserAgent("llm-shield-go"),
		grpc.WithChainUnaryInterceptor(UnaryInterceptor(settings.timeouts)),
		grpc.WithChainStreamInterceptor(StreamInterceptor(settings.timeouts)),
	}
	return append(options, settings.dialOptions...)
}
