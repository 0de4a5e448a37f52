package llmshield

import (
	"log/slog"
	"time"

	"google.golang.org/grpc"
)

// Option changes how a [Client] works.
type Option func(*settings)

// Timeouts are the deadlines of calls whose context has none. A zero field stands for no deadline.
type Timeouts struct {
	Scan   time.Duration
	Redact time.Duration
	// Audit bounds a whole query, from its first record to its last.
	Audit time.Duration
	// Other bounds the other calls, but for the streams of text: they last as long as the model has something to say.
	Other time.Duration
}

// DefaultTimeouts returns the timeouts of a client that is not told otherwise.
func DefaultTimeouts() Timeouts {
	return Timeouts{
		Scan:   250 * time.Millisecond,
		Redact: 500 * time.Millisecond,
		Audit:  5 * time.Second,
		Other:  5 * time.Second,
	}
}

type settings struct {
	timeouts       Timeouts
	reloadInterval time.Duration
	serverName     string
	logger         *slog.Logger
	dialOptions    []grpc.DialOption
}

func defaultSettings() settings {
	return settings{timeouts: DefaultTimeouts(), reloadInterval: 5 * time.Second, logger: slog.Default()}
}

// WithTimeouts sets the deadlines of calls whose context has none.
func WithTimeouts(timeouts Timeouts) Option {
	return func(s *settings) { s.timeouts = timeouts }
}

// WithReloadInterval sets how often the certificates are looked at, 5 seconds by default. They are also looked at
// before each new connection.
func WithReloadInterval(interval time.Duration) Option {
	return func(s *settings) { s.reloadInterval = interval }
}

// WithServerName sets the name that the server's certificate must be for, where that is not the target's host.
func WithServerName(name string) Option {
	return func(s *settings) { s.serverName = name }
}

// WithLogger sets where decisions that could not be had, and certificates that cannot be reloaded, are told of, [slog.Default] by default.
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) { s.logger = logger }
}

// WithUnaryInterceptors adds interceptors, called in order, inside of the client's own.
func WithUnaryInterceptors(interceptors ...grpc.UnaryClientInterceptor) Option {
	return WithDialOptions(grpc.WithChainUnaryInterceptor(interceptors...))
}

// WithStreamInterceptors adds interceptors of streams, called in order, inside of the client's own.
func WithStreamInterceptors(interceptors ...grpc.StreamClientInterceptor) Option {
	return WithDialOptions(grpc.WithChainStreamInterceptor(interceptors...))
}

// WithDialOptions adds options of gRPC's own, such as a stats handler. They are applied last.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dialOptions = append(s.dialOptions, options...) }
}
