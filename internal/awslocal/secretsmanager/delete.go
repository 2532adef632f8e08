package secretsmanager

import (
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const defaultWindow = 30 // days

type deleteInput struct {
	SecretID                   *string `json:"SecretId"`
	RecoveryWindowInDays       *int64
	ForceDeleteWithoutRecovery *bool
}

type deleteOutput struct {
	named
	DeletionDate timestamp
}

func deleteSecret(c *call) (any, *service.Error) {
	in, err := decode[deleteInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	if err := bad.err(); err != nil {
		return nil, err
	}
	force, window := deref(in.ForceDeleteWithoutRecovery), int64(defaultWindow)
	if in.RecoveryWindowInDays != nil {
		window = *in.RecoveryWindowInDays
		if force {
			return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
		}
		if window < 7 || window > 30 {
			return nil, invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
		}
	}
	cond := conditions{}
	cond.number("secretsmanager:RecoveryWindowInDays", in.RecoveryWindowInDays)
	cond.bool("secretsmanager:ForceDeleteWithoutRecovery", in.ForceDeleteWithoutRecovery)
	f, err := c.open(*in.SecretID, "DeleteSecret", cond)
	if err != nil {
		return nil, err
	}
	x, now := f.rec, c.r.Now
	if x == nil {
		if force {
			return deleteOutput{named{f.arn, f.ref.name}, timestamp(now)}, nil
		}
		return nil, notFound()
	}
	if err := x.deletable(force); err != nil {
		return nil, err
	}
	out := deleteOutput{named: named{x.arn, x.name}}
	if force {
		c.remove(c.locked, x, now)
		c.ended(x)
		out.DeletionDate = timestamp(now)
		return out, nil
	}
	c.locked.doom(x, now, now.Add(time.Duration(window)*24*time.Hour))
	x.touched(now)
	out.DeletionDate = timestamp(x.purge)
	return out, nil
}

// deletable says whether the secret may be deleted: a second time only with force.
func (x *record) deletable(force bool) *service.Error {
	if x.isReplica() {
		return onReplica()
	}
	if err := unmanaged(x); err != nil {
		return err
	}
	if len(x.replicas) > 0 {
		var regions []string
		for _, r := range x.replicas {
			regions = append(regions, r.region)
		}
		return invalidParameter("You can't delete secret %s that still has replica regions [%s]", x.name, strings.Join(regions, ","))
	}
	if !x.deleted.IsZero() && !force {
		return invalidRequest("You can't perform this operation on the secret because it was already scheduled for deletion.")
	}
	return nil
}

// restoreSecret takes the mark for deletion away. On a secret without one it changes nothing.
func restoreSecret(c *call) (any, *service.Error) {
	id, err := decodeID(c.r)
	if err != nil {
		return nil, err
	}
	x, err := c.secret(id, "RestoreSecret", nil)
	if err != nil {
		return nil, err
	}
	if x.isReplica() {
		return nil, onReplica()
	}
	if !x.deleted.IsZero() {
		c.locked.spare(x)
		x.touched(c.r.Now)
	}
	return named{x.arn, x.name}, nil
}
