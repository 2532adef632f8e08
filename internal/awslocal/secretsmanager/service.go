// Package secretsmanager is the Secrets Manager of the embedded AWS. It answers as AWS does: the same label moves, the same
// refusals in the same words, the same calls to KMS. What it keeps, it keeps in memory, for each account and Region apart.
package secretsmanager

import (
	"context"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Service is Secrets Manager for every account and Region. It is safe for concurrent use.
//
// Request.Authorize is called while a store is locked: it may call Policy, but neither Serve nor Seed.
// Keys.Use is called with no lock held, so that a slow KMS holds up nobody else.
type Service struct {
	keys       service.Keys
	bus        service.Bus
	newID      func() string
	operations map[string]operation
	rotations  rotations
	policies   sync.Map // the ARN of a secret to its *resourcePolicy

	mu     sync.Mutex
	stores map[place]*store
}

var _ service.Service = (*Service)(nil)

// operation answers one operation; the call is released by Serve.
type operation func(*call) (any, *service.Error)

// New returns a Secrets Manager without any secret. It encrypts with keys, and tells bus what happens to secrets; nil tells nobody.
// newID returns a new unique string of 32 to 64 characters, the last six letters and digits of which become the suffix of an ARN;
// nil takes random ones.
func New(keys service.Keys, bus service.Bus, newID func() string) *Service {
	if newID == nil {
		newID = randomID
	}
	return &Service{
		keys:   keys,
		bus:    bus,
		newID:  newID,
		stores: make(map[place]*store),
		operations: map[string]operation{
			"BatchGetSecretValue":          batchGetSecretValue,
			"CancelRotateSecret":           cancelRotateSecret,
			"CreateSecret":                 createSecret,
			"DeleteResourcePolicy":         deleteResourcePolicy,
			"DeleteSecret":                 deleteSecret,
			"DescribeSecret":               describeSecret,
			"GetRandomPassword":            getRandomPassword,
			"GetResourcePolicy":            getResourcePolicy,
			"GetSecretValue":               getSecretValue,
			"ListSecretVersionIds":         listSecretVersionIDs,
			"ListSecrets":                  listSecrets,
			"PutResourcePolicy":            putResourcePolicy,
			"PutSecretValue":               putSecretValue,
			"RemoveRegionsFromReplication": removeRegionsFromReplication,
			"ReplicateSecretToRegions":     replicateSecretToRegions,
			"RestoreSecret":                restoreSecret,
			"RotateSecret":                 rotateSecret,
			"StopReplicationToReplica":     stopReplicationToReplica,
			"TagResource":                  tagResource,
			"UntagResource":                untagResource,
			"UpdateSecret":                 updateSecret,
			"UpdateSecretVersionStage":     updateSecretVersionStage,
			"ValidateResourcePolicy":       validateResourcePolicy,
		},
	}
}

// SigningName implements service.Service.
func (s *Service) SigningName() string { return "secretsmanager" }

// Serve implements service.Service.
func (s *Service) Serve(_ context.Context, r *service.Request) (*service.Response, *service.Error) {
	run, ok := s.operations[r.Operation]
	if !ok {
		return nil, &service.Error{Code: "UnknownOperationException"}
	}
	c := &call{Service: s, r: r}
	out, err := func() (any, *service.Error) {
		defer c.release()
		return run(c)
	}()
	c.finishReplication()
	c.tell(out, err)
	for _, j := range c.begun {
		s.rotations.start(s, j)
	}
	if err != nil {
		return nil, err
	}
	return &service.Response{JSON: out}, nil
}

// ResourcePolicy returns the resource policy of the secret with exactly that ARN, and whether it has one.
// It takes no store's lock, so that an authorizer may ask in the middle of a call.
func (s *Service) ResourcePolicy(arn string) (string, bool) {
	p, ok := s.policies.Load(arn)
	if !ok {
		return "", false
	}
	return p.(*resourcePolicy).text, true
}

// Policy is ResourcePolicy in the form that can be evaluated.
func (s *Service) Policy(arn string) (policy.Document, bool) {
	p, ok := s.policies.Load(arn)
	if !ok {
		return policy.Document{}, false
	}
	return p.(*resourcePolicy).doc, true
}

// store returns the store of one account in one Region, and makes it where there is none.
func (s *Service) store(at place) *store {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.stores[at]
	if !ok {
		st = newStore(at)
		s.stores[at] = st
	}
	return st
}
