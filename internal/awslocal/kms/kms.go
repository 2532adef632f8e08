// Package kms is the Key Management Service of the embedded AWS: symmetric keys, their aliases and states, and real encryption with keys that live in memory.
package kms

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// An Observer is told of the calls that other services make with a key for their callers.
type Observer interface {
	// Before may refuse a call; names are all names of the key: as it was asked for, its ARN, its id, its aliases.
	Before(r *service.Request, use service.KeyUse, names []string) *service.Error
	// After is told how the call went.
	After(r *service.Request, use service.KeyUse, keyARN string, refused *service.Error)
}

// Service answers KMS and is what the other services use keys through. It is safe for concurrent use.
type Service struct {
	newID    func() string
	observer Observer // may be nil
	policies sync.Map // the ARN of a key to its *keyPolicy; read without the lock, so that an authorizer may ask in the middle of a call

	mu      sync.RWMutex
	regions map[place]*region
}

type place struct{ account, region string }

// New returns a service without keys but AWS's own. newID makes key ids, UUIDs.
func New(newID func() string, observer Observer) *Service {
	return &Service{newID: newID, observer: observer, regions: make(map[place]*region)}
}

// SigningName is "kms".
func (s *Service) SigningName() string { return "kms" }

type handler func(s *Service, r *service.Request) (any, *service.Error)

// Serve answers one operation.
func (s *Service) Serve(_ context.Context, r *service.Request) (*service.Response, *service.Error) {
	h := operation(r.Operation)
	if h == nil {
		return nil, &service.Error{Code: "UnknownOperationException", Message: "the embedded KMS has no operation " + r.Operation}
	}
	out, refused := h(s, r)
	if refused != nil {
		return nil, refused
	}
	if out == nil {
		out = nothing{}
	}
	return &service.Response{JSON: out}, nil
}

func operation(name string) handler {
	switch name {
	case "CreateKey":
		return decoded((*Service).createKey)
	case "DescribeKey":
		return decoded((*Service).describeKey)
	case "ListKeys":
		return decoded((*Service).listKeys)
	case "EnableKey":
		return decoded((*Service).enableKey)
	case "DisableKey":
		return decoded((*Service).disableKey)
	case "ScheduleKeyDeletion":
		return decoded((*Service).scheduleKeyDeletion)
	case "CancelKeyDeletion":
		return decoded((*Service).cancelKeyDeletion)
	case "GetKeyPolicy":
		return decoded((*Service).getKeyPolicy)
	case "PutKeyPolicy":
		return decoded((*Service).putKeyPolicy)
	case "CreateAlias":
		return decoded((*Service).createAlias)
	case "UpdateAlias":
		return decoded((*Service).updateAlias)
	case "DeleteAlias":
		return decoded((*Service).deleteAlias)
	case "ListAliases":
		return decoded((*Service).listAliases)
	case "Encrypt":
		return decoded((*Service).encrypt)
	case "Decrypt":
		return decoded((*Service).decrypt)
	case "GenerateDataKey":
		return decoded((*Service).generateDataKey)
	}
	return nil
}

// decoded wraps an operation into the reading of its input.
func decoded[In any](do func(*Service, *service.Request, In) (any, *service.Error)) handler {
	return func(s *Service, r *service.Request) (any, *service.Error) {
		var in In
		if err := json.Unmarshal(r.Body, &in); err != nil {
			return nil, &service.Error{Code: "SerializationException", Message: "the request is not what this operation reads"}
		}
		return do(s, r, in)
	}
}

// nothing is the answer of operations that have none.
type nothing struct{}
