package secretsmanager

import (
	"context"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// destination writes to one account and Region.
type destination struct {
	client *client
	keys   *aliases
}

// Verify asks GetCallerIdentity, unless a listing or a description has proved the account already: these show the caller's own secrets only, each with an ARN that names its account.
func (d *destination) Verify(ctx context.Context) error {
	if d.client.proved.Load() {
		return nil
	}
	return d.client.factory.Verify(ctx, d.client.target, d.client.place.Account)
}

func (d *destination) List(ctx context.Context) ([]secret.Copy, error) {
	all, err := d.client.list(ctx, "")
	if err != nil {
		return nil, err
	}
	copies := make([]secret.Copy, len(all))
	for i := range all {
		copies[i] = all[i].copy(d.client.place.Region)
	}
	return copies, nil
}

func (d *destination) Stat(ctx context.Context, name secret.Name) (secret.Copy, error) {
	e, err := d.client.stat(ctx, name)
	if err != nil {
		return secret.Copy{}, err
	}
	return e.copy(d.client.place.Region), nil
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
)
