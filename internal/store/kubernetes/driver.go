// Package kubernetes is the store that the Secrets of a Kubernetes cluster are, in one namespace or in several.
package kubernetes

import (
	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/kube"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Type is what `type:` says in the configuration.
const Type = "kubernetes"

// Driver returns the driver of Kubernetes. Clusters of EKS are found, and signed in to, through f, which is also told of every request.
func Driver(f *awscfg.Factory) store.Driver {
	return store.Driver{
		Type:   Type,
		Schema: settingsSchema(),
		Open:   func(d store.Definition) (store.Store, error) { return open(f, d) },
	}
}

func open(f *awscfg.Factory, d store.Definition) (store.Store, error) {
	var set settings
	if err := d.Decode(&set); err != nil {
		return nil, err
	}
	set.complete()
	if err := set.check(); err != nil {
		return nil, err
	}
	named := kube.Settings{Context: set.Context, Cluster: set.Cluster}
	if e := set.EKS; e != nil {
		named.EKS = &kube.EKS{Cluster: e.Cluster, Region: e.Region, Role: e.Role, ExternalID: e.ExternalID}
	}
	cluster, err := kube.Open(f, named)
	if err != nil {
		return nil, err
	}
	s := &secrets{name: d.Name, set: set, cluster: cluster}
	s.place = secret.Place{Kind: secret.Kubernetes, Cluster: cluster.Name(), Namespace: set.Namespace}
	if s.place.Namespace == "" {
		s.place.Namespace = cluster.Namespace()
	}
	return s, nil
}
