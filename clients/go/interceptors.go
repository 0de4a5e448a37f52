package llmshield

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"path"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/llm-shield/llm-shield/clients/go/shieldv1"
)

const (
	requestIDKey   = "x-request-id"
	traceparentKey = "traceparent"
	tracestateKey  = "tracestate"
)

// UnaryInterceptor gives calls of the service, on whatever connection it is put, what those of a [Client] have: a
// deadline, a request id, the trace context, and errors that are an [*Error].
func UnaryInterceptor(timeouts Timeouts) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if !ours(method) {
			return invoke(ctx, method, request, reply, conn, options...)
		}
		ctx, cancel := timeouts.bound(ctx, method)
		defer cancel()
		ctx, id := withMetadata(ctx)
		return named(invoke(ctx, method, request, reply, conn, options...), id)
	}
}

// StreamInterceptor is [UnaryInterceptor] for streams.
func StreamInterceptor(timeouts Timeouts) grpc.StreamClientInterceptor {
	return func(ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
		if !ours(method) {
			return open(ctx, description, conn, method, options...)
		}
		ctx, cancel := timeouts.bound(ctx, method)
		ctx, id := withMetadata(ctx)
		stream, err := open(ctx, description, conn, method, append(options, grpc.OnFinish(func(error) { cancel() }))...)
		if err != nil {
			cancel()
			return nil, named(err, id)
		}
		return &namedStream{stream, id}, nil
	}
}

// WithTraceContext makes calls carry a trace context of W3C that does not come from OpenTelemetry. The state may be
// empty.
func WithTraceContext(ctx context.Context, traceparent, tracestate string) context.Context {
	ctx = metadata.AppendToOutgoingContext(ctx, traceparentKey, traceparent)
	if tracestate != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, tracestateKey, tracestate)
	}
	return ctx
}

// WithRequestID makes calls carry this request id, at most 128 visible ASCII characters, instead of one of their own.
func WithRequestID(ctx context.Context, id string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, requestIDKey, id)
}

func ours(method string) bool {
	return path.Dir(method) == "/"+shieldv1.ShieldService_ServiceDesc.ServiceName
}

func (t Timeouts) of(method string) time.Duration {
	switch method {
	case shieldv1.ShieldService_Scan_FullMethodName:
		return t.Scan
	case shieldv1.ShieldService_Redact_FullMethodName:
		return t.Redact
	case shieldv1.ShieldService_Audit_FullMethodName:
		return t.Audit
	case shieldv1.ShieldService_ScanStream_FullMethodName, shieldv1.ShieldService_RedactStream_FullMethodName:
		return 0
	default:
		return t.Other
	}
}

// bound gives ctx the method's deadline, unless it has one.
func (t Timeouts) bound(ctx context.Context, method string) (context.Context, context.CancelFunc) {
	timeout := t.of(method)
	if _, has := ctx.Deadline(); has || timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// withMetadata adds a request id and the trace context, where the caller has given none. All attempts of a call have
// the same id, and so do their audit records.
func withMetadata(ctx context.Context) (context.Context, string) {
	given, _ := metadata.FromOutgoingContext(ctx)
	id := ""
	if ids := given.Get(requestIDKey); len(ids) > 0 {
		id = ids[0]
	} else {
		id = newRequestID()
		ctx = metadata.AppendToOutgoingContext(ctx, requestIDKey, id)
	}
	span := trace.SpanContextFromContext(ctx)
	if span.IsValid() && len(given.Get(traceparentKey)) == 0 {
		// W3C Trace Context, level 1: version, trace id, parent id, flags.
		parent := "00-" + span.TraceID().String() + "-" + span.SpanID().String() + "-" + span.TraceFlags().String()
		ctx = WithTraceContext(ctx, parent, span.TraceState().String())
	}
	return ctx, id
}

func newRequestID() string {
	var id [16]byte
	// INVARIANT: never fails since Go 1.24.
	_, _ = rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

func named(err error, id string) error {
	if err == nil {
		return nil
	}
	failure := AsError(err)
	failure.RequestID = id
	return failure
}

type namedStream struct {
	grpc.ClientStream
	id string
}

func (s *namedStream) RecvMsg(message any) error { return s.named(s.ClientStream.RecvMsg(message)) }
func (s *namedStream) SendMsg(message any) error { return s.named(s.ClientStream.SendMsg(message)) }
func (s *namedStream) CloseSend() error          { return s.named(s.ClientStream.CloseSend()) }

func (s *namedStream) named(err error) error {
	// The end of a stream is no failure.
	if err == io.EOF {
		return err
	}
	return named(err, s.id)
}
