package awscfg

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// share is how much of a quota is used at most: the rest is for everybody else in the account.
const share = 0.8

// quotaGroup is a set of operations that AWS counts together, per account and Region.
type quotaGroup struct {
	name      string
	perSecond int // AWS's quota
}

// groupOf returns the group that an operation is counted in, by the SDK's name of the service; ok is false where none is known, and calls are not paced.
func groupOf(service, operation string) (g quotaGroup, ok bool) {
	switch service {
	case "Secrets Manager":
		switch operation {
		case "PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage":
			return quotaGroup{"secretsmanager write", 50}, true
		case "CreateSecret", "DeleteSecret", "RestoreSecret":
			return quotaGroup{"secretsmanager " + operation, 50}, true
		case "TagResource", "UntagResource":
			return quotaGroup{"secretsmanager tag", 50}, true
		case "BatchGetSecretValue", "ListSecrets":
			return quotaGroup{"secretsmanager " + operation, 100}, true
		case "GetSecretValue":
			return quotaGroup{"secretsmanager " + operation, 10_000}, true
		case "DescribeSecret":
			return quotaGroup{"secretsmanager " + operation, 40_000}, true
		}
	case "SSM":
		switch operation {
		case "GetParameter", "GetParameters", "GetParametersByPath":
			return quotaGroup{"ssm read", 40}, true // AWS documents it; an account can have more: see Raise
		case "PutParameter":
			return quotaGroup{"ssm " + operation, 3}, true // AWS's support names it; its documentation does not. So it is with the next
		case "DeleteParameter", "GetParameterHistory":
			return quotaGroup{"ssm " + operation, 5}, true
		case "DescribeParameters":
			return quotaGroup{"ssm " + operation, 10}, true
		}
	case "STS":
		return quotaGroup{"sts", 600}, true
	}
	return quotaGroup{}, false
}

// pace holds the limiters of one account and Region.
type pace struct {
	mu       sync.Mutex
	limiters map[string]*limiter
}

// limiter returns the limiter that an operation takes its turn from; nil if it is not paced.
func (p *pace) limiter(service, operation string) *limiter {
	g, ok := groupOf(service, operation)
	if !ok {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.limiters[g.name]
	if l == nil {
		if p.limiters == nil {
			p.limiters = map[string]*limiter{}
		}
		l = newLimiter(g.perSecond)
		p.limiters[g.name] = l
	}
	return l
}

// Raise says that AWS allows t more than it allows every account, in calls a second, of the group that an operation of a service is counted in. A number that is
// not above what is known already changes nothing; nor does an operation that is not paced.
func (f *Factory) Raise(t Target, service, operation string, perSecond int) {
	if g, ok := groupOf(service, operation); ok && perSecond > g.perSecond {
		f.lane(t.lane()).pace.raise(quotaGroup{g.name, perSecond})
	}
}

func (p *pace) raise(g quotaGroup) {
	higher := newLimiter(g.perSecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limiters == nil {
		p.limiters = map[string]*limiter{}
	}
	if l := p.limiters[g.name]; l == nil || l.full < higher.full {
		p.limiters[g.name] = higher
	}
}

// limiter is the pace of one quota group. Its burst is a tenth of the quota, so that no second holds more than nine tenths of it. Where others use the quota
// too and AWS throttles, it slows down by a third, at most once a second, and gains half a hundredth of its full pace with every success.
type limiter struct {
	*rate.Limiter
	full rate.Limit

	mu     sync.Mutex
	slowed time.Time
}

const (
	slowerBy  = 2.0 / 3
	slowAgain = time.Second
	recovery  = 1.0 / 200
	slowest   = 1.0 / 50 // of the full pace
)

func newLimiter(perSecond int) *limiter {
	full := rate.Limit(share * float64(perSecond))
	return &limiter{Limiter: rate.NewLimiter(full, max(1, perSecond/10)), full: full}
}

// learn adapts the pace to how an attempt ended.
func (l *limiter) learn(o Outcome) {
	switch {
	case o == Throttled:
		l.mu.Lock()
		defer l.mu.Unlock()
		if now := time.Now(); now.Sub(l.slowed) >= slowAgain {
			l.slowed = now
			l.SetLimit(max(l.Limit()*slowerBy, l.full*slowest))
		}
	case o == OK && l.Limit() < l.full:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.SetLimit(min(l.Limit()+l.full*recovery, l.full))
	}
}
