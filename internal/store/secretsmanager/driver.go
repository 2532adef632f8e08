// Package secretsmanager is the store that AWS Secrets Manager is, in one account and Region, or in one of many that a role opens.
package secretsmanager

import (
	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Type is what `type:` says in the configuration.
const Type = "aws-secrets-manager"

// Driver returns the driver of Secrets Manager. What it opens calls AWS through f.
func Driver(f *awscfg.Factory) store.Driver {
	return store.Driver{
		Type:   Type,
		Schema: service().Schema(),
		Open:   func(d store.Definition) (store.Store, error) { return open(f, d) },
	}
}

func service() awsstore.Service {
	return awsstore.Service{Kind: secret.SecretsManager, Name: "Secrets Manager", Prefix: "secretsmanager", DefaultKey: defaultKey, KindOf: kindOf}
}

func open(f *awscfg.Factory, d store.Definition) (store.Store, error) {
	var set awsstore.Settings
	if err := d.Decode(&set); err != nil {
		return nil, err
	}
	s, err := awsstore.New(f, service(), d.Name, set)
	if err != nil {
		return nil, err
	}
	return &sm{s}, nil
}
