package awscfg

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	sessionLength = time.Hour       // the longest that a chained role allows
	expiryWindow  = 5 * time.Minute // a session is renewed this long before it ends
	refusalKept   = time.Minute     // a role that was refused is not asked for again before
)

// sessionKey is what a session depends on: not the Region, which all share. The zero key is the ambient credentials.
type sessionKey struct{ roleARN, externalID string }

// session is one set of credentials: the ambient ones, or those of one assumed role. It is safe for concurrent use.
type session struct {
	aws.CredentialsProvider // an aws.CredentialsCache, in most cases
	assumed                 *assumption
	renewing                sync.Mutex
}

func (f *Factory) session(base aws.Config, t Target) (*session, error) {
	k := sessionKey{t.RoleARN(), t.ExternalID}
	if k.roleARN == "" {
		k = sessionKey{}
	} else if account, _ := ARNAccount(k.roleARN); account == "" {
		return nil, &store.Error{Op: "AssumeRole", Kind: store.ErrInvalid, Err: errors.New("role " + t.Role + " without an account")}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.sessions[k]; s != nil {
		return s, nil
	}
	s := &session{CredentialsProvider: base.Credentials}
	if k.roleARN != "" {
		s.assumed = &assumption{f: f, key: k, region: t.Region}
		s.CredentialsProvider = aws.NewCredentialsCache(s.assumed, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = expiryWindow })
	}
	f.sessions[k] = s
	return s, nil
}

// Retrieve returns the session's credentials; a *store.Error of kind ErrCredentials, or of what kept STS from answering, if there are none.
func (s *session) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := s.CredentialsProvider.Retrieve(ctx)
	if err == nil {
		return creds, nil
	}
	if e := (*CredentialsError)(nil); errors.As(err, &e) {
		return aws.Credentials{}, e
	}
	if ctx.Err() != nil {
		return aws.Credentials{}, ctx.Err()
	}
	return aws.Credentials{}, &CredentialsError{Err: err}
}

// renew drops the credentials if they are still those that were found to be expired, and reports whether there are others now.
func (s *session) renew(ctx context.Context, expired aws.Credentials) bool {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	if now, err := s.Retrieve(ctx); err == nil && now.SessionToken == expired.SessionToken && now.AccessKeyID == expired.AccessKeyID {
		cache, ok := s.CredentialsProvider.(interface{ Invalidate() })
		if !ok {
			return false
		}
		cache.Invalidate()
	}
	now, err := s.Retrieve(ctx)
	return err == nil && (now.SessionToken != expired.SessionToken || now.AccessKeyID != expired.AccessKeyID)
}

func (s *session) forgive() {
	if s.assumed != nil {
		s.assumed.forgive()
	}
}

// assumption assumes one role. What STS refused is remembered for a minute: a role that does not let us in is asked once, not once per call.
type assumption struct {
	f      *Factory
	key    sessionKey
	region secret.Region // to call STS in, where the environment names no Region

	mu      sync.Mutex
	refused error
	until   time.Time
}

// Retrieve assumes the role. Its errors are *CredentialsError.
func (a *assumption) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if err := a.remembered(); err != nil {
		return aws.Credentials{}, err
	}
	region, err := a.f.Region(ctx)
	if err != nil {
		region = a.region
	}
	cfg, err := a.f.Config(ctx, Target{Region: region})
	if err != nil {
		return aws.Credentials{}, &CredentialsError{Role: a.key.roleARN, Err: err}
	}
	provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), a.key.roleARN, func(o *stscreds.AssumeRoleOptions) {
		o.Duration = sessionLength
		o.RoleSessionName = a.f.sessionName()
		if a.key.externalID != "" {
			o.ExternalID = aws.String(a.key.externalID)
		}
	})
	creds, err := provider.Retrieve(ctx)
	if err == nil {
		return creds, nil
	}
	e := &CredentialsError{Role: a.key.roleARN, Err: err}
	if inner := (*CredentialsError)(nil); errors.As(err, &inner) {
		e = inner // the ambient credentials are what is missing
	}
	if api := smithy.APIError(nil); errors.As(err, &api) && outcomeOf(ctx, err) == Refused {
		a.mu.Lock()
		a.refused, a.until = e, time.Now().Add(refusalKept)
		a.mu.Unlock()
	}
	return aws.Credentials{}, e
}

func (a *assumption) remembered() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused != nil && time.Now().Before(a.until) {
		return a.refused
	}
	return nil
}

func (a *assumption) forgive() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused = nil
}

// CredentialsError says that there are no credentials to make a call with. It is never retried by the call that needed them.
type CredentialsError struct {
	Role string // the ARN of the role that could not be assumed; empty: the ambient credentials are missing
	Err  error
}

func (e *CredentialsError) Error() string {
	if e.Role == "" {
		return "no credentials: " + e.Err.Error()
	}
	return "assume " + e.Role + ": " + e.Err.Error()
}

func (e *CredentialsError) Unwrap() error { return e.Err }
