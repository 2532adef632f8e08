package vault

import (
	"context"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// destination writes to one mount, below a prefix.
type destination struct {
	client  *client
	prefix  string
	textKey string
}

// Verify has nothing to prove: Vault has no accounts.
func (d *destination) Verify(context.Context) error { return nil }

func (d *destination) List(ctx context.Context) ([]secret.Copy, error) {
	all, err := d.client.list(ctx, []string{d.prefix})
	if err != nil {
		return nil, err
	}
	copies := make([]secret.Copy, len(all))
	for i := range all {
		copies[i] = all[i].copy()
	}
	return copies, nil
}

func (d *destination) Stat(ctx context.Context, name secret.Name) (secret.Copy, error) {
	e, err := d.client.stat(ctx, name)
	if err != nil {
		return secret.Copy{}, err
	}
	return e.copy(), nil
}

// Read reads values of the target, to compare them, and the current value before drift is mended where the policy allows that.
func (d *destination) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return d.client.readAll(ctx, names, func(r *reading) secret.Version {
		if v := token(r.custom, r.number); v != "" {
			return v
		}
		return version(r.number, r.created)
	})
}

func (d *destination) BatchSize() int { return batchSize }

var (
	_ store.Destination = (*destination)(nil)
	_ store.Deleter     = (*destination)(nil)
	_ store.Comparer    = (*destination)(nil)
	_ store.Verifier    = (*destination)(nil)
)
