// Package ssm is the Parameter Store of the embedded AWS: parameters with their versions, labels and tags. It answers as AWS does, in the same words
// where they are known, and makes the same calls to KMS. What it keeps, it keeps in memory, for each account and Region apart.
package ssm

import (
	"context"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Service is Parameter Store for every account and Region. It is safe for concurrent use.
//
// Request.Authorize is called while a store is locked: it may call neither Serve nor Seed. Keys.Use and Secrets Manager are called with no lock held.
type Service struct {
	keys       service.Keys
	bus        service.Bus
	secrets    service.Service
	operations map[string]operation

	mu     sync.Mutex
	stores map[place]*store
}

var _ service.Service = (*Service)(nil)

// operation answers one operation, with the caller's store locked.
type operation func(*call) (any, *service.Error)

// New returns a Parameter Store without any parameter. It encrypts with keys, tells bus what happens to parameters, and asks secrets, which is Secrets Manager, for
// those that the reserved path leads to; nil encrypts nothing, tells nobody, and finds no secret.
func New(keys service.Keys, bus service.Bus, secrets service.Service) *Service {
	return &Service{
		keys:    keys,
		bus:     bus,
		secrets: secrets,
		stores:  make(map[place]*store),
		operations: map[string]operation{
			"AddTagsToResource":       addTagsToResource,
			"DeleteParameter":         deleteParameter,
			"DeleteParameters":        deleteParameters,
			"DescribeParameters":      describeParameters,
			"GetParameter":            getParameter,
			"GetParameterHistory":     getParameterHistory,
			"GetParameters":           getParameters,
			"GetParametersByPath":     getParametersByPath,
			"LabelParameterVersion":   labelParameterVersion,
			"ListTagsForResource":     listTagsForResource,
			"PutParameter":            putParameter,
			"RemoveTagsFromResource":  removeTagsFromResource,
			"UnlabelParameterVersion": unlabelParameterVersion,
		},
	}
}

// SigningName implements service.Service.
func (s *Service) SigningName() string { return "ssm" }

// Serve implements service.Service.
func (s *Service) Serve(ctx context.Context, r *service.Request) (*service.Response, *service.Error) {
	run, ok := s.operations[r.Operation]
	if !ok {
		return nil, &service.Error{Code: "UnknownOperationException"}
	}
	c := &call{Service: s, r: r, st: s.store(place{account: r.Account, region: r.Region})}
	if s.secrets != nil {
		c.secrets = func(r *service.Request) (*service.Response, *service.Error) { return s.secrets.Serve(ctx, r) }
	}
	out, err := func() (any, *service.Error) {
		c.st.mu.Lock()
		defer c.st.mu.Unlock()
		return run(c)
	}()
	c.tell()
	if err != nil {
		return nil, err
	}
	return &service.Response{JSON: out}, nil
}

// store returns the store of one account in one Region, and makes it where there is none.
func (s *Service) store(at place) *store {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.stores[at]
	if !ok {
		st = &store{place: at, byName: make(map[string]*record), shown: make(map[string]*history)}
		s.stores[at] = st
	}
	return st
}
