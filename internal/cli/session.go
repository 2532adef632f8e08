package cli

import (
	"context"
	"crypto/rand"
	"strings"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/all"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

// session is a configuration with its stores open, ready to run.
type session struct {
	runID   string
	file    *config.File
	stores  map[secret.StoreName]store.Store
	factory *awscfg.Factory
	engine  *engine.Engine

	registry  *store.Registry
	protected []secret.Name
	deletions *engine.Deletions // of runs that follow events; nil: each engine counts its own
}

// newRunID returns a name for a run, which CloudTrail and messages carry.
func newRunID() string { return strings.ToLower(rand.Text()[:10]) }

// drivers returns every kind of store, calling AWS as the environment says.
func (a *app) drivers(runID string) (*awscfg.Factory, *store.Registry, error) {
	return a.observed(runID, nil)
}

// observed is drivers, with somebody who is told of every call; nil: nobody.
func (a *app) observed(runID string, observe func(awscfg.Call)) (*awscfg.Factory, *store.Registry, error) {
	f := awscfg.New(awscfg.Options{
		RunID: runID, Logger: a.log, Observe: observe,
		Load: []func(*awsconfig.LoadOptions) error{awsconfig.WithLogger(sdkLog{a.log})},
	})
	r, err := all.Drivers(f)
	return f, r, err
}

// open reads the configuration and opens its stores. It calls AWS only where the configuration itself is kept there.
func (a *app) open(ctx context.Context) (*session, error) {
	return a.openFor(ctx, nil, nil)
}

// openFor is open, for runs that go on: with somebody who is told of every call, and the deletions of all of them. Either may be nil.
func (a *app) openFor(ctx context.Context, observe func(awscfg.Call), deletions *engine.Deletions) (*session, error) {
	runID := newRunID()
	factory, registry, err := a.observed(runID, observe)
	if err != nil {
		return nil, err
	}
	file, protected, err := a.load(ctx, factory, wire.Kinds(registry))
	if err != nil {
		return nil, err
	}
	s := &session{runID: runID, file: file, factory: factory, registry: registry, protected: protected, deletions: deletions}
	if s.stores, err = wire.Open(file, registry); err != nil {
		return nil, err
	}
	s.engine = a.engineOver(s, s.stores)
	return s, nil
}

// engineOver returns an engine for a session's configuration.
func (a *app) engineOver(s *session, stores map[secret.StoreName]store.Store) *engine.Engine {
	set := wire.Setup(s.file, stores)
	set.Protected, set.Log, set.Progress, set.Deletions = s.protected, a.log, a.err.progress, s.deletions
	return engine.New(set)
}

// engineOf returns an engine that remembers nothing of earlier runs, over stores that are opened anew.
func (a *app) engineOf(s *session) (*engine.Engine, error) {
	stores, err := wire.Open(s.file, s.registry)
	if err != nil {
		return nil, err
	}
	return a.engineOver(s, stores), nil
}

// ask opens the configuration and asks the engine what changes nothing. The answer is never nil, which JSON would show as null.
func ask[T any](ctx context.Context, a *app, question func(*engine.Engine, context.Context, engine.Options) ([]T, error)) ([]T, error) {
	o, err := a.options()
	if err != nil {
		return nil, err
	}
	s, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	all, err := question(s.engine, ctx, o)
	if err != nil {
		a.introduceFailed(s)
		return nil, err
	}
	a.introduce(ctx, s, "", false)
	if all == nil {
		all = []T{}
	}
	return all, nil
}

// introduce says, where there is no configuration file, what is used instead. owner may be empty: the default's follows from the account.
// nothing: the whole run is about no secret at all.
func (a *app) introduce(ctx context.Context, s *session, owner secret.Owner, nothing bool) {
	if !s.file.BuiltIn {
		return
	}
	account, err := s.factory.Account(ctx) // known from the listing: no call
	if err != nil {
		a.introduceFailed(s)
		return
	}
	if owner == "" {
		owner = secret.Owner("secretsync-" + string(account))
	}
	a.note("no configuration file: using the built-in default: account %s, owner %s", account, owner)
	if nothing && len(a.flags.only) == 0 {
		a.note("no secret carries a routing tag yet: add the tag %s=ACCOUNT (12 digits), or %s=GROUP with a group of the secret %s, to each secret that is to be copied",
			plan.TagSyncAccount, plan.TagSyncGroup, config.DefaultGroupsSecret)
	}
}

// introduceFailed is introduce for a run that ended before it knew its account.
func (a *app) introduceFailed(s *session) {
	if s.file.BuiltIn {
		a.note("no configuration file: using the built-in default (secretsync init writes a file to start from)")
	}
}

func (a *app) warnAll(warnings []string) {
	for _, w := range warnings {
		a.warn(w)
	}
}
