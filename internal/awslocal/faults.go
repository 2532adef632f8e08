package awslocal

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Fault is something that goes wrong with calls. What is meant comes first, then when, then what happens.
// All faults that are meant strike, in the order in which they were added: delays add up, and the first that ends the call wins.
//
// EventBridge's deliveries are calls of SendMessage (sqs) and Publish (sns) too: Code and Drop lose one, Delay makes a message wait in its queue, by the
// embedded AWS's clock, before it can be received.
type Fault struct {
	Service   string // signing name; empty: every service
	Operation string // glob; empty: every operation
	Account   string // of the caller; empty: every account
	Region    string // empty: every Region
	Resource  string // glob on the name, id or ARN that the request gives; empty: every resource. In a batch the entry fails, not the call, unless Operation begins with "Batch"

	After       int     // skip this many calls that are meant
	Times       int     // strike this many times; 0: for ever
	Probability float64 // strike with this probability, from a fixed seed; 0: always

	Code       string // refuse with this error
	Message    string // of the refusal; empty: AWS's usual text
	Status     int    // of the refusal; 0: AWS's usual one
	Delay      time.Duration
	Drop       bool // close the connection, nothing done
	LoseAnswer bool // do it, then close the connection
	Hang       bool // say nothing until the client goes away

	Listing  service.Listing  // what a listing shows
	Lag      time.Duration    // how far a listing is behind
	Delivery service.Delivery // what becomes of the messages of a SendMessage, EventBridge's too

	Then func(Call) // called before the call is served, so that a test can act in the middle of a run; it may call the embedded AWS itself
}

// Faults are the faults in force. It is safe for concurrent use.
type Faults struct {
	number atomic.Int32 // of faults; a call looks no further where it is zero

	mu     sync.Mutex
	faults []*activeFault
	random *rand.Rand
}

type activeFault struct {
	Fault
	seen, struck int
}

func newFaults() *Faults {
	return &Faults{random: rand.New(rand.NewPCG(20, 26))} //nolint:gosec // chance that is the same in every run, which keeps tests repeatable; no secret is made of it
}

// Add puts a fault in force, and returns how to take it away again.
func (f *Faults) Add(fault Fault) (remove func()) {
	a := &activeFault{Fault: fault}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, a)
	f.number.Store(int32(len(f.faults)))
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.faults = slices.DeleteFunc(f.faults, func(x *activeFault) bool { return x == a })
		f.number.Store(int32(len(f.faults)))
	}
}

// Clear takes all faults away.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
	f.number.Store(0)
}

// target is what a call looks like to faults.
type target struct {
	service, operation string
	account, region    string
	resources          []string // every name of every resource
	batch              bool     // the resources are the entries of a batch
	internal           bool     // made by a service: a fault can refuse it, and do nothing else
	delivery           bool     // made by EventBridge
	entry              bool     // an action that another operation includes: only faults on a resource, that refuse, strike
}

// effect is what the faults that strike do together.
type effect struct {
	delay            time.Duration
	refuse           *service.Error
	drop, lose, hang bool
	listing          service.Listing
	lag              time.Duration
	delivery         service.Delivery
	hooks            []func(Call)
}

func (f *Faults) any() bool { return f.number.Load() > 0 }

// strike counts a call against every fault that means it, and returns what happens to it.
func (f *Faults) strike(t target) effect {
	var e effect
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.faults {
		if !a.means(t) || !a.due(f.random) {
			continue
		}
		e.delay += a.Delay
		if a.Listing != service.ListingWhole {
			e.listing = a.Listing
		}
		if a.Lag != 0 {
			e.lag = a.Lag
		}
		if a.Delivery != service.DeliveryOnce {
			e.delivery = a.Delivery
		}
		if a.Then != nil {
			e.hooks = append(e.hooks, a.Then)
		}
		if e.refuse == nil && !e.drop && !e.hang {
			e.drop, e.hang, e.lose = a.Drop, a.Hang, e.lose || a.LoseAnswer
			if a.Code != "" {
				e.refuse = &service.Error{Code: a.Code, Message: a.message(), Status: a.status()}
			}
		}
	}
	return e
}

func (a *activeFault) means(t target) bool {
	if a.Service != "" && a.Service != t.service || a.Account != "" && a.Account != t.account || a.Region != "" && a.Region != t.region || !meant(a.Operation, t.operation) {
		return false
	}
	if t.internal && !t.delivery && a.Code == "" || t.entry && (a.Code == "" || a.Resource == "") {
		return false
	}
	if t.delivery && a.Code == "" && !a.Drop && a.Delay == 0 && a.Delivery == service.DeliveryOnce {
		return false
	}
	if a.Resource == "" {
		return true
	}
	if t.batch && a.Code != "" && !strings.HasPrefix(a.Operation, "Batch") {
		return false // the entry fails, when its turn comes
	}
	return slices.ContainsFunc(t.resources, func(r string) bool { return meant(a.Resource, r) })
}

func (a *activeFault) due(random *rand.Rand) bool {
	if a.Times > 0 && a.struck >= a.Times {
		return false
	}
	a.seen++
	if a.seen <= a.After || a.Probability > 0 && random.Float64() >= a.Probability {
		return false
	}
	a.struck++
	return true
}

func (a *activeFault) message() string {
	switch {
	case a.Message != "":
		return a.Message
	case strings.HasPrefix(a.Code, "Throttling"):
		return "Rate exceeded"
	case strings.HasPrefix(a.Code, "ExpiredToken"):
		return "The security token included in the request is expired"
	}
	return "injected fault"
}

func (a *activeFault) status() int {
	if a.Status != 0 {
		return a.Status
	}
	switch a.Code {
	case "InternalServiceError", "InternalServerError", "InternalFailure", "KMSInternalException":
		return 500
	case "ServiceUnavailable", "ServiceUnavailableException":
		return 503
	case "AccessDenied", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch": // the query protocol's
		return 403
	}
	return 400
}
