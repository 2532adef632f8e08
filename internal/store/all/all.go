// Package all is the list of drivers: the only place that names one.
package all

import (
	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/kubernetes"
	"github.com/secretsync-dev/secretsync/internal/store/parameterstore"
	"github.com/secretsync-dev/secretsync/internal/store/secretsmanager"
	"github.com/secretsync-dev/secretsync/internal/store/vault"
)

// Drivers returns the registry of every kind of store. What they open calls AWS through f.
func Drivers(f *awscfg.Factory) (*store.Registry, error) {
	return store.NewRegistry(
		kubernetes.Driver(f),
		parameterstore.Driver(f),
		secretsmanager.Driver(f),
		vault.Driver(f),
	)
}
