package secretsmanager

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Secret is one to start with. Only Name is needed.
type Secret struct {
	Name              string
	Description       string
	KmsKeyID          string            // "" is the AWS-managed key
	Value             string            // with neither Value nor Binary the secret has no version
	Binary            []byte            // at most one of the two
	Tags              map[string]string // also those that begin with aws:
	VersionID         string            // "" makes one up
	OwningService     string            // the service that manages it; nobody else can change it then
	PrimaryRegion     string            // of another Region: the secret is a read-only replica
	ResourcePolicy    string
	RotationEnabled   bool
	RotationLambdaARN string // where rotation is enabled, "" makes one up
	RotationDays      int64  // where rotation is enabled, 0 is 30
}

// Seed puts a secret into an account, as if it always had been there: every listing shows it, however late it is.
// It asks nobody for leave and makes no call to KMS. It is an error if the name is not valid or taken, or if both kinds of value are given.
// It is safe for concurrent use.
func (s *Service) Seed(account, region string, now time.Time, secret Secret) error {
	at := place{account: account, region: region}
	if !validName(secret.Name) {
		return fmt.Errorf("seed %q: invalid name", secret.Name)
	}
	if secret.Value != "" && secret.Binary != nil {
		return fmt.Errorf("seed %q: both a string and a binary value", secret.Name)
	}
	x := &record{
		place:       at,
		name:        secret.Name,
		arn:         at.arn(secret.Name + "-" + s.suffix()),
		description: secret.Description,
		keyID:       at.keyID(secret.KmsKeyID),
		owner:       secret.OwningService,
		primary:     secret.PrimaryRegion,
		created:     now,
		changed:     now,
		rotation:    secret.rotation(at, now),
	}
	for _, key := range slices.Sorted(maps.Keys(secret.Tags)) {
		x.tags = append(x.tags, tag{Key: key, Value: secret.Tags[key]})
	}
	if p := secret.payload(); p.given() {
		id := secret.VersionID
		if id == "" {
			id = s.versionID()
		}
		x.add(newVersion(id, p, x.keyID, now))
		x.labels = x.labels.written(id, nil)
	}

	st := s.store(at)
	st.mu.Lock()
	defer st.mu.Unlock()
	s.expire(st, now)
	if st.byName[x.name] != nil {
		return fmt.Errorf("seed %q: it exists already", secret.Name)
	}
	st.insert(x)
	if secret.ResourcePolicy != "" {
		s.policies.Store(x.arn, newResourcePolicy(secret.ResourcePolicy))
	}
	x.show(x.entry(), time.Time{})
	return nil
}

func (secret Secret) payload() payload {
	switch {
	case secret.Value != "":
		return payload{SecretString: &secret.Value}
	case secret.Binary != nil:
		return payload{SecretBinary: &secret.Binary}
	default:
		return payload{}
	}
}

func (secret Secret) rotation(at place, now time.Time) rotation {
	if !secret.RotationEnabled {
		return rotation{lambda: secret.RotationLambdaARN}
	}
	on := true
	r := rotation{enabled: &on, lambda: secret.RotationLambdaARN, days: secret.RotationDays}
	if r.days == 0 {
		r.days = 30
	}
	if r.lambda == "" {
		r.lambda = "arn:" + partition(at.region) + ":lambda:" + at.region + ":" + at.account + ":function:rotate"
	}
	r.next = now.Add(time.Duration(r.days) * 24 * time.Hour)
	return r
}

// versionID returns a new id for a version: 36 characters where newID has as many.
func (s *Service) versionID() string {
	id := s.newID()
	if len(id) > 36 {
		id = id[:36]
	}
	if len(id) < 32 {
		id = strings.Repeat("0", 32-len(id)) + id
	}
	return id
}
