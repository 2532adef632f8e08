package secretsmanager

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Sharing is as store.Sharer has it.
func (s *sm) Sharing(ctx context.Context, at secret.Place) (store.Sharing, error) {
	var site *awsstore.Site
	var err error
	if at.Account == "" && at.Region == "" {
		site, err = s.OpenHome(ctx)
	} else {
		site, err = s.OpenAt(ctx, at)
	}
	if err != nil {
		return nil, err
	}
	return &sharing{newClient(site), kms.NewFromConfig(site.Config)}, nil
}

// sharing reads and writes policies at one place. It is safe for concurrent use.
type sharing struct {
	*client
	kms *kms.Client
}

func (s *sharing) Shared(ctx context.Context, name secret.Name) (store.Shared, error) {
	at, err := s.Place(ctx)
	if err == nil && s.At.Account != "" {
		err = s.Verify(ctx) // another account may be let describe a secret too
	}
	if err != nil {
		return store.Shared{}, err
	}
	e, err := s.describe(ctx, name)
	if err != nil {
		return store.Shared{}, err
	}
	if account, region := awscfg.ARNAccount(e.arn); account != at.Account || region != at.Region {
		return store.Shared{}, s.Errorf("DescribeSecret", name, store.ErrInvalid, "it is a secret of %s/%s, and the store is %s/%s", account, region, at.Account, at.Region)
	}
	out := store.Shared{
		Name: e.name, ARN: e.arn, Place: at, Service: "secretsmanager." + string(at.Region) + "." + domain(at.Region),
		Copy: markOf(e.tags).Owner != "", Deleted: !e.deleted.IsZero(),
	}
	if e.primary != "" && e.primary != string(at.Region) {
		out.Replica = secret.Region(e.primary)
	}
	out.Key, err = s.keyARN(ctx, at, string(e.key))
	return out, err
}

// domain returns what the names of a Region's services end in.
func domain(region secret.Region) string {
	if awscfg.Partition(region) == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// keyARN returns the ARN of a key; empty for a key that AWS manages. Where DescribeKey is denied, an ARN and an id are taken as they are, and an alias is an error.
func (s *sharing) keyARN(ctx context.Context, at secret.Place, key string) (string, error) {
	if key == "" {
		return "", nil
	}
	out, err := s.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &key})
	if err == nil && out.KeyMetadata != nil {
		if out.KeyMetadata.KeyManager == types.KeyManagerTypeAws {
			return "", nil
		}
		return aws.ToString(out.KeyMetadata.Arn), nil
	}
	failed := s.keyError("DescribeKey", key, err)
	switch {
	case !errors.Is(failed, store.ErrNotPermitted), strings.HasPrefix(key, "alias/"), strings.Contains(key, ":alias/"):
		return "", failed
	case strings.HasPrefix(key, "arn:"):
		return key, nil
	}
	return "arn:" + awscfg.Partition(at.Region) + ":kms:" + string(at.Region) + ":" + string(at.Account) + ":key/" + key, nil
}

func (s *sharing) Policy(ctx context.Context, arn string) (string, error) {
	out, err := s.api.GetResourcePolicy(ctx, &api.GetResourcePolicyInput{SecretId: &arn})
	if err != nil {
		return "", s.Fail("GetResourcePolicy", secret.Name(arn), err)
	}
	return aws.ToString(out.ResourcePolicy), nil
}

func (s *sharing) CheckPolicy(ctx context.Context, arn, policy string) error {
	out, err := s.api.ValidateResourcePolicy(ctx, &api.ValidateResourcePolicyInput{SecretId: &arn, ResourcePolicy: &policy})
	if err != nil {
		if err = s.policyError("ValidateResourcePolicy", arn, err); errors.Is(err, store.ErrInvalid) {
			return err
		}
		return nil
	}
	if out.PolicyValidationPassed {
		return nil
	}
	var why []string
	for _, e := range out.ValidationErrors {
		why = append(why, strings.TrimPrefix(aws.ToString(e.CheckName)+": "+aws.ToString(e.ErrorMessage), ": "))
	}
	return s.Errorf("ValidateResourcePolicy", secret.Name(arn), store.ErrInvalid, "%s", strings.Join(why, "; "))
}

func (s *sharing) PutPolicy(ctx context.Context, arn, policy string, block bool) error {
	if policy == "" {
		if _, err := s.api.DeleteResourcePolicy(ctx, &api.DeleteResourcePolicyInput{SecretId: &arn}); err != nil {
			return s.Fail("DeleteResourcePolicy", secret.Name(arn), err)
		}
		return nil
	}
	_, err := s.api.PutResourcePolicy(ctx, &api.PutResourcePolicyInput{SecretId: &arn, ResourcePolicy: &policy, BlockPublicPolicy: &block})
	if err != nil {
		return s.policyError("PutResourcePolicy", arn, err)
	}
	return nil
}

// policyError is Fail for a call that brings a policy.
func (s *sharing) policyError(op, arn string, err error) error {
	failed := s.Fail(op, secret.Name(arn), err)
	var e *store.Error
	if errors.As(failed, &e) {
		switch e.Code {
		case "MalformedPolicyDocumentException":
			e.Kind, e.Help = store.ErrInvalid, absentPrincipal
		case "PublicPolicyException":
			e.Kind, e.Help = store.ErrInvalid, "take the statement out that opens the secret to everybody"
		}
	}
	return failed
}

// absentPrincipal is what to do where a policy is refused that is well-formed.
const absentPrincipal = "a role or a user must exist before it can be named in a policy"

func (s *sharing) KeyPolicy(ctx context.Context, key string) (string, error) {
	out, err := s.kms.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &key})
	if err != nil {
		return "", s.keyError("GetKeyPolicy", key, err)
	}
	return aws.ToString(out.Policy), nil
}

func (s *sharing) PutKeyPolicy(ctx context.Context, key, policy string) error {
	if _, err := s.kms.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &key, Policy: &policy}); err != nil {
		return s.keyError("PutKeyPolicy", key, err)
	}
	return nil
}

// keyError turns what a call to KMS returned into a *store.Error.
func (s *sharing) keyError(op, key string, err error) error {
	if err == nil {
		return s.Errorf(op, secret.Name(key), store.ErrKey, "KMS says nothing of it")
	}
	e := awscfg.Error(op, s.At, err)
	e.Name = secret.Name(key)
	switch {
	case errors.Is(e.Kind, store.ErrNotPermitted):
		e.Help = "grant kms:" + op + " on the key"
	case e.Kind == nil && e.Code == "MalformedPolicyDocumentException":
		e.Kind, e.Help = store.ErrInvalid, absentPrincipal+"; and the policy must let the credentials in use change it again"
	case e.Kind == nil:
		e.Kind = store.ErrKey
	}
	return e
}

var _ store.Sharer = (*sm)(nil)
