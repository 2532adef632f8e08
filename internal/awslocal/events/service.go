// Package events is the EventBridge of the embedded AWS: the default bus of every account and Region, rules with event patterns, and their targets, which are
// queues and topics of the same server. Every event is delivered at once, and once, unless a fault says otherwise; nothing is retried.
package events

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Service is EventBridge for every account and Region. It is safe for concurrent use.
type Service struct {
	newID   func() string
	deliver func(Delivery) error

	mu     sync.Mutex
	places map[place]map[string]*rule // by name
}

var _ service.Service = (*Service)(nil)

// Delivery is an event on its way to a target of a rule.
type Delivery struct {
	Rule   string // the ARN of the rule
	Target string // the ARN of the target
	Body   string
}

// place is an account in a Region: where rules live.
type place struct{ account, region string }

// New returns an EventBridge without rules. newID makes the ids of events, which are UUIDs in AWS; deliver takes an event to a target of a rule,
// and is called with no lock held. What it fails with has no effect but that the dead-letter queue of the target gets the event.
func New(newID func() string, deliver func(Delivery) error) *Service {
	return &Service{newID: newID, deliver: deliver, places: make(map[place]map[string]*rule)}
}

// SigningName implements service.Service.
func (s *Service) SigningName() string { return "events" }

// Serve implements service.Service.
func (s *Service) Serve(_ context.Context, r *service.Request) (*service.Response, *service.Error) {
	operations := map[string]func(*service.Request) (any, *service.Error){
		"DeleteRule":        s.deleteRule,
		"DescribeRule":      s.describeRule,
		"DisableRule":       s.disableRule,
		"EnableRule":        s.enableRule,
		"ListRules":         s.listRules,
		"ListTargetsByRule": s.listTargetsByRule,
		"PutEvents":         s.putEvents,
		"PutRule":           s.putRule,
		"PutTargets":        s.putTargets,
		"RemoveTargets":     s.removeTargets,
		"TestEventPattern":  testEventPattern,
	}
	run, ok := operations[r.Operation]
	if !ok {
		return nil, refuse("UnknownOperationException", "the embedded AWS has no operation %s of EventBridge", r.Operation)
	}
	out, refused := run(r)
	if refused != nil {
		return nil, refused
	}
	return &service.Response{JSON: out}, nil
}

// nothing is the answer of operations that answer nothing.
type nothing struct{}

// decode reads the parameters of a call. What does not fit is not repeated in the error.
func decode[T any](r *service.Request) (*T, *service.Error) {
	in := new(T)
	if len(r.Body) == 0 {
		return in, nil
	}
	if err := json.Unmarshal(r.Body, in); err != nil {
		return nil, refuse("SerializationException", "The request body is not a valid document for this operation.")
	}
	return in, nil
}

func refuse(code, format string, args ...any) *service.Error {
	return &service.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func validation(format string, args ...any) *service.Error {
	return refuse("ValidationException", format, args...)
}

func noRule(name string) *service.Error {
	return refuse("ResourceNotFoundException", "Rule %s does not exist on EventBus default.", name)
}

func authorize(r *service.Request, action, resource string) *service.Error {
	if r.Authorize == nil {
		return nil
	}
	return r.Authorize("events:"+action, resource, nil)
}

func note(r *service.Request, resource string) {
	if r.Note != nil {
		r.Note(resource)
	}
}
