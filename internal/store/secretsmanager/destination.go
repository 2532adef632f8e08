package secretsmanager

import (
	"context"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// destination writes to one account and Region.
type destination struct {
	*client // and what an awsstore.Site can: Verify, SameKey, ExamineKey
}

func (d *destination) List(ctx context.Context) ([]secret.Copy, error) {
	all, err := d.client.list(ctx, "")
	if err != nil {
		return nil, err
	}
	copies := make([]secret.Copy, len(all))
	for i := range all {
		copies[i] = all[i].copy(d.client.At.Region)
	}
	return copies, nil
}

func (d *destination) Stat(ctx context.Context, name secret.Name) (secret.Copy, error) {
	e, err := d.client.stat(ctx, name)
	if err != nil {
		return secret.Copy{}, err
	}
	return e.copy(d.client.At.Region), nil
}

// Read reads values of the target, to compare them. Nothing else here needs permission to.
func (d *destination) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return d.client.reader.read(ctx, names)
}

func (d *destination) BatchSize() int { return batchSize }

var (
	_ store.Destination = (*destination)(nil)
	_ store.Deleter     = (*destination)(nil)
	_ store.Verifier    = (*destination)(nil)
	_ store.KeyResolver = (*destination)(nil)
	_ store.KeyExaminer = (*destination)(nil)
)
