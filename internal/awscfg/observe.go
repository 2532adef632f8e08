package awscfg

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Outcome is how an attempt of a call ended.
type Outcome string

// The outcomes.
const (
	OK        Outcome = "ok"
	Refused   Outcome = "refused"   // AWS answered that it won't
	Throttled Outcome = "throttled" // AWS answered: not so fast
	Failed    Outcome = "failed"    // a server's error, or no connection
	TimedOut  Outcome = "timeout"   // no answer within Options.Timeout
	Canceled  Outcome = "canceled"  // the caller gave up
)

// Call is one attempt of one call. It holds no part of a request or of an answer.
type Call struct {
	Service   string           // as the SDK names it: "Secrets Manager"; or "Kubernetes"
	Operation string           // "PutSecretValue"
	Account   secret.AccountID // empty: the ambient credentials'
	Region    secret.Region
	Attempt   int // from 1
	Outcome   Outcome
	Code      string        // AWS's code of the error, if it gave one
	Waited    time.Duration // for its turn
	Took      time.Duration
}

// Counter counts calls. Its Observe is for Options.Observe. The zero Counter is ready; it is safe for concurrent use.
type Counter struct {
	mu     sync.Mutex
	counts map[countKey]Count
}

// Count is how many attempts there were of one kind.
type Count struct {
	Service   string
	Operation string
	Account   secret.AccountID
	Region    secret.Region
	Outcome   Outcome
	Attempts  int
	Took      time.Duration // all together
}

type countKey struct {
	service, operation string
	account            secret.AccountID
	region             secret.Region
	outcome            Outcome
}

// Observe counts one attempt.
func (c *Counter) Observe(call Call) {
	k := countKey{call.Service, call.Operation, call.Account, call.Region, call.Outcome}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[countKey]Count{}
	}
	n := c.counts[k]
	n.Service, n.Operation, n.Account, n.Region, n.Outcome = call.Service, call.Operation, call.Account, call.Region, call.Outcome
	n.Attempts++
	n.Took += call.Took
	c.counts[k] = n
}

// Counts returns what was counted so far, sorted.
func (c *Counter) Counts() []Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Count, 0, len(c.counts))
	for _, n := range c.counts {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Account, b.Account),
			cmp.Compare(a.Region, b.Region), cmp.Compare(a.Outcome, b.Outcome))
	})
	return all
}

// Observe logs, and tells Options.Observe of, an attempt of a call that a driver made past this package, to a service outside of AWS.
func (f *Factory) Observe(c Call) {
	f.opts.Logger.Debug("call", "service", c.Service, "operation", c.Operation, "outcome", string(c.Outcome), "code", c.Code, "took", c.Took)
	if f.opts.Observe != nil {
		f.opts.Observe(c)
	}
}

// outcomeOf says how an attempt, or a call, of the context ctx ended.
func outcomeOf(ctx context.Context, err error) Outcome {
	if err == nil {
		return OK
	}
	if ctx.Err() != nil {
		return Canceled
	}
	var timeout *timeoutError
	if errors.As(err, &timeout) {
		return TimedOut
	}
	if code := errorCode(err); code != "LimitExceededException" && (retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}).IsErrorThrottle(err).Bool() {
		return Throttled
	}
	var canceled *smithy.CanceledError
	if errors.As(err, &canceled) {
		return Canceled
	}
	var resp *awshttp.ResponseError
	status := 0
	if errors.As(err, &resp) {
		status = resp.HTTPStatusCode()
	}
	switch code := errorCode(err); {
	case status >= 500, code == "InternalServiceError", code == "InternalFailure", code == "ServiceUnavailable":
		return Failed
	case code != "", status >= 400, errors.As(err, new(*CredentialsError)):
		return Refused
	}
	return Failed
}
