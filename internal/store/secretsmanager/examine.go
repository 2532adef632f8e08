package secretsmanager

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

// ExamineKey asks KMS for the key: it must exist here, be enabled, and be symmetric.
func (d *destination) ExamineKey(ctx context.Context, key secret.Key) error {
	out, err := kms.NewFromConfig(d.client.cfg).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(string(key))})
	if err != nil {
		e := awscfg.Error("DescribeKey", d.client.place, err)
		e.Name = secret.Name(key)
		switch {
		case e.Code == "NotFoundException":
			e.Kind, e.Help = store.ErrKey, "make the key or the alias in this account and Region, or correct kmsKey"
		case errors.Is(e, store.ErrNotPermitted):
			e.Help = "grant kms:DescribeKey to " + d.client.who()
		}
		return e
	}
	unusable := func(why, help string) error {
		return &store.Error{Op: "DescribeKey", Name: secret.Name(key), Place: d.client.place, Kind: store.ErrKey, Err: errors.New(why), Help: help}
	}
	switch m := out.KeyMetadata; {
	case m == nil:
		return unusable("KMS says nothing of it", "")
	case m.KeyState != types.KeyStateEnabled:
		return unusable(fmt.Sprintf("its state is %s", m.KeyState), "enable it, or name another")
	case m.KeySpec != "" && m.KeySpec != types.KeySpecSymmetricDefault:
		return unusable(fmt.Sprintf("it is a key of the kind %s", m.KeySpec), "Secrets Manager takes symmetric keys only")
	}
	return nil
}

var _ store.KeyExaminer = (*destination)(nil)
