package sts

import (
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/identity"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const (
	minLifetime     = 15 * time.Minute
	defaultLifetime = time.Hour
	maxLifetime     = 12 * time.Hour
	maxChained      = time.Hour // for a session that another session asked for
	maxToken        = 36 * time.Hour
)

func (s *Service) assumeRole(r *service.Request, caller *identity.Caller) (any, *service.Error) {
	in, refused := readAssumeRole(r.Form)
	if refused != nil {
		return nil, refused
	}
	r.Note(in.roleARN)
	if caller.Kind == identity.Session && in.lifetime > maxChained {
		return nil, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	role, known := s.identities.Role(in.roleARN)
	if !known || !s.mayAssume(r, caller, role, in) {
		return nil, &service.Error{
			Code: "AccessDenied", Status: 403,
			Message: "User: " + caller.ARN + " is not authorized to perform: sts:AssumeRole on resource: " + in.roleARN,
		}
	}
	session := role.Session(in.session)
	session.Bounds = in.bounds
	cred := s.identities.Issue(*session, in.lifetime, r.Now)

	out := assumedRole{Credentials: credentialsOf(cred)}
	out.AssumedRoleUser.AssumedRoleID = session.UserID
	out.AssumedRoleUser.Arn = session.ARN
	return out, nil
}

// mayAssume decides as IAM does:
//
//	the trust policy names …              the caller's own policies must …
//	nobody that the caller is             (refused)
//	the caller or its role, same account  not deny it
//	the whole account, same account       allow it
//	anything, another account             allow it
func (s *Service) mayAssume(r *service.Request, caller *identity.Caller, role *identity.Role, in assumeRoleInput) bool {
	if !s.identities.Enforced() {
		return true
	}
	conditions := map[string][]string{"sts:RoleSessionName": {in.session}}
	if in.externalID != "" {
		conditions["sts:ExternalId"] = []string{in.externalID}
	}
	conditions = caller.Conditions(r.Region, r.Now, conditions)

	trust := []policy.Document{role.Trust}
	ask := policy.Request{Action: "sts:AssumeRole", Resource: role.ARN, Principal: caller.PolicyPrincipal(), Context: conditions}
	if policy.Evaluate(trust, ask) != policy.Allowed {
		return false
	}
	own := caller.Decide("sts:AssumeRole", role.ARN, conditions)
	if role.Account != caller.Account {
		return own == policy.Allowed
	}
	ask.Principal.Account = "" // what names the account as a whole no longer matches
	named := policy.Evaluate(trust, ask) == policy.Allowed
	return own == policy.Allowed || named && own != policy.ExplicitDeny && len(caller.Bounds) == 0
}

func (s *Service) sessionToken(r *service.Request, caller *identity.Caller) (any, *service.Error) {
	lifetime, refused := readLifetime(r.Form, maxLifetime, maxToken)
	if refused != nil {
		return nil, refused
	}
	if s.identities.Enforced() && (caller.Temporary || caller.Kind == identity.Session) {
		return nil, &service.Error{Code: "AccessDenied", Status: 403, Message: "Cannot call GetSessionToken with session credentials"}
	}
	return sessionToken{credentialsOf(s.identities.Issue(*caller, lifetime, r.Now))}, nil
}

func credentialsOf(c identity.Credentials) credentials {
	return credentials{
		AccessKeyID:     c.AccessKeyID,
		SecretAccessKey: c.SecretAccessKey,
		SessionToken:    c.SessionToken,
		Expiration:      c.Expires.UTC().Format(time.RFC3339),
	}
}
