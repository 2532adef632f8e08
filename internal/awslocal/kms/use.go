package kms

import (
	"errors"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Use makes a call with a key for another service's caller; see service.Keys.
func (s *Service) Use(r *service.Request, via, name string, use service.KeyUse, encryptionContext map[string]string) *service.Error {
	if name == "" {
		name = "alias/aws/" + via
	}
	p, local, refused := locate(r, name)
	arn, names := name, []string{name}
	var managed bool
	var unusable *service.Error
	if refused == nil {
		refused = s.read(p, r.Now, func(g *region) *service.Error {
			k, refused := g.find(local, r.Now)
			if refused == nil {
				arn, managed, unusable = k.arn, k.managed, k.usable()
				if s.observer != nil {
					names = append(names, g.names(k)...)
				}
			}
			return refused
		})
	}
	if s.observer != nil {
		if injected := s.observer.Before(r, use, names); injected != nil {
			refused = injected
		}
	}
	// AWS's own key is open to whoever may use the service; any other key is the business of its policy, and of the caller's.
	if refused == nil && !managed {
		refused = r.Authorize("kms:"+string(use), arn, contextConditions(r, via, encryptionContext))
	}
	if refused == nil && managed && p.account != r.Account {
		refused = &service.Error{Code: "AccessDeniedException", Message: "The key " + arn + " is another account's own"}
	}
	if refused == nil {
		refused = unusable
	}
	if s.observer != nil {
		s.observer.After(r, use, arn, refused)
	}
	return refused
}

// Errors of the methods that prepare keys behind the API's back.
var (
	ErrNoKey  = errors.New("no such key")
	ErrExists = errors.New("key exists")
	ErrName   = errors.New("not the name of a key")
	ErrPolicy = errors.New("not the policy of a key")
)

// Seed makes a customer's key; id may be empty, and alias and policy too, for which the default policy stands. The errors are ErrName, ErrExists and ErrPolicy.
func (s *Service) Seed(account, regionName, alias, id, policy string, enabled bool, now time.Time) error {
	if id == "" {
		id = s.newID()
	}
	if !isKeyID(id) || alias != "" && validAlias(alias) != nil {
		return ErrName
	}
	own := defaultPolicy(place{account, regionName})
	if policy != "" {
		var err error
		if own, err = parseKeyPolicy(policy); err != nil {
			return ErrPolicy
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.at(place{account, regionName}, now)
	if g.keys[id] != nil || alias != "" && g.aliases[alias] != nil {
		return ErrExists
	}
	k := g.add(id, "", now)
	k.enabled = enabled
	g.policies.Store(k.arn, own)
	if alias != "" {
		g.alias(alias, id, now)
	}
	return nil
}

// SetEnabled enables or disables a key, of AWS's own too. name is an id, an ARN or an alias. The error is ErrNoKey.
func (s *Service) SetEnabled(account, regionName, name string, enabled bool, now time.Time) error {
	return s.change(account, regionName, name, now, func(_ *region, k *key) { k.enabled = enabled })
}

// Remove makes a key vanish at once, as if its deletion were due. The error is ErrNoKey.
func (s *Service) Remove(account, regionName, name string, now time.Time) error {
	return s.change(account, regionName, name, now, func(g *region, k *key) {
		delete(g.keys, k.id)
		g.policies.Delete(k.arn)
	})
}

func (s *Service) change(account, regionName, name string, now time.Time, do func(*region, *key)) error {
	p, local, refused := locate(&service.Request{Account: account, Region: regionName}, name)
	if refused != nil {
		return ErrNoKey
	}
	refused = s.write(p, now, func(g *region) *service.Error {
		k, refused := g.find(local, now)
		if refused == nil {
			do(g, k)
		}
		return refused
	})
	if refused != nil {
		return ErrNoKey
	}
	return nil
}
