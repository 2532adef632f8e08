package wire

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/rollout"
	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// RotationOf returns the entry of a configuration for a secret; nil: it has none.
func RotationOf(f *config.File, ref store.Ref) *config.Rotation {
	i := slices.IndexFunc(f.Rotations, func(r config.Rotation) bool { return r.Store == ref.Store && r.Secret == ref.Secret })
	if i < 0 {
		return nil
	}
	return &f.Rotations[i]
}

// Rotatable opens a secret for rotation: as its entry says or, where the configuration has none, as the secret's own JSON says. Its store must be there, in one place, and one
// in which secrets can be rotated; ErrInvalid otherwise.
func Rotatable(ctx context.Context, f *config.File, stores map[secret.StoreName]store.Store, ref store.Ref) (rotate.Secret, error) {
	s := rotate.Secret{Store: ref.Store, Name: ref.Secret}
	r, ok := stores[ref.Store].(store.Rotator)
	if !ok {
		return s, fmt.Errorf("rotate %q: %w: in store %q nothing can be rotated", string(ref.Secret), store.ErrInvalid, ref.Store)
	}
	at, err := r.Rotation(ctx)
	if err != nil {
		return s, fmt.Errorf("rotate %q: store %q: %w", string(ref.Secret), ref.Store, err)
	}
	s.At = at
	s.Lookup = func(ctx context.Context, master *store.Ref, arn string) (secret.Value, error) {
		if master != nil {
			return read(ctx, stores, *master)
		}
		return readARN(ctx, stores, ref.Store, arn)
	}
	if entry := RotationOf(f, ref); entry != nil {
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

// secretARN is the ARN of a secret of Secrets Manager; a complete one ends in a hyphen and six characters of AWS's.
var secretARN = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):([0-9]{12}):secret:(.+)$`)

// readARN returns the current value of the secret that a member masterarn names: by an ARN, in whichever store is where it says; by a name, in the rotated secret's own store.
func readARN(ctx context.Context, stores map[secret.StoreName]store.Store, own secret.StoreName, arn string) (secret.Value, error) {
	if !strings.HasPrefix(arn, "arn:") {
		return read(ctx, stores, store.Ref{Store: own, Secret: secret.Name(arn)})
	}
	m := secretARN.FindStringSubmatch(arn)
	if m == nil {
		return secret.Value{}, fmt.Errorf("%w: masterarn is not the ARN of a secret of Secrets Manager", store.ErrInvalid)
	}
	at := secret.Place{Kind: secret.SecretsManager, Region: secret.Region(m[1]), Account: secret.AccountID(m[2])}
	names := []secret.Name{secret.Name(m[3])}
	if n := len(m[3]) - len("-123456"); n > 0 && m[3][n] == '-' {
		names = append([]secret.Name{secret.Name(m[3][:n])}, names...)
	}
	name, err := At(ctx, stores, at, own)
	if err != nil {
		return secret.Value{}, err
	}
	for _, n := range names {
		var v secret.Value
		if v, err = read(ctx, stores, store.Ref{Store: name, Secret: n}); !errors.Is(err, store.ErrNotFound) {
			return v, err
		}
	}
	return secret.Value{}, err
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

// Waves returns what follows a rotation by an entry, which may be nil: one wave with all targets.
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
	return all
}
