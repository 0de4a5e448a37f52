package llmshield

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// FieldViolation is a field of a request that breaks a rule.
type FieldViolation struct {
	Field       string
	Description string
}

// QuotaViolation is a quota that is used up.
type QuotaViolation struct {
	// Subject is "server", or "tenant:" and the tenant's name.
	Subject     string
	Description string
}

// Error is a call that failed, with what the server said about it.
type Error struct {
	Code    codes.Code
	Message string
	// Reason is the stable name of what went wrong, such as "POLICY_NOT_FOUND". Empty when no server answered.
	Reason string
	// Metadata are the parts of the message that vary, by name.
	Metadata        map[string]string
	FieldViolations []FieldViolation
	QuotaViolations []QuotaViolation
	// Resource is the name of what was not found.
	Resource string
	// RetryDelay is how long the server asks to wait, 0 when it does not say.
	RetryDelay time.Duration
	// RequestID is the id under which the server's log has the call.
	RequestID string

	status *status.Status
	cause  error
}

// AsError returns the [*Error] in err, or makes one of any error of gRPC. Of nil it is nil.
func AsError(err error) *Error {
	var failure *Error
	if err == nil || errors.As(err, &failure) {
		return failure
	}
	found, ok := status.FromError(err)
	if !ok {
		found = status.FromContextError(err)
	}
	failure = &Error{Code: found.Code(), Message: found.Message(), status: found, cause: err}
	for _, detail := range found.Details() {
		failure.take(detail)
	}
	return failure
}

func (e *Error) take(detail any) {
	switch detail := detail.(type) {
	case *errdetails.ErrorInfo:
		e.Reason, e.Metadata = detail.GetReason(), detail.GetMetadata()
	case *errdetails.BadRequest:
		for _, violation := range detail.GetFieldViolations() {
			e.FieldViolations = append(e.FieldViolations, FieldViolation{violation.GetField(), violation.GetDescription()})
		}
	case *errdetails.QuotaFailure:
		for _, violation := range detail.GetViolations() {
			e.QuotaViolations = append(e.QuotaViolations, QuotaViolation{violation.GetSubject(), violation.GetDescription()})
		}
	case *errdetails.RetryInfo:
		e.RetryDelay = detail.GetRetryDelay().AsDuration()
	case *errdetails.ResourceInfo:
		e.Resource = detail.GetResourceName()
	}
}

// Error says what went wrong, on one line.
func (e *Error) Error() string {
	name := e.Code.String()
	if e.Reason != "" {
		name += " (" + e.Reason + ")"
	}
	if e.RequestID != "" {
		return fmt.Sprintf("llmshield: %s: %s [request %s]", name, e.Message, e.RequestID)
	}
	return fmt.Sprintf("llmshield: %s: %s", name, e.Message)
}

// Unwrap returns the error of gRPC behind this one.
func (e *Error) Unwrap() error { return e.cause }

// GRPCStatus makes the status package read this error.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Is makes an exceeded deadline context.DeadlineExceeded, and a cancelled call context.Canceled.
func (e *Error) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Code == codes.DeadlineExceeded ||
		target == context.Canceled && e.Code == codes.Canceled
}

// Unavailable tells whether there was no decision for want of a server that could make one in time, rather than for
// something about the request or its caller.
func (e *Error) Unavailable() bool {
	switch e.Code {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	case codes.ResourceExhausted:
		// Overload and quotas say when to come back. A message that is too large never gets better, and must not pass
		// for its size.
		return e.RetryDelay > 0
	default:
		return false
	}
}
