package awsstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// CheckKey says what can be known of a key for the copy called name without a call: store.ErrKey for one of another Region.
func (s *Site) CheckKey(name secret.Name, key secret.Key) error {
	if _, region := awscfg.ARNAccount(string(key)); region != "" && region != s.At.Region {
		return s.Errorf("check", name, store.ErrKey, "kmsKey is a key of %s, which can't encrypt here: name an alias that each Region has, or use a store per Region", region)
	}
	return nil
}

// SameKey reports whether a and b name one key, as awscfg.Keys does.
func (s *Site) SameKey(ctx context.Context, a, b secret.Key) (same, ok bool) {
	return s.keys.Same(ctx, s.Config, s.At, KeyOf(string(a), s.service.DefaultKey), KeyOf(string(b), s.service.DefaultKey))
}

// KeyDiffers reports whether a copy is known to be under another key than wanted. Where that can't be known, the key is left as it is.
func (s *Site) KeyDiffers(ctx context.Context, have, want secret.Key) bool {
	same, ok := s.SameKey(ctx, have, want)
	return ok && !same
}

// ExamineKey asks KMS for the key, which must exist here, be enabled, and be symmetric: store.ErrKey where it is not, store.ErrNotPermitted where
// kms:DescribeKey is denied.
func (s *Site) ExamineKey(ctx context.Context, key secret.Key) error {
	out, err := kms.NewFromConfig(s.Config).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(string(key))})
	if err != nil {
		e := awscfg.Error("DescribeKey", s.At, err)
		e.Name = secret.Name(key)
		switch {
		case e.Code == "NotFoundException":
			e.Kind, e.Help = store.ErrKey, "make the key or the alias in this account and Region, or correct kmsKey"
		case errors.Is(e, store.ErrNotPermitted):
			e.Help = "grant kms:DescribeKey to " + s.caller()
		}
		return e
	}
	unusable := func(why, help string) error {
		return &store.Error{Op: "DescribeKey", Name: secret.Name(key), Place: s.At, Kind: store.ErrKey, Err: errors.New(why), Help: help}
	}
	switch m := out.KeyMetadata; {
	case m == nil:
		return unusable("KMS says nothing of it", "")
	case m.KeyState != types.KeyStateEnabled:
		return unusable(fmt.Sprintf("its state is %s", m.KeyState), "enable it, or name another")
	case m.KeySpec != "" && m.KeySpec != types.KeySpecSymmetricDefault:
		return unusable(fmt.Sprintf("it is a key of the kind %s", m.KeySpec), s.service.Name+" takes symmetric keys only")
	}
	return nil
}

var (
	_ store.KeyResolver = (*Site)(nil)
	_ store.KeyExaminer = (*Site)(nil)
)
