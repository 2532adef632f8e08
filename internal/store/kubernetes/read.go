package kubernetes

import (
	"context"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// batchSize is how many Secrets are read at the same time: a listing with data would bring those that nobody asked for.
const batchSize = 8

// readAll reads Secrets side by side. as makes version and value of one: both are of the same answer.
func (c *client) readAll(ctx context.Context, names []secret.Name, as func(*entry, map[string][]byte) (secret.Version, secret.Value, error)) []store.Reading {
	all := make([]store.Reading, len(names))
	free := make(chan struct{}, batchSize)
	var readers sync.WaitGroup
	for i, name := range names {
		all[i].Name = name
		select {
		case <-ctx.Done():
			all[i].Err = c.interrupted(ctx, "get secrets", name)
			continue
		case free <- struct{}{}:
		}
		readers.Go(func() {
			defer func() { <-free }()
			e, data, err := c.read(ctx, name)
			if err != nil {
				all[i].Err = err
				return
			}
			version, value, err := as(&e, data)
			if err != nil {
				all[i].Err = c.errorf("get secrets", name, store.ErrBadValue, "%w", err)
				return
			}
			all[i].Version, all[i].Value = version, value
		})
	}
	readers.Wait()
	return all
}
