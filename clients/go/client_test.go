package llmshield_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	llmshield "github.com/llm-shield/llm-shield/clients/go"
	"github.com/llm-shield/llm-shield/clients/go/shieldv1"
)

func TestOnUnavailableHasNoDefault(t *testing.T) {
	directory := newAuthority(t).directory(t, "app")
	for _, choice := range []llmshield.OnUnavailable{0, 3} {
		if _, err := llmshield.New("127.0.0.1:1", llmshield.Directory(directory), choice); err == nil {
			t.Errorf("%d is taken", choice)
		}
	}
}

func TestServiceConfigIsThePublishedOne(t *testing.T) {
	published, err := os.ReadFile("../service-config.json")
	must(t, err)
	own, err := os.ReadFile("service-config.json")
	must(t, err)
	if string(own) != string(published) {
		t.Error("service-config.json differs from the clients' common one")
	}
}

func TestCallsHaveTheirDeadline(t *testing.T) {
	var left time.Duration
	note := func(ctx context.Context) error {
		deadline, has := ctx.Deadline()
		if left = time.Until(deadline); !has {
			left = -1
		}
		return nil
	}
	client := newClient(t, &scripted{scan: note, redact: note}, llmshield.Block, llmshield.WithTimeouts(llmshield.Timeouts{
		Scan: time.Hour, Redact: 2 * time.Hour,
	}))
	_, err := client.ScanText(t.Context(), "a")
	must(t, err)
	if left <= 0 || left > time.Hour {
		t.Errorf("Scan had %v left of an hour", left)
	}
	_, err = client.RedactText(t.Context(), "a")
	must(t, err)
	if left <= time.Hour || left > 2*time.Hour {
		t.Errorf("Redact had %v left of two hours", left)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	_, err = client.ScanText(ctx, "a")
	must(t, err)
	if left <= 2*time.Hour {
		t.Errorf("the caller's own deadline was cut to %v", left)
	}
	if want := (llmshield.Timeouts{
		Scan: 250 * time.Millisecond, Redact: 500 * time.Millisecond, Audit: 5 * time.Second, Other: 5 * time.Second,
	}); llmshield.DefaultTimeouts() != want {
		t.Errorf("the defaults are %+v", llmshield.DefaultTimeouts())
	}
}

func TestAttemptsShareRequestIDAndTrace(t *testing.T) {
	var seen []metadata.MD
	client := newClient(t, &scripted{scan: func(ctx context.Context) error {
		incoming, _ := metadata.FromIncomingContext(ctx)
		if seen = append(seen, incoming); len(seen) < 3 {
			return status.Error(codes.Unavailable, "not yet")
		}
		return nil
	}}, llmshield.Block, patient())
	span := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	})
	_, err := client.ScanText(trace.ContextWithSpanContext(t.Context(), span), "a")
	must(t, err)
	if len(seen) != 3 {
		t.Fatalf("%d attempts and not 3", len(seen))
	}
	for _, attempt := range seen {
		if got := strings.Join(attempt.Get("traceparent"), " "); got != "00-01000000000000000000000000000000-0200000000000000-01" {
			t.Errorf("traceparent is `%s`", got)
		}
		if id := attempt.Get("x-request-id"); len(id) != 1 || id[0] != seen[0].Get("x-request-id")[0] {
			t.Errorf("x-request-id is %v", id)
		}
	}
	ctx := llmshield.WithTraceContext(llmshield.WithRequestID(t.Context(), "mine"), "00-ab-cd-00", "a=b")
	_, err = client.ScanText(ctx, "a")
	must(t, err)
	last := seen[len(seen)-1]
	if got := append(append(last.Get("x-request-id"), last.Get("traceparent")...), last.Get("tracestate")...); strings.Join(got, " ") != "mine 00-ab-cd-00 a=b" {
		t.Errorf("the caller's own metadata arrived as %v", got)
	}
}

func TestErrorsHaveTheirDetails(t *testing.T) {
	failed, err := status.New(codes.ResourceExhausted, "used up").WithDetails(
		&errdetails.ErrorInfo{Reason: "QUOTA_EXCEEDED", Domain: "llm-shield", Metadata: map[string]string{"limit": "1"}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)},
		&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: "tenant:a"}}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "policy", Description: "long"}}},
		&errdetails.ResourceInfo{ResourceName: "p"},
	)
	must(t, err)
	client := newClient(t, &scripted{scan: func(context.Context) error { return failed.Err() }}, llmshield.Allow, patient())
	_, err = client.Stub().Scan(llmshield.WithRequestID(t.Context(), "r-1"), &shieldv1.ScanRequest{})
	var failure *llmshield.Error
	if !errors.As(err, &failure) {
		t.Fatalf("%T: %v", err, err)
	}
	if failure.Reason != "QUOTA_EXCEEDED" || failure.Metadata["limit"] != "1" || failure.RetryDelay != time.Second ||
		failure.QuotaViolations[0].Subject != "tenant:a" || failure.FieldViolations[0].Field != "policy" ||
		failure.Resource != "p" || failure.RequestID != "r-1" || status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%+v", failure)
	}
	if got := err.Error(); got != "llmshield: ResourceExhausted (QUOTA_EXCEEDED): used up [request r-1]" {
		t.Error(got)
	}
	result, err := client.ScanText(t.Context(), "a")
	must(t, err)
	if result.Blocked() || result.Unavailable == nil || !result.GetDegraded() {
		t.Errorf("a used up quota was answered with %v", result)
	}
}

func TestCancelledCallIsNoDecision(t *testing.T) {
	client := newClient(t, &scripted{}, llmshield.Allow)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.ScanText(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call was answered with %v", err)
	}
}

func TestInterceptorsAreCalled(t *testing.T) {
	var method string
	var id []string
	client := newClient(t, &scripted{}, llmshield.Block, patient(), llmshield.WithUnaryInterceptors(
		func(ctx context.Context, called string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
			outgoing, _ := metadata.FromOutgoingContext(ctx)
			method, id = called, outgoing.Get("x-request-id")
			return invoke(ctx, called, request, reply, conn, options...)
		}))
	_, err := client.ScanText(t.Context(), "a")
	must(t, err)
	if method != shieldv1.ShieldService_Scan_FullMethodName || len(id) != 1 {
		t.Errorf("the interceptor saw `%s` and %v", method, id)
	}
}

func TestConnectionsFollowTheName(t *testing.T) {
	authority := newAuthority(t)
	first, second := &scripted{}, &scripted{}
	firstAddress, firstServer := authority.serve(t, first)
	secondAddress, _ := authority.serve(t, second)
	name := manual.NewBuilderWithScheme("name")
	name.InitialState(addresses(firstAddress, secondAddress))
	client, err := llmshield.New("name:///shield", llmshield.Directory(authority.directory(t, "app")), llmshield.Block,
		llmshield.WithServerName("localhost"), patient(), llmshield.WithDialOptions(grpc.WithResolvers(name)))
	must(t, err)
	defer client.Close()
	scanUntil(t, client, func() bool { return first.calls.Load() > 0 && second.calls.Load() > 0 })
	name.UpdateState(addresses(secondAddress))
	firstServer.Stop()
	before := second.calls.Load()
	scanUntil(t, client, func() bool { return second.calls.Load() >= before+10 })
}

func addresses(addresses ...string) resolver.State {
	var state resolver.State
	for _, address := range addresses {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}})
	}
	return state
}

func scanUntil(t *testing.T, client *llmshield.Client, done func() bool) {
	t.Helper()
	for give := time.Now().Add(eventuallyLimit); !done(); {
		if _, err := client.ScanText(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(give) {
			t.Fatal("it did not come to that")
		}
	}
}

func TestUnusableCertificatesAreNotTaken(t *testing.T) {
	authority := newAuthority(t)
	address, _ := authority.serve(t, &scripted{})
	directory := authority.directory(t, "app")
	client, err := llmshield.New(address, llmshield.Directory(directory), llmshield.Block,
		llmshield.WithServerName("localhost"), patient())
	must(t, err)
	defer client.Close()
	_, other := authority.issue(t, "app")
	must(t, os.WriteFile(filepath.Join(directory, "tls.key"), other, 0o600))
	if err := client.Reload(t.Context()); err == nil || strings.Contains(err.Error(), string(other)) {
		t.Errorf("a key of another certificate: %v", err)
	}
	result, err := client.ScanText(t.Context(), "a")
	must(t, err)
	if result.Unavailable != nil {
		t.Error(result.Unavailable)
	}
	if _, err := llmshield.New(address, llmshield.Directory(directory), llmshield.Block); err == nil {
		t.Error("a client was made of a key of another certificate")
	}
	if text := (llmshield.Certificates{Key: other}).String(); strings.Contains(text, "KEY") {
		t.Error(text)
	}
}

func TestOpenStreamOutlivesReload(t *testing.T) {
	authority := newAuthority(t)
	goOn := make(chan struct{})
	var streams atomic.Int64
	address, _ := authority.serve(t, &scripted{audit: func(stream shieldv1.ShieldService_AuditServer) error {
		streams.Add(1)
		for range 2 {
			if err := stream.Send(&shieldv1.AuditResponse{}); err != nil {
				return err
			}
			<-goOn
		}
		return nil
	}})
	directory := authority.directory(t, "app")
	client, err := llmshield.New(address, llmshield.Directory(directory), llmshield.Block,
		llmshield.WithServerName("localhost"), patient())
	must(t, err)
	defer client.Close()
	received := 0
	for _, err := range client.Audit(t.Context(), &shieldv1.AuditRequest{}) {
		must(t, err)
		if received++; received == 1 {
			chain, key := authority.issue(t, "app")
			must(t, os.WriteFile(filepath.Join(directory, "tls.key"), key, 0o600))
			must(t, os.WriteFile(filepath.Join(directory, "tls.crt"), chain, 0o600))
			must(t, client.Reload(t.Context()))
			_, err := client.ScanText(t.Context(), "over the new connection")
			must(t, err)
			close(goOn)
		}
	}
	if received != 2 || streams.Load() != 1 {
		t.Errorf("%d records in %d streams", received, streams.Load())
	}
}
