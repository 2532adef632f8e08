package awslocal

import (
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// internalCalls puts the calls that services make to KMS into the ledger, and lets faults refuse them.
type internalCalls struct{ s *Server }

func (i internalCalls) Before(r *service.Request, use service.KeyUse, names []string) *service.Error {
	if !i.s.faults.any() {
		return nil
	}
	return i.s.faults.strike(target{
		service: "kms", operation: string(use), account: r.Account, region: r.Region, resources: allSpellings(names), internal: true,
	}).refuse
}

func (i internalCalls) After(r *service.Request, use service.KeyUse, keyARN string, refused *service.Error) {
	c := Call{
		Time: r.Now, Account: r.Account, Region: r.Region, Service: "kms", Operation: string(use),
		Resource: keyARN, Principal: r.Principal.ARN, Internal: true,
	}
	if refused != nil {
		c.Outcome = refused.Code
	}
	i.s.ledger.add(c)
}

// DisableKey disables a key, AWS's own too. key is an id, an ARN or an alias; that there is none is the error.
func (s *Server) DisableKey(account, region, key string) error {
	return keyError(account, region, key, s.keys.SetEnabled(account, region, key, false, s.clock()))
}

// EnableKey undoes DisableKey.
func (s *Server) EnableKey(account, region, key string) error {
	return keyError(account, region, key, s.keys.SetEnabled(account, region, key, true, s.clock()))
}

// RemoveKey makes a key vanish, as if its deletion were due; what it encrypted can no longer be read.
func (s *Server) RemoveKey(account, region, key string) error {
	return keyError(account, region, key, s.keys.Remove(account, region, key, s.clock()))
}

func keyError(account, region, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("key %q in %s %s: %w", key, account, region, err)
}
