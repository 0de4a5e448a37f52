package llmshield

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// connection is a gRPC connection that is replaced when the certificates change: what is open keeps the identity that it
// was opened with, and a server refuses that once it has expired. Calls under way end on the old connection.
type connection struct {
	dial  func() (*grpc.ClientConn, error)
	store *certificateStore

	mu         sync.Mutex
	current    *lease
	generation uint64
	closed     bool
	retired    map[*lease]struct{}
}

// lease counts the calls on one connection.
type lease struct {
	conn *grpc.ClientConn
	open int
}

func connect(target string, store *certificateStore, settings settings) (*connection, error) {
	c := &connection{
		dial:    func() (*grpc.ClientConn, error) { return grpc.NewClient(target, dialOptions(store, settings)...) },
		store:   store,
		retired: map[*lease]struct{}{},
	}
	_, c.generation = store.current()
	conn, err := c.dial()
	if err != nil {
		return nil, err
	}
	c.current = &lease{conn: conn}
	return c, nil
}

// Invoke makes a unary call.
func (c *connection) Invoke(ctx context.Context, method string, request, response any, options ...grpc.CallOption) error {
	lease, err := c.acquire()
	if err != nil {
		return err
	}
	defer c.release(lease)
	return lease.conn.Invoke(ctx, method, request, response, options...)
}

// NewStream opens a stream.
func (c *connection) NewStream(ctx context.Context, description *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	lease, err := c.acquire()
	if err != nil {
		return nil, err
	}
	release := sync.OnceFunc(func() { c.release(lease) })
	options = append(options, grpc.OnFinish(func(error) { release() }))
	stream, err := lease.conn.NewStream(ctx, description, method, options...)
	if err != nil {
		release()
	}
	return stream, err
}

// watch looks at the certificates from time to time, and replaces the connection after a change.
func (c *connection) watch(ctx context.Context, interval time.Duration) {
	if interval <= 0 {
		return
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.store.refreshOrKeep(ctx)
			c.renew()
		}
	}
}

func (c *connection) renew() {
	_, generation := c.store.current()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || generation == c.generation {
		return
	}
	conn, err := c.dial()
	if err != nil {
		// INVARIANT: the same options were accepted when the client was made.
		return
	}
	old := c.current
	c.current, c.generation = &lease{conn: conn}, generation
	c.retired[old] = struct{}{}
	c.endIfUnused(old)
}

func (c *connection) acquire() (*lease, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, status.Error(codes.Canceled, "the client is closed")
	}
	c.current.open++
	return c.current, nil
}

func (c *connection) release(lease *lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lease.open--
	c.endIfUnused(lease)
}

// endIfUnused must be called with the lock held.
func (c *connection) endIfUnused(lease *lease) {
	if _, retired := c.retired[lease]; retired && lease.open == 0 {
		delete(c.retired, lease)
		// In a goroutine: closing waits for callbacks that may want the lock.
		go lease.conn.Close()
	}
}

func (c *connection) close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	conns := []*grpc.ClientConn{c.current.conn}
	for lease := range c.retired {
		conns = append(conns, lease.conn)
	}
	clear(c.retired)
	c.mu.Unlock()
	var first error
	for _, conn := range conns {
		if err := conn.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
