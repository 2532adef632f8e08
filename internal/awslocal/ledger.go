package awslocal

import (
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
)

// Call is one call to the embedded AWS, as the ledger holds it. It never holds a body.
type Call struct {
	Time      time.Time // when it came in, by the embedded AWS's clock
	Account   string    // of the caller; empty where nobody known called
	Region    string
	Service   string   // its signing name: "secretsmanager"
	Operation string   // "GetSecretValue"
	Resource  string   // what the call is about, as the service notes it; the first of several
	More      []string // the others of several
	Principal string   // ARN of the caller
	Outcome   string   // the code of a refusal; empty: it went well; OutcomeNone: nothing was done and nothing answered
	Lost      bool     // the client got no answer, whatever Outcome says was done
	Internal  bool     // a service's own call: to KMS on behalf of its caller, or EventBridge's to a target
}

// OutcomeNone is the outcome of a call that was dropped before anything was done.
const OutcomeNone = "(none)"

// OK matches calls that went well, as Match.Outcome.
const OK = "ok"

// Match says which calls are meant. An empty field matches everything; the texts are globs, with * and ?.
type Match struct {
	Account   string
	Region    string
	Service   string
	Operation string
	Resource  string // matches where any of a call's resources does
	Principal string
	Outcome   string // OK for calls that went well
	Internal  bool   // the calls of services to each other, instead of those that came in from outside
}

// Matches reports whether a call is meant.
func (m Match) Matches(c Call) bool {
	if m.Internal != c.Internal ||
		!meant(m.Account, c.Account) || !meant(m.Region, c.Region) || !meant(m.Service, c.Service) ||
		!meant(m.Operation, c.Operation) || !meant(m.Principal, c.Principal) {
		return false
	}
	if m.Outcome == OK && c.Outcome != "" || m.Outcome != OK && !meant(m.Outcome, c.Outcome) {
		return false
	}
	if meant(m.Resource, c.Resource) {
		return true
	}
	for _, r := range c.More {
		if meant(m.Resource, r) {
			return true
		}
	}
	return false
}

func meant(pattern, s string) bool {
	return pattern == "" || pattern == s || policy.Glob(pattern, s)
}

// Calls are calls in the order in which they ended.
type Calls []Call

// Where returns the calls that m means.
func (cs Calls) Where(m Match) Calls {
	var out Calls
	for _, c := range cs {
		if m.Matches(c) {
			out = append(out, c)
		}
	}
	return out
}

// Count returns how many calls m means.
func (cs Calls) Count(m Match) int {
	n := 0
	for _, c := range cs {
		if m.Matches(c) {
			n++
		}
	}
	return n
}

// Mark is a place in the ledger.
type Mark int

// A Ledger holds every call; see Options.LedgerSize for how many. A call stands in it before its answer leaves. It is safe for concurrent use.
type Ledger struct {
	size int // 0: all

	mu      sync.Mutex
	calls   []Call
	dropped int // calls that stood before calls[0]
}

func (l *Ledger) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && len(l.calls) >= 2*l.size {
		n := len(l.calls) - l.size + 1
		l.calls = append(make([]Call, 0, 2*l.size), l.calls[n:]...)
		l.dropped += n
	}
	l.calls = append(l.calls, c)
}

// Calls returns every call, the internal ones included.
func (l *Ledger) Calls() Calls { return l.Since(0) }

// Count returns how many calls m means.
func (l *Ledger) Count(m Match) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Calls(l.calls).Count(m)
}

// Mark returns the present end of the ledger, for Since.
func (l *Ledger) Mark() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Mark(l.dropped + len(l.calls))
}

// Since returns the calls after a mark, the internal ones included. After a Reset, marks from before it are worth nothing.
func (l *Ledger) Since(m Mark) Calls {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := min(max(int(m)-l.dropped, 0), len(l.calls))
	return append(Calls(nil), l.calls[from:]...)
}

// Reset empties the ledger.
func (l *Ledger) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.dropped = nil, 0
}
