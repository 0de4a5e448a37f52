package llmshield

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"

	"github.com/llm-shield/llm-shield/clients/go/shieldv1"
)

// Pieces of text are cut to this size, well below what a server accepts as one message.
const maxPieceBytes = 1 << 20

// Audit yields the decisions of the caller's tenant. Leaving the loop ends the query.
//
//	for answer, err := range client.Audit(ctx, &shieldv1.AuditRequest{}) {
//		if err != nil { ... }
//		fmt.Println(answer.GetRecord().GetId())
//	}
//
// An error is the last thing that is yielded.
func (c *Client) Audit(ctx context.Context, request *shieldv1.AuditRequest, options ...grpc.CallOption) iter.Seq2[*shieldv1.AuditResponse, error] {
	return received(ctx, func(ctx context.Context) (receiver[shieldv1.AuditResponse], error) {
		return c.stub.Audit(ctx, request, options...)
	})
}

// VerifyAudit checks the log of the caller's tenant and yields how far it has come; the last answer has the result.
func (c *Client) VerifyAudit(ctx context.Context, request *shieldv1.VerifyAuditRequest, options ...grpc.CallOption) iter.Seq2[*shieldv1.VerifyAuditResponse, error] {
	return received(ctx, func(ctx context.Context) (receiver[shieldv1.VerifyAuditResponse], error) {
		return c.stub.VerifyAudit(ctx, request, options...)
	})
}

// ScanStream scans a text that arrives in pieces, such as what a model writes, and yields findings, how much of the text
// may be passed on, and at the end the decision. A character may be cut between two pieces. The pieces are read in a
// goroutine of their own, until the loop is left.
//
// There is no retry, and what [OnUnavailable] says is not applied: what was not released before an error must be held
// back, or let go, by the caller.
func (c *Client) ScanStream(ctx context.Context, config *shieldv1.StreamConfig, pieces iter.Seq[string], options ...grpc.CallOption) iter.Seq2[*shieldv1.ScanStreamResponse, error] {
	return received(ctx, func(ctx context.Context) (receiver[shieldv1.ScanStreamResponse], error) {
		stream, err := c.stub.ScanStream(ctx, options...)
		if err != nil {
			return nil, err
		}
		go send(stream, &shieldv1.ScanStreamRequest{Message: &shieldv1.ScanStreamRequest_Config{Config: orDefault(config)}},
			pieces, func(piece string) *shieldv1.ScanStreamRequest {
				return &shieldv1.ScanStreamRequest{Message: &shieldv1.ScanStreamRequest_Delta{Delta: []byte(piece)}}
			})
		return stream, nil
	})
}

// RedactStream redacts a text that arrives in pieces, and yields pieces of the redacted text, and at the end the
// decision. For the rest it is as [Client.ScanStream].
func (c *Client) RedactStream(ctx context.Context, config *shieldv1.StreamConfig, pieces iter.Seq[string], options ...grpc.CallOption) iter.Seq2[*shieldv1.RedactStreamResponse, error] {
	return received(ctx, func(ctx context.Context) (receiver[shieldv1.RedactStreamResponse], error) {
		stream, err := c.stub.RedactStream(ctx, options...)
		if err != nil {
			return nil, err
		}
		go send(stream, &shieldv1.RedactStreamRequest{Message: &shieldv1.RedactStreamRequest_Config{Config: orDefault(config)}},
			pieces, func(piece string) *shieldv1.RedactStreamRequest {
				return &shieldv1.RedactStreamRequest{Message: &shieldv1.RedactStreamRequest_Delta{Delta: []byte(piece)}}
			})
		return stream, nil
	})
}

type receiver[T any] interface{ Recv() (*T, error) }

type sender[T any] interface {
	Send(*T) error
	CloseSend() error
}

// received yields what a stream brings. Its context ends with the loop, and with it the stream.
func received[T any](ctx context.Context, open func(context.Context) (receiver[T], error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := open(ctx)
		if err != nil {
			yield(nil, AsError(err))
			return
		}
		for {
			message, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, AsError(err))
				return
			}
			if !yield(message, nil) {
				return
			}
		}
	}
}

// send sends the opening and the pieces. An error of it is left to the receiving side, which has its cause.
func send[T any](stream sender[T], opening *T, pieces iter.Seq[string], message func(string) *T) {
	if stream.Send(opening) != nil {
		return
	}
	for piece := range pieces {
		for piece != "" {
			size := min(len(piece), maxPieceBytes)
			if stream.Send(message(piece[:size])) != nil {
				return
			}
			piece = piece[size:]
		}
	}
	_ = stream.CloseSend()
}

func orDefault(config *shieldv1.StreamConfig) *shieldv1.StreamConfig {
	if config == nil {
		return &shieldv1.StreamConfig{}
	}
	return config
}
