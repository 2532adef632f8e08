package secretsmanager

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Rotation opens the store at its home, with the stages that Secrets Manager itself has. store.ErrInvalid for a family.
func (s *sm) Rotation(ctx context.Context) (store.Rotation, error) {
	site, err := s.OpenHome(ctx)
	if err != nil {
		return nil, err
	}
	return &rotation{client: newClient(site)}, nil
}

// rotation rotates the secrets of one account and Region. Names may be ARNs too.
type rotation struct {
	*client              // and Place
	proof   secret.Value // the rotation token of the step that is done; zero: none
}

// Driven returns the rotation that sends a rotation token with PutSecretValue, which a rotation function needs that has assumed a role, or is another account's.
func (r *rotation) Driven(proof secret.Value) store.Rotation { return &rotation{r.client, proof} }

// Stages describes the secret. When its versions were made only a listing of them tells: its own dates change with a tag, too. Since is when the younger of the current and the previous
// version was made: after a rollback the current one is the older, and it became current later than either.
func (r *rotation) Stages(ctx context.Context, name secret.Name) (store.Stages, error) {
	e, err := r.describe(ctx, name)
	if err != nil {
		return store.Stages{}, err
	}
	st := e.stages(r.At.Region)
	if st.Current != "" && st.Meta.Deleted.IsZero() {
		if st.Since, err = r.made(ctx, name, st.Current, st.Previous); err != nil {
			return store.Stages{}, err
		}
	}
	return st, nil
}

func (e *entry) stages(region secret.Region) store.Stages {
	st := store.Stages{Meta: e.meta(region), Current: e.labelled(labelCurrent), Pending: e.labelled(labelPending), Previous: e.labelled(labelPrevious)}
	if st.Pending == st.Current {
		st.Pending = "" // as a rotation leaves it that has ended
	}
	switch {
	case e.owner != "":
		st.By = e.owner
	case e.rotates && e.function != "":
		st.By = e.function
	case e.rotates:
		st.By = "a rotation that AWS manages"
	}
	return st
}

// made returns when the younger of two versions was made; zero where the listing of versions is denied, or does not show the first. The other may be empty.
func (r *rotation) made(ctx context.Context, name secret.Name, current, previous secret.Version) (since time.Time, err error) {
	in := &api.ListSecretVersionIdsInput{SecretId: aws.String(string(name)), MaxResults: aws.Int32(pageSize)}
	known := false
	for {
		out, err := r.api.ListSecretVersionIds(ctx, in)
		if err != nil {
			err = r.Fail("ListSecretVersionIds", name, err)
			if errors.Is(err, store.ErrNotPermitted) {
				return time.Time{}, nil
			}
			return time.Time{}, err
		}
		for i := range out.Versions {
			v, at := secret.Version(aws.ToString(out.Versions[i].VersionId)), aws.ToTime(out.Versions[i].CreatedDate).UTC()
			known = known || v == current
			if (v == current || v == previous) && at.After(since) {
				since = at
			}
		}
		next := aws.ToString(out.NextToken)
		switch {
		case next != "" && next != aws.ToString(in.NextToken):
			in.NextToken = out.NextToken
		case !known:
			return time.Time{}, nil
		default:
			return since, nil
		}
	}
}

func (r *rotation) Value(ctx context.Context, name secret.Name, v secret.Version) (secret.Value, error) {
	out, err := r.api.GetSecretValue(ctx, &api.GetSecretValueInput{SecretId: aws.String(string(name)), VersionId: aws.String(string(v))})
	if err != nil {
		return secret.Value{}, r.Fail("GetSecretValue", name, err)
	}
	got, ok := reading(name, out.VersionId, out.SecretString, out.SecretBinary)
	if !ok {
		return secret.Value{}, r.Errorf("GetSecretValue", name, store.ErrNotFound, "version %s has no value", v)
	}
	return got.Value, nil
}

// Rotate starts the rotation that the secret has configured. Where AWS refuses because one is under way, and it is that of the token, an answer was lost.
func (r *rotation) Rotate(ctx context.Context, name secret.Name, token secret.Version) error {
	_, err := r.api.RotateSecret(ctx, &api.RotateSecretInput{SecretId: aws.String(string(name)), ClientRequestToken: aws.String(string(token))})
	if err == nil {
		return nil
	}
	err = r.Fail("RotateSecret", name, err)
	if !errors.Is(err, store.ErrInvalid) {
		return err
	}
	e, lookErr := r.describe(ctx, name)
	if lookErr == nil && (e.labelled(labelPending) == token || e.labelled(labelCurrent) == token) {
		return nil
	}
	return err
}

var (
	_ store.Rotator       = (*sm)(nil)
	_ store.Rotation      = (*rotation)(nil)
	_ store.NativeRotator = (*rotation)(nil)
)
