package parameterstore

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// The labels that carry the stages on the versions of a parameter. AWS takes none that begins with aws or ssm.
const (
	labelCurrent  = "secretsync-current"
	labelPrevious = "secretsync-previous"
)

// Rotation opens the store at its home. What is written to a parameter is at once what everybody reads, so that a pending value is kept in a parameter beside it: see besideOf.
// store.ErrInvalid for a family, and for a store that reads versions by a label of somebody else's, which no rotation would move.
func (s *parameters) Rotation(ctx context.Context) (store.Rotation, error) {
	site, err := s.OpenHome(ctx)
	if err != nil {
		return nil, err
	}
	if s.label != "" && s.label != labelCurrent {
		return nil, site.Errorf("open", "", store.ErrInvalid, "its secrets are read by the label %s, and a rotation moves %s", s.label, labelCurrent)
	}
	c := s.client(site)
	return &rotation{client: c, prefix: s.prefix, tier: s.tier}, nil
}

// rotation rotates the parameters of one account and Region.
type rotation struct {
	*client // and Place
	prefix  string
	tier    types.ParameterTier // the least that a parameter is given
}

// seen is how a parameter is. Histories are read strongly and tell labels; DescribeParameters, which is cheaper, does neither. They are asked for without decryption.
type seen struct {
	versions []entry // the newest first; never empty
	pending  *beside // nil: nothing is pending
}

// look reads what is beside the parameter first: what is promoted meanwhile is then seen as current, and never as gone.
func (r *rotation) look(ctx context.Context, name secret.Name) (seen, error) {
	var s seen
	if err := r.known(name); err != nil {
		return s, err
	}
	if err := r.VerifyListing(ctx); err != nil {
		return s, err
	}
	pending, err := r.beside(ctx, name)
	if err != nil {
		return s, err
	}
	s.pending = pending
	s.versions, err = r.history(ctx, name)
	return s, err
}

// known returns store.ErrNotFound for a name that is none of the store's.
func (r *rotation) known(name secret.Name) error {
	switch {
	case hidden(name):
		return r.Errorf("GetParameterHistory", name, store.ErrNotFound, "%s", hiddenWhy)
	case !strings.HasPrefix(string(name), r.prefix):
		return r.Errorf("GetParameterHistory", name, store.ErrNotFound, "it is not below the store's prefix %s", r.prefix)
	}
	return nil
}

func (e *entry) version() secret.Version { return versionAt(e.number, e.changed) }

// previous returns the version before the current one: the one with the label, as long as the labels are of this state; else the one before by number, if it is held. Nil: none.
func previous(versions []entry) *entry {
	if slices.Contains(versions[0].labels, labelCurrent) {
		if i := slices.IndexFunc(versions[1:], func(e entry) bool { return slices.Contains(e.labels, labelPrevious) }); i >= 0 {
			return &versions[1+i]
		}
	}
	if len(versions) > 1 && versions[1].number == versions[0].number-1 {
		return &versions[1]
	}
	return nil
}

func (s *seen) stages(at secret.Place) store.Stages {
	now := &s.versions[0]
	st := store.Stages{Meta: now.meta(at), Current: now.version(), Since: now.changed.UTC()}
	if s.pending != nil {
		st.Pending = s.pending.token
	}
	if p := previous(s.versions); p != nil {
		st.Previous = p.version()
	}
	return st
}

func (r *rotation) Stages(ctx context.Context, name secret.Name) (store.Stages, error) {
	s, err := r.look(ctx, name)
	if err != nil {
		return store.Stages{}, err
	}
	at, err := r.Place(ctx)
	if err != nil {
		return store.Stages{}, err
	}
	return s.stages(at), nil
}

// Value reads a version of the parameter by its number, or what is pending.
func (r *rotation) Value(ctx context.Context, name secret.Name, v secret.Version) (secret.Value, error) {
	if err := r.known(name); err != nil {
		return secret.Value{}, err
	}
	if number, changed, ok := parseVersion(v); ok {
		return r.valueOf(ctx, name, number, changed)
	}
	b, value, err := r.besideValue(ctx, name)
	switch {
	case err != nil:
		return secret.Value{}, err
	case b == nil || b.token != v:
		value.Wipe()
		return secret.Value{}, r.Errorf("GetParameterHistory", name, store.ErrNotFound, "version %s is not pending", v)
	}
	return value, nil
}

// valueOf reads the value of a version; store.ErrNotFound where that number is of another time, as after the parameter was made anew.
func (r *rotation) valueOf(ctx context.Context, name secret.Name, number int64, changed time.Time) (secret.Value, error) {
	found, _, err := r.get(ctx, name+secret.Name(":"+strconv.FormatInt(number, 10)))
	if err != nil {
		return secret.Value{}, err
	}
	if got := aws.ToTime(found.LastModifiedDate); versionAt(number, got) != versionAt(number, changed) {
		return secret.Value{}, r.Errorf("GetParameter", name, store.ErrNotFound, "version %d is of another time: the parameter was made anew", number)
	}
	return textOf(found), nil
}

// parseVersion reads what versionAt writes.
func parseVersion(v secret.Version) (number int64, changed time.Time, ok bool) {
	text, at, ok := strings.Cut(string(v), "@")
	number, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil {
		return 0, time.Time{}, false
	}
	changed, err = time.Parse(time.RFC3339, at)
	return number, changed, err == nil
}

// label puts the labels of the stages on versions, the one of the previous version first: the labels count once the latest version is labelled as current.
func (r *rotation) label(ctx context.Context, name secret.Name, current int64, previous *entry) error {
	put := func(label string, number int64) error {
		in := &api.LabelParameterVersionInput{Name: aws.String(string(name)), ParameterVersion: &number, Labels: []string{label}}
		if _, err := r.api.LabelParameterVersion(ctx, in); err != nil {
			return r.Fail("LabelParameterVersion", name, err)
		}
		return nil
	}
	if previous != nil {
		if err := put(labelPrevious, previous.number); err != nil {
			return err
		}
	}
	return put(labelCurrent, current)
}

var (
	_ store.Rotator  = (*parameters)(nil)
	_ store.Rotation = (*rotation)(nil)
)
