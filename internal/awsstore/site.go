package awsstore

import (
	"context"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Site is one account and Region that a store is open at. A driver's client embeds it, and makes the service's own client of Config. Its methods may be called
// concurrently.
//
// Answers that show the caller's own secrets only, with ARNs, prove whose the credentials are: Saw takes note, and Verify asks no more.
type Site struct {
	// Config is what calls are made with.
	Config aws.Config
	// At is the place as far as it is known; the Region always is, the account is empty where it is that of the ambient credentials and was not asked for.
	At secret.Place

	service Service
	factory *awscfg.Factory
	target  awscfg.Target
	keys    *awscfg.Keys
	proved  atomic.Bool // an answer showed that the credentials are those of the place's account
}

// Place returns At with its account, which may take a GetCallerIdentity, once a process.
func (s *Site) Place(ctx context.Context) (at secret.Place, err error) {
	at = s.At
	if at.Account == "" {
		at.Account, err = s.factory.Account(ctx)
	}
	return at, err
}

// Verify makes sure that the credentials belong to the account of the place; store.ErrWrongAccount where they don't. It asks GetCallerIdentity, once a session,
// unless Saw has proved it already.
func (s *Site) Verify(ctx context.Context) error {
	if s.proved.Load() {
		return nil
	}
	return s.factory.Verify(ctx, s.target, s.At.Account)
}

// VerifyListing is Verify for a listing that showed no ARN. It asks only where ambient credentials are expected to be of one account: a role that was assumed
// is of the account that its ARN names, and where nothing is expected every account is right.
func (s *Site) VerifyListing(ctx context.Context) error {
	if s.target.Role != "" || s.target.Account == "" {
		return nil
	}
	return s.Verify(ctx)
}

// Saw makes sure that an answer, which can show what is the caller's own only, is of the account that was meant: store.ErrWrongAccount where its ARN names another.
// It takes note of the account of the ambient credentials. An empty ARN proves nothing, and is no error.
func (s *Site) Saw(arn string) error {
	account, _ := awscfg.ARNAccount(arn)
	if account == "" {
		return nil
	}
	s.Learn(arn)
	if s.At.Account != "" && account != s.At.Account {
		return awscfg.WrongAccount(s.target, account, s.At.Account)
	}
	s.proved.Store(s.At.Account != "")
	return nil
}

// Learn takes note of the account of the ambient credentials, where it is they that s calls with. It judges nothing.
func (s *Site) Learn(arn string) {
	if s.target.Role == "" {
		s.factory.Learn(arn)
	}
}

// Raise lets an operation of a service, by the SDK's names for them, be called more often there: perSecond times, where that is more than every account has.
func (s *Site) Raise(service, operation string, perSecond int) {
	s.factory.Raise(s.target, service, operation, perSecond)
}

// caller names whom something is to be granted to.
func (s *Site) caller() string {
	if role := s.target.RoleARN(); role != "" {
		return role
	}
	return "the credentials in use"
}
