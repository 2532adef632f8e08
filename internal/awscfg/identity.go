package awscfg

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// identity is what GetCallerIdentity said of one session. A failure is not kept: the next caller asks again.
type identity struct {
	mu      sync.Mutex
	account secret.AccountID
}

// Learn takes note of an ARN that a listing with the ambient credentials showed: listings show one's own account only, so it says which that is.
func (f *Factory) Learn(arn string) {
	account, _ := ARNAccount(arn)
	if account == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ambient == "" {
		f.ambient = account
	}
}

// Account returns the account of the ambient credentials: as learned, or else by one GetCallerIdentity, which is remembered.
func (f *Factory) Account(ctx context.Context) (secret.AccountID, error) {
	f.mu.Lock()
	known := f.ambient
	f.mu.Unlock()
	if known != "" {
		return known, nil
	}
	account, err := f.identify(ctx, Target{})
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ambient = account
	return account, nil
}

// Verify makes sure that the credentials that t is called with belong to the account expected, by one GetCallerIdentity per session and process.
// It returns store.ErrWrongAccount where they belong to another.
func (f *Factory) Verify(ctx context.Context, t Target, expected secret.AccountID) error {
	var account secret.AccountID
	var err error
	if t.Role == "" {
		account, err = f.Account(ctx)
	} else {
		account, err = f.identify(ctx, t)
	}
	if err != nil {
		return err
	}
	if account == expected {
		return nil
	}
	return WrongAccount(t, account, expected)
}

// WrongAccount returns the error for credentials of one account where another was expected.
func WrongAccount(t Target, account, expected secret.AccountID) error {
	help := "correct account: in the configuration, or use credentials of that account"
	if t.Role != "" {
		help = "correct role: or account: in the configuration"
	}
	return &store.Error{
		Op: "GetCallerIdentity", Place: secret.Place{Account: expected, Region: t.Region}, Kind: store.ErrWrongAccount,
		Err: fmt.Errorf("the credentials belong to %s, and %s was expected", account, expected), Help: help,
	}
}

func (f *Factory) identify(ctx context.Context, t Target) (secret.AccountID, error) {
	k := sessionKey{t.RoleARN(), t.ExternalID}
	if t.Role == "" {
		k = sessionKey{}
	}
	f.mu.Lock()
	id := f.verified[k]
	if id == nil {
		id = &identity{}
		f.verified[k] = id
	}
	f.mu.Unlock()

	id.mu.Lock()
	defer id.mu.Unlock()
	if id.account != "" {
		return id.account, nil
	}
	cfg, err := f.Config(ctx, t)
	if err != nil {
		return "", err
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", Error("GetCallerIdentity", secret.Place{Account: t.Account, Region: t.Region}, err)
	}
	id.account = secret.AccountID(aws.ToString(out.Account))
	return id.account, nil
}
