package ssm

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Parameter is one to start with. Name and Value are needed. It prints without its value.
type Parameter struct {
	Name        string
	Value       string
	Type        string // "" is SecureString
	Tier        string // "" is Standard
	Description string
	KeyID       string // of a SecureString; "" is the AWS-managed key
	Tags        map[string]string
}

// Format prints a parameter without its value, whatever the verb.
func (p Parameter) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "{parameter}") }

// Check says what is wrong with a parameter, wherever it is to be, in PutParameter's words. The error does not hold its value.
func (p Parameter) Check() error {
	st := &store{place: place{account: "123456789012", region: "us-east-1"}}
	_, err := p.version(st, time.Time{})
	return plain(err)
}

// Seed puts a parameter into an account, as if it always had been there: every listing shows it, however late it is.
// It asks nobody for leave and makes no call to KMS. It is an error, without the value, if PutParameter would refuse it or the name is taken.
// It is safe for concurrent use.
func (s *Service) Seed(account, region string, now time.Time, p Parameter) error {
	st := s.store(place{account: account, region: region})
	st.mu.Lock()
	defer st.mu.Unlock()
	v, err := p.version(st, now)
	if err != nil {
		return plain(err)
	}
	st.add(strings.TrimSpace(p.Name), v, p.tags(), time.Time{})
	return nil
}

func (p Parameter) version(st *store, now time.Time) (*version, *service.Error) {
	in := putInput{Name: &p.Name, Value: &p.Value, Type: given(p.Type), Tier: given(p.Tier), Description: given(p.Description), KeyID: given(p.KeyID), Tags: p.tags()}
	if in.Type == nil {
		in.Type = given(typeSecure)
	}
	if err := in.check(st.place); err != nil {
		return nil, err
	}
	return in.version(st, now, "arn:aws:iam::"+st.account+":root")
}

func (p Parameter) tags() []tag {
	var tags []tag
	for _, key := range slices.Sorted(maps.Keys(p.Tags)) {
		tags = append(tags, tag{Key: key, Value: p.Tags[key]})
	}
	return tags
}

// given returns nil for what is not given.
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// plain turns a refusal into an error; nil stays nil.
func plain(err *service.Error) error {
	if err == nil {
		return nil
	}
	return errors.New(err.Message)
}
