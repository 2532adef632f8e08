package kms

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// managedKeys returns the aliases of the keys that AWS keeps in every account and Region, each with the description of its key.
func managedKeys() [][2]string {
	return [][2]string{
		{"alias/aws/secretsmanager", "Default key that protects my Secrets Manager data when no other key is defined"},
		{"alias/aws/ssm", "Default key that protects my SSM Parameter store data when no other key is defined"},
	}
}

type region struct {
	place
	policies *sync.Map // the service's
	keys     map[string]*key
	aliases  map[string]*alias
}

type alias struct {
	name    string
	key     string
	created time.Time
	updated time.Time
}

type key struct {
	id          string
	arn         string
	description string
	managed     bool // by AWS
	enabled     bool
	created     time.Time
	deletion    time.Time // zero: not scheduled
	material    [32]byte
}

// at returns the keys of an account and Region, and makes AWS's own when they are asked for the first time. The caller holds the lock for writing.
func (s *Service) at(p place, now time.Time) *region {
	g := s.regions[p]
	if g == nil {
		g = &region{place: p, policies: &s.policies, keys: make(map[string]*key), aliases: make(map[string]*alias)}
		s.regions[p] = g
		for _, own := range managedKeys() {
			sum := sha256.Sum256([]byte(p.account + "/" + p.region + "/" + own[0]))
			id := fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
			k := g.add(id, own[1], now)
			k.managed = true
			g.policies.Store(k.arn, managedPolicy(g.place, own[0]))
			g.alias(own[0], k.id, now)
		}
	}
	return g
}

// read calls do with the keys of an account and Region, locked for reading.
func (s *Service) read(p place, now time.Time, do func(*region) *service.Error) *service.Error {
	s.mu.RLock()
	g := s.regions[p]
	if g == nil {
		s.mu.RUnlock()
		s.mu.Lock()
		s.at(p, now)
		s.mu.Unlock()
		s.mu.RLock()
		g = s.regions[p]
	}
	defer s.mu.RUnlock()
	return do(g)
}

// write calls do with the keys of an account and Region, locked for writing.
func (s *Service) write(p place, now time.Time, do func(*region) *service.Error) *service.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return do(s.at(p, now))
}

func (g *region) arn(resource string) string {
	return "arn:" + partition(g.region) + ":kms:" + g.region + ":" + g.account + ":" + resource
}

func (g *region) add(id, description string, now time.Time) *key {
	k := &key{id: id, arn: g.arn("key/" + id), description: description, enabled: true, created: now}
	rand.Read(k.material[:]) // never fails, says its documentation
	g.keys[id] = k
	g.policies.Store(k.arn, defaultPolicy(g.place))
	return k
}

func (g *region) alias(name, keyID string, now time.Time) {
	g.aliases[name] = &alias{name: name, key: keyID, created: now, updated: now}
}

// find returns the key of an id or an alias; one whose deletion is due is gone.
func (g *region) find(name string, now time.Time) (*key, *service.Error) {
	id := name
	if strings.HasPrefix(name, "alias/") {
		a := g.aliases[name]
		if a == nil {
			return nil, notFound("Alias " + g.arn(name) + " is not found.")
		}
		id = a.key
	} else if !isKeyID(name) {
		return nil, notFound("Invalid keyId '" + name + "'")
	}
	k := g.keys[id]
	if k == nil || k.gone(now) {
		return nil, notFound("Key '" + g.arn("key/"+id) + "' does not exist")
	}
	return k, nil
}

// names returns everything that the key is called.
func (g *region) names(k *key) []string {
	out := []string{k.arn, k.id}
	for _, a := range g.aliases {
		if a.key == k.id {
			out = append(out, a.name)
		}
	}
	return out
}

// usable answers what AWS does where a key is disabled or on its way out.
func (k *key) usable() *service.Error {
	switch {
	case !k.deletion.IsZero():
		return pendingDeletion(k)
	case !k.enabled:
		return &service.Error{Code: "DisabledException", Message: k.arn + " is disabled."}
	}
	return nil
}

func (k *key) gone(now time.Time) bool { return !k.deletion.IsZero() && !now.Before(k.deletion) }

func (k *key) state() string {
	switch {
	case !k.deletion.IsZero():
		return "PendingDeletion"
	case !k.enabled:
		return "Disabled"
	}
	return "Enabled"
}

// locate says where a key is meant to be and what it is called there: an ARN names its own account, and must name the Region that was asked.
func locate(r *service.Request, name string) (place, string, *service.Error) {
	here := place{r.Account, r.Region}
	if name == "" {
		return here, "", &service.Error{Code: "ValidationException", Message: "1 validation error detected: Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1"}
	}
	if !strings.HasPrefix(name, "arn:") {
		return here, name, nil
	}
	parts := strings.SplitN(name, ":", 6)
	if len(parts) != 6 || parts[2] != "kms" {
		return here, "", notFound("Invalid arn " + name)
	}
	if parts[3] != r.Region {
		return here, "", notFound("Invalid arn " + parts[3])
	}
	return place{parts[4], parts[3]}, strings.TrimPrefix(parts[5], "key/"), nil
}

// isKeyID reports whether s looks like the id of a key: a UUID, or mrk- and 32 hexadecimal digits.
func isKeyID(s string) bool {
	if rest, ok := strings.CutPrefix(s, "mrk-"); ok {
		return len(rest) == 32 && isHex(rest)
	}
	parts := strings.Split(s, "-")
	return slices.EqualFunc(parts, []int{8, 4, 4, 4, 12}, func(p string, n int) bool { return len(p) == n && isHex(p) })
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func notFound(message string) *service.Error {
	return &service.Error{Code: "NotFoundException", Message: message}
}

func pendingDeletion(k *key) *service.Error {
	return &service.Error{Code: "KMSInvalidStateException", Message: k.arn + " is pending deletion."}
}

func invalid(message string) *service.Error {
	return &service.Error{Code: "ValidationException", Message: message}
}
