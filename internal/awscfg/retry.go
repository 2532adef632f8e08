package awscfg

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// retryer decides what is tried again: what the SDK's standard mode would, within the budget of the target, and never what can't get better:
//
//   - LimitExceededException, which the SDK takes for throttling, is Secrets Manager's word for too many versions, labels or secrets;
//   - missing credentials, which the session behind them has tried to get already.
//
// Where there is nobody to talk to (a refused connection, a name that does not resolve) a call is tried 3 times at most: a mistyped endpoint or a missing
// network is told at once, a service that is just starting is still found.
//
// The SDK's own retry quota is off: it does not refill after an outage. So is its adaptive mode, which slows a whole target down: the limiter of each quota group adapts.
type retryer struct {
	aws.RetryerV2
	budget *budget
	open   func(service string) bool // whether the breaker is open
}

func newRetryer(o Options, b *budget, open func(service string) bool) *retryer {
	ours := retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
		if errorCode(err) == "LimitExceededException" || errors.As(err, new(*CredentialsError)) {
			return aws.FalseTernary
		}
		if isUnreachable(err) { // which the SDK would try all the time, or, where a name does not resolve, once
			return aws.TrueTernary
		}
		return aws.UnknownTernary
	})
	standard := retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = o.Attempts
		s.MaxBackoff = o.MaxBackoff
		s.Backoff = newBackoff(o.MaxBackoff)
		s.RateLimiter = ratelimit.None
		s.Retryables = append([]retry.IsErrorRetryable{ours}, s.Retryables...)
	})
	return &retryer{RetryerV2: standard, budget: b, open: open}
}

// GetRetryToken says whether the target's budget allows one more attempt.
func (r *retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	if r.open(awsmiddleware.GetServiceID(ctx)) {
		return nil, errors.New("no further attempt: the target failed too often")
	}
	if n, ok := ctx.Value(attemptsKey{}).(*atomic.Int64); ok && n.Load() >= unreachableAttempts && isUnreachable(err) {
		return nil, errors.New("no further attempt: nobody answers there")
	}
	if !r.budget.take(outcomeOf(ctx, err) == Throttled) {
		return nil, errors.New("no further attempt: the retry budget of the target is used up")
	}
	return r.RetryerV2.GetRetryToken(ctx, err)
}

// unreachableAttempts is how often a call is tried at most where there is nobody to talk to.
const unreachableAttempts = 3

// isUnreachable reports whether a connection was refused outright, or a host's name does not resolve.
func isUnreachable(err error) bool {
	var dns *net.DNSError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &dns) && dns.IsNotFound
}

// The first wait between two attempts is firstWait at most, after throttling throttledWait.
const (
	firstWait     = 250 * time.Millisecond
	throttledWait = time.Second
)

// newBackoff returns how long to wait after an attempt, counted from 1: between half and all of a wait that doubles up to longest. Half of it is left to
// chance, so that many calls that failed together don't come back together; the other half is always waited, so that 7 waits of a call that nobody answers
// give an outage 9 seconds to pass, and end after 18 (of 5 seconds at most: 0.25 + 0.5 + 1 + 2 + 4 + 5 + 5). A throttled call waits longer, 14 to 27 seconds
// in all: the service works, and its quota comes back.
func newBackoff(longest time.Duration) retry.BackoffDelayerFunc {
	return func(attempt int, err error) (time.Duration, error) {
		wait := firstWait
		if outcomeOf(context.Background(), err) == Throttled {
			wait = throttledWait
		}
		for range attempt - 1 {
			wait = min(2*wait, longest)
		}
		wait = min(wait, longest)
		return wait/2 + rand.N(wait/2+1), nil //nolint:gosec // a wait is no secret
	}
}

// budget limits the retries of one target, so that an outage is not answered with a storm:
//
//   - after a failure, retries may be 10, or a tenth of the calls if that is more;
//   - after throttling, retries may be 10, or as many as there were successes if that is more: a service that lets some through is slow, not down.
//
// Beyond the first 10, all calls of a run together stay within twice their normal number, whatever fails.
type budget struct {
	mu                                    sync.Mutex
	calls, successes, failures, throttles int
}

const freeRetries = 10

func (b *budget) call() {
	b.mu.Lock()
	b.calls++
	b.mu.Unlock()
}

func (b *budget) success() {
	b.mu.Lock()
	b.successes++
	b.mu.Unlock()
}

func (b *budget) take(throttled bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures+b.throttles < freeRetries:
	case throttled && b.throttles < b.successes:
	case !throttled && b.failures < b.calls/10:
	default:
		return false
	}
	if throttled {
		b.throttles++
	} else {
		b.failures++
	}
	return true
}

func (b *budget) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls, b.successes, b.failures, b.throttles = 0, 0, 0, 0
}

func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
