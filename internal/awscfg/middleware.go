package awscfg

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// laneKey is one target. An empty account stands for the ambient credentials, whatever account a store expects of them: they are of one.
type laneKey struct {
	account secret.AccountID
	region  secret.Region
}

func (t Target) lane() laneKey {
	if t.Role == "" {
		return laneKey{"", t.Region}
	}
	return laneKey{t.Account, t.Region}
}

// lane is everything that the calls to one account and Region share: the pace, the retry budget, the breaker of each service.
type lane struct {
	key     laneKey
	opts    Options
	pace    pace
	budget  budget
	retryer *retryer

	mu       sync.Mutex
	breakers map[string]*breaker
}

func newLane(k laneKey, o Options) *lane {
	l := &lane{key: k, opts: o, breakers: map[string]*breaker{}}
	l.retryer = newRetryer(o, &l.budget, func(service string) bool { return l.breaker(service).open() })
	return l
}

func (l *lane) breaker(service string) *breaker {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.breakers[service]
	if b == nil {
		b = &breaker{}
		l.breakers[service] = b
	}
	return b
}

func (l *lane) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.breakers {
		b.reset()
	}
	l.budget.reset()
}

// middlewares puts the lane around every call, and around every attempt of one: the retries happen between the two.
func (l *lane) middlewares(s *session) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		call := middleware.FinalizeMiddlewareFunc("secretsync.Call", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			return l.call(ctx, s, in, next)
		})
		if err := stack.Finalize.Insert(call, "Retry", middleware.Before); err != nil {
			return err
		}
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("secretsync.Attempt", l.attempt), "Retry", middleware.After)
	}
}

type attemptsKey struct{}

// call makes one call: not at all where the breaker has given the target up, and once more with a new session where the old one is found to be expired.
func (l *lane) call(ctx context.Context, s *session, in middleware.FinalizeInput, next middleware.FinalizeHandler) (out middleware.FinalizeOutput, md middleware.Metadata, err error) {
	b := l.breaker(awsmiddleware.GetServiceID(ctx))
	probe, err := b.enter(ctx)
	if err != nil {
		return out, md, err
	}
	o := Canceled
	defer func() { b.record(o, probe) }()
	creds, err := s.Retrieve(ctx)
	if err != nil {
		return out, md, err
	}
	if in.Request, err = plainStream(in.Request); err != nil {
		return out, md, err
	}
	l.budget.call()
	ctx = context.WithValue(ctx, attemptsKey{}, new(atomic.Int64))
	out, md, err = next.HandleFinalize(ctx, in)
	if isExpired(err) && s.renew(ctx, creds) {
		if r, ok := in.Request.(interface{ RewindStream() error }); ok {
			if err := r.RewindStream(); err != nil {
				return out, md, err
			}
		}
		out, md, err = next.HandleFinalize(ctx, in)
	}
	if o = outcomeOf(ctx, err); o == OK {
		l.budget.success()
	}
	return out, md, err
}

func isExpired(err error) bool {
	switch errorCode(err) {
	case "ExpiredTokenException", "ExpiredToken":
		return true
	}
	return false
}

// attempt makes one attempt: it waits for its turn, limits its time and tells what became of it.
func (l *lane) attempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	service, operation := awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)
	asked := time.Now()
	limiter := l.pace.limiter(service, operation)
	if limiter != nil {
		if err := limiter.Wait(ctx); err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, &aws.RequestCanceledError{Err: err}
		}
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	out, md, err := next.HandleFinalize(limited, in)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = &timeoutError{operation, l.opts.Timeout}
	}
	c := Call{
		Service: service, Operation: operation, Account: l.key.account, Region: l.key.region, Attempt: 1,
		Outcome: outcomeOf(ctx, err), Code: errorCode(err), Waited: began.Sub(asked), Took: time.Since(began),
	}
	if n, ok := ctx.Value(attemptsKey{}).(*atomic.Int64); ok {
		c.Attempt = int(n.Add(1))
	}
	if limiter != nil {
		limiter.learn(c.Outcome)
	}
	if l.opts.Observe != nil {
		l.opts.Observe(c)
	}
	l.opts.Logger.LogAttrs(ctx, slog.LevelDebug, "aws call",
		slog.String("service", c.Service), slog.String("operation", c.Operation), slog.String("account", string(c.Account)), slog.String("region", string(c.Region)),
		slog.Int("attempt", c.Attempt), slog.String("outcome", string(c.Outcome)), slog.String("code", c.Code),
		slog.Duration("waited", c.Waited), slog.Duration("took", c.Took))
	return out, md, err
}

// timeoutError is an attempt without an answer in time. It does not unwrap to the context's error, which the SDK would take for the caller's giving up.
type timeoutError struct {
	operation string
	after     time.Duration
}

func (e *timeoutError) Error() string        { return fmt.Sprintf("no answer within %s", e.after) }
func (e *timeoutError) Timeout() bool        { return true }
func (e *timeoutError) RetryableError() bool { return true }
