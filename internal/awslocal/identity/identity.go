// Package identity knows who may call the embedded AWS: users, roles, access keys, and the sessions that STS issued.
package identity

import (
	"context"
	"strconv"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// DefaultAccount is the account of credentials that nothing is known about, where anybody may call.
const DefaultAccount = "123456789012"

// Kind says what a caller is.
type Kind int

// The kinds of callers.
const (
	Root    Kind = iota // the account itself; every policy allows it everything
	User                // a user with a long-lived key
	Session             // a session of a role
)

// A Caller is who signed a request, with what its policies say. It is never changed once it is known to a Directory.
type Caller struct {
	service.Principal
	Kind      Kind
	Name      string            // of the user
	RoleARN   string            // of the role behind a session
	Policies  []policy.Document // attached to the user or the role
	Bounds    []policy.Document // the policy that a session was made with; none: not bounded
	Temporary bool              // the key came from STS and needs its session token
	Token     string            // the session token
	Expires   time.Time         // of a temporary key
}

// Role is a role of an account.
type Role struct {
	Account  string
	Name     string
	ARN      string
	Trust    policy.Document
	Policies []policy.Document
}

// PolicyPrincipal returns the caller as policies name it.
func (c *Caller) PolicyPrincipal() policy.Principal {
	return policy.Principal{ARN: c.ARN, Role: c.RoleARN, Account: c.Account}
}

// Decide evaluates what the caller's own policies say about an action.
func (c *Caller) Decide(action, resource string, conditions map[string][]string) policy.Decision {
	if c.Kind == Root {
		return policy.Allowed
	}
	r := policy.Request{Action: action, Resource: resource, Principal: c.PolicyPrincipal(), Context: conditions}
	decision := policy.Evaluate(c.Policies, r)
	if decision != policy.Allowed || len(c.Bounds) == 0 {
		return decision
	}
	return policy.Evaluate(c.Bounds, r)
}

// Conditions returns the condition keys that every request of the caller has, with more added to them.
func (c *Caller) Conditions(region string, now time.Time, more map[string][]string) map[string][]string {
	arn := c.ARN
	if c.RoleARN != "" {
		arn = c.RoleARN
	}
	m := map[string][]string{
		"aws:PrincipalArn":     {arn},
		"aws:PrincipalAccount": {c.Account},
		"aws:userid":           {c.UserID},
		"aws:RequestedRegion":  {region},
		"aws:SecureTransport":  {"true"}, // what stands here in for AWS is always reached over TLS there
		"aws:CurrentTime":      {now.UTC().Format(time.RFC3339)},
		"aws:EpochTime":        {strconv.FormatInt(now.Unix(), 10)},
	}
	switch c.Kind {
	case Root:
		m["aws:PrincipalType"] = []string{"Account"}
	case User:
		m["aws:PrincipalType"] = []string{"User"}
		m["aws:username"] = []string{c.Name}
	case Session:
		m["aws:PrincipalType"] = []string{"AssumedRole"}
	}
	for k, v := range more {
		m[k] = v
	}
	return m
}

// RootOf returns the caller that is an account itself.
func RootOf(account string) *Caller {
	return &Caller{
		Kind:      Root,
		Principal: service.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account},
	}
}

type contextKey struct{}

// NewContext returns a context that carries the caller, for the services that need to know more of it than its name.
func NewContext(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the caller that NewContext put there, nil where there is none.
func FromContext(ctx context.Context) *Caller {
	c, _ := ctx.Value(contextKey{}).(*Caller)
	return c
}
