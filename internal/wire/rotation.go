package wire

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/hook"
	"github.com/secretsync-dev/secretsync/internal/rollout"
	"github.com/secretsync-dev/secretsync/internal/rotate"
	engines "github.com/secretsync-dev/secretsync/internal/rotate/all"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// RotationOf returns the entry of a configuration for a secret, be it by the name of another store at the same place; nil: it has none.
func RotationOf(ctx context.Context, f *config.File, stores map[secret.StoreName]store.Store, ref store.Ref) *config.Rotation {
	var found *config.Rotation
	for i := range f.Rotations {
		r := &f.Rotations[i]
		switch {
		case r.Secret != ref.Secret:
		case r.Store == ref.Store:
			return r
		case found == nil && samePlace(ctx, stores, r.Store, ref.Store):
			found = r
		}
	}
	return found
}

// samePlace reports whether two stores are one place. Where that can't be found out, they are not.
func samePlace(ctx context.Context, stores map[secret.StoreName]store.Store, a, b secret.StoreName) bool {
	if a == b {
		return true
	}
	at, ok := placeOf(ctx, stores, a)
	other, known := placeOf(ctx, stores, b)
	return ok && known && at == other
}

// placeOf returns the place of a store that has one.
func placeOf(ctx context.Context, stores map[secret.StoreName]store.Store, name secret.StoreName) (secret.Place, bool) {
	st, ok := stores[name]
	if !ok {
		return secret.Place{}, false
	}
	if _, one := st.Fixed(); !one {
		return secret.Place{}, false
	}
	at, err := st.Home(ctx)
	return at, err == nil
}

// readByConfiguration reports whether the configuration itself reads a secret: the groups, and what stores are connected with. protected are secrets that it came from.
func readByConfiguration(ctx context.Context, f *config.File, stores map[secret.StoreName]store.Store, protected []secret.Name, ref store.Ref) bool {
	if slices.Contains(protected, ref.Secret) {
		return true
	}
	var refs []store.Ref
	if f.GroupsFrom != nil {
		refs = append(refs, store.Ref{Store: f.GroupsFrom.Store, Secret: f.GroupsFrom.Secret})
	}
	for _, st := range stores {
		if d, ok := st.(store.Dependent); ok {
			refs = append(refs, d.Reads()...)
		}
	}
	return slices.ContainsFunc(refs, func(r store.Ref) bool { return r.Secret == ref.Secret && samePlace(ctx, stores, r.Store, ref.Store) })
}

// Rotatable opens a secret for rotation: as its entry says or, where the configuration has none, as the secret's own JSON says. Its store must be there, in one place, and one
// in which secrets can be rotated; and no secret that the configuration itself reads is rotated, of which protected are those that it came from. ErrInvalid otherwise.
func Rotatable(ctx context.Context, f *config.File, stores map[secret.StoreName]store.Store, protected []secret.Name, ref store.Ref) (rotate.Secret, error) {
	s := rotate.Secret{Store: ref.Store, Name: ref.Secret}
	if readByConfiguration(ctx, f, stores, protected, ref) {
		return s, fmt.Errorf("rotate %q: %w: the configuration itself reads it", string(ref.Secret), store.ErrInvalid)
	}
	r, ok := stores[ref.Store].(store.Rotator)
	if !ok {
		return s, fmt.Errorf("rotate %q: %w: in store %q nothing can be rotated", string(ref.Secret), store.ErrInvalid, ref.Store)
	}
	at, err := r.Rotation(ctx)
	if err != nil {
		return s, fmt.Errorf("rotate %q: store %q: %w", string(ref.Secret), ref.Store, err)
	}
	s.At = at
	s.Lookup = func(ctx context.Context, master *store.Ref, masterARN string) (secret.Value, error) {
		if master != nil {
			return read(ctx, stores, *master)
		}
		return readARN(ctx, stores, ref.Store, masterARN)
	}
	if entry := RotationOf(ctx, f, stores, ref); entry != nil {
		s.Settings = rotationSettings(entry)
	}
	return s, nil
}

// checkRotations finds the rotations of what can't be rotated where it is.
func checkRotations(f *config.File, opened map[secret.StoreName]store.Store) error {
	var errs []error
	for i, r := range f.Rotations {
		st, ok := opened[r.Store]
		if !ok {
			continue // said already
		}
		if known := slices.Sorted(maps.Keys(engines.Engines(engines.Options{}))); r.Engine != "" && !slices.Contains(known, strings.ToLower(r.Engine)) {
			errs = append(errs, f.RotationError(i, fmt.Errorf("there is no engine %q: it is one of %s", r.Engine, strings.Join(known, ", "))))
		}
		hooks := []*config.RotationWebhook{r.Webhook}
		for _, w := range r.After {
			hooks = append(hooks, w.Webhook)
		}
		for _, h := range hooks {
			if h == nil {
				continue
			}
			if _, err := hook.ParseURL(h.URL); err != nil {
				errs = append(errs, f.RotationError(i, fmt.Errorf("webhook: %w", err)))
			}
		}
		_, rotates := st.(store.Rotator)
		switch _, one := st.Fixed(); {
		case !rotates:
			errs = append(errs, f.RotationError(i, fmt.Errorf("in store %q nothing can be rotated", r.Store)))
		case !one:
			errs = append(errs, f.RotationError(i, fmt.Errorf("store %q is opened once per account: name one that is in one place", r.Store)))
		}
	}
	return errors.Join(errs...)
}

func rotationSettings(r *config.Rotation) rotate.Settings {
	s := rotate.Settings{
		Engine: r.Engine, Strategy: rotate.Strategy(r.Strategy),
		Generate: rotate.Generate(r.Generate),
		TLS:      rotate.TLS{Mode: r.TLS.Mode, CA: r.TLS.CAFile},
	}
	if r.Master != nil {
		s.Master = &store.Ref{Store: r.Master.Store, Secret: r.Master.Secret}
	}
	if r.Exec != nil {
		s.Command = rotate.Command{Args: r.Exec.Command, Timeout: r.Exec.Timeout}
	}
	if r.Webhook != nil {
		s.Webhook = rotate.Webhook{URL: r.Webhook.URL, Key: r.Webhook.SecretEnv, Timeout: r.Webhook.Timeout}
	}
	return s
}

// readARN returns the current value of the secret that a member masterarn names: by an ARN, in whichever store is where it says; by a name, in the rotated secret's own store.
func readARN(ctx context.Context, stores map[secret.StoreName]store.Store, own secret.StoreName, named string) (secret.Value, error) {
	if !strings.HasPrefix(named, "arn:") {
		return read(ctx, stores, store.Ref{Store: own, Secret: secret.Name(named)})
	}
	parsed, err := arn.Parse(named)
	if err != nil || parsed.Service != "secretsmanager" || !strings.HasPrefix(parsed.Resource, "secret:") {
		return secret.Value{}, fmt.Errorf("%w: masterarn is not the ARN of a secret of Secrets Manager", store.ErrInvalid)
	}
	at := secret.Place{Kind: secret.SecretsManager, Region: secret.Region(parsed.Region), Account: secret.AccountID(parsed.AccountID)}
	in, err := At(ctx, stores, at, own)
	if err != nil {
		return secret.Value{}, err
	}
	return read(ctx, stores, store.Ref{Store: in, Secret: secret.Name(named)}) // AWS knows whether its end belongs to the name
}

// At returns the store of one place that is at an account and Region: first, if it is that, or whichever comes first by name. ErrNotFound where the configuration has none.
func At(ctx context.Context, stores map[secret.StoreName]store.Store, at secret.Place, first secret.StoreName) (secret.StoreName, error) {
	var unknown error
	for _, name := range append([]secret.StoreName{first}, slices.Sorted(maps.Keys(stores))...) {
		st, ok := stores[name]
		if !ok {
			continue
		}
		if fixed, one := st.Fixed(); !one || fixed.Kind != at.Kind || fixed.Account != "" && fixed.Account != at.Account || fixed.Region != "" && fixed.Region != at.Region {
			continue
		}
		home, err := st.Home(ctx)
		switch {
		case err != nil:
			unknown = err
		case home.Account == at.Account && home.Region == at.Region:
			return name, nil
		}
	}
	if unknown != nil {
		return "", unknown
	}
	return "", fmt.Errorf("%w: the configuration has no store in %s", store.ErrNotFound, at)
}

// Waves returns what follows a rotation by an entry, which may be nil: one wave with all targets. Targets that none of its waves takes are a wave of their own, the last.
func Waves(r *config.Rotation) []rollout.Wave {
	if r == nil || len(r.After) == 0 {
		return []rollout.Wave{{}}
	}
	var all []rollout.Wave
	for _, w := range r.After {
		wave := rollout.Wave{Targets: rollout.Targets(w.Targets)}
		for _, s := range w.ECS {
			wave.ECS = append(wave.ECS, rollout.ECSService(s))
		}
		if w.Webhook != nil {
			wave.Webhook = &rollout.Webhook{URL: w.Webhook.URL, Key: w.Webhook.SecretEnv, Timeout: w.Webhook.Timeout}
		}
		for _, p := range w.Gate {
			wave.Gate = append(wave.Gate, rollout.Probe(p))
		}
		all = append(all, wave)
	}
	if rest := r.After[len(r.After)-1].Targets; !rest.All() {
		all = append(all, rollout.Wave{})
	}
	return all
}
