// Package wire opens what a configuration names and joins it into the setup of an engine. It contacts nothing.
package wire

import (
	"context"
	"errors"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Kinds returns the kinds of stores of a registry, as far as the configuration has to know them.
func Kinds(r *store.Registry) []config.Kind {
	var all []config.Kind
	for _, d := range r.Drivers() {
		all = append(all, config.Kind{Type: d.Type, Settings: d.Schema})
	}
	return all
}

// Open opens every store of a configuration and checks what only opened stores can tell. The error joins everything that is wrong.
func Open(f *config.File, r *store.Registry) (map[secret.StoreName]store.Store, error) {
	opened := map[secret.StoreName]store.Store{}
	lookup := func(ctx context.Context, ref store.Ref) (secret.Value, error) { return read(ctx, opened, ref) }
	infos := map[secret.StoreName]config.StoreInfo{}
	var errs []error
	for _, s := range f.Stores {
		d, ok := r.Driver(s.Type)
		if !ok {
			errs = append(errs, f.StoreError(s.Name, errors.New("there is no such type of store")))
			continue
		}
		st, err := d.Open(store.Definition{Name: s.Name, Decode: s.Decode, Lookup: lookup})
		if err != nil {
			errs = append(errs, f.StoreError(s.Name, err))
			continue
		}
		opened[s.Name] = st
		infos[s.Name] = info(st)
	}
	errs = append(errs, config.Check(f, infos), checkRotations(f, opened), CheckNotify(f))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return opened, nil
}

// read returns the current value of a secret of an opened store.
func read(ctx context.Context, opened map[secret.StoreName]store.Store, ref store.Ref) (secret.Value, error) {
	st, ok := opened[ref.Store]
	if !ok {
		return secret.Value{}, fmt.Errorf("store %q is not defined", ref.Store)
	}
	source, err := st.Source(ctx, []string{string(ref.Secret)})
	if err != nil {
		return secret.Value{}, err
	}
	got := source.Read(ctx, []secret.Name{ref.Secret})[0]
	return got.Value, got.Err
}

func info(st store.Store) config.StoreInfo {
	at, one := st.Fixed()
	traits := st.Traits()
	i := config.StoreInfo{Account: at.Account, Region: at.Region, One: one, Allow: st.Allow(), Untagged: !traits.ListsTags}
	i.Elsewhere = !traits.Kind.InAWS()
	i.Renames = st.CopyName("a/b") != "a/b"
	if i.Elsewhere && at.Known() {
		i.Identity = string(secret.NewIdentity(at, ""))
	}
	if d, ok := st.(store.Divided); ok {
		i.Divided, i.Cluster, i.Reached, i.Namespace, i.Namespaces = true, at.Cluster, d.Reached(), at.Namespace, d.Namespaces()
	}
	if d, ok := st.(store.Dependent); ok {
		for _, ref := range d.Reads() {
			i.Reads = append(i.Reads, config.SecretRef(ref))
		}
	}
	return i
}

// Setup returns what an engine works from: the caller adds Log, Now, Progress and Protected.
func Setup(f *config.File, stores map[secret.StoreName]store.Store) engine.Setup {
	set := engine.Setup{
		Owner: f.Owner, Rules: f.Rules, Stores: stores, Groups: f.Groups, Limits: f.Limits, ConfigDigest: f.Digest,
		ParseGroups: config.ParseGroups,
	}
	if f.GroupsFrom != nil {
		set.GroupsFrom = &store.Ref{Store: f.GroupsFrom.Store, Secret: f.GroupsFrom.Secret}
	}
	return set
}
