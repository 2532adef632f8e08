package parameterstore

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// destination writes to one account and Region.
type destination struct {
	*client // and what an awsstore.Site can: Verify, SameKey, ExamineKey
	prefix  string
	tier    types.ParameterTier

	mu     sync.Mutex
	latest map[secret.Name]int64 // the highest version number that a write of ours made, or may have made
}

func (d *destination) List(ctx context.Context) ([]secret.Copy, error) {
	all, err := d.client.list(ctx, d.prefix)
	if err != nil {
		return nil, err
	}
	copies := make([]secret.Copy, len(all))
	for i := range all {
		copies[i] = all[i].copy()
	}
	return copies, nil
}

// Stat describes by name, or where that is denied looks at the history, whose newest version tells the same. The history is also where the mark of a copy is
// looked for whose description was overwritten: it is ours, and drifted.
func (d *destination) Stat(ctx context.Context, name secret.Name) (secret.Copy, error) {
	e, err := d.stat(ctx, name)
	if err != nil {
		return secret.Copy{}, err
	}
	return e.copy(), nil
}

func (d *destination) stat(ctx context.Context, name secret.Name) (entry, error) {
	if hidden(name) {
		return entry{}, d.client.Errorf("DescribeParameters", name, store.ErrNotFound, "%s", hiddenWhy)
	}
	found, err := d.client.named(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotPermitted):
		return d.newest(ctx, name)
	case err != nil:
		return entry{}, err
	case len(found) == 0:
		return entry{}, &store.Error{Op: "DescribeParameters", Name: name, Place: d.client.At, Kind: store.ErrNotFound}
	}
	e := found[0]
	if !e.mark.IsZero() || e.kind != types.ParameterTypeSecureString {
		return e, nil
	}
	versions, err := d.client.history(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotPermitted):
		return e, nil // what can't be looked for is not there
	case err != nil:
		return entry{}, err
	}
	e.mark = lastMark(versions)
	return e, nil
}

// newest returns what the history says, for where DescribeParameters is denied.
func (d *destination) newest(ctx context.Context, name secret.Name) (entry, error) {
	versions, err := d.client.history(ctx, name)
	if errors.Is(err, store.ErrNotPermitted) {
		return entry{}, &store.Error{
			Op: "DescribeParameters", Name: name, Place: d.client.At, Kind: store.ErrNotPermitted, Code: "AccessDeniedException",
			Err:  errors.New("neither ssm:DescribeParameters nor ssm:GetParameterHistory is allowed"),
			Help: d.client.Grant("DescribeParameters", ""),
		}
	}
	if err != nil {
		return entry{}, err
	}
	e := versions[0]
	e.mark = lastMark(versions)
	return e, nil
}

// lastMark returns the mark of the newest version that has one.
func lastMark(versions []entry) mark {
	i := slices.IndexFunc(versions, func(e entry) bool { return !e.mark.IsZero() })
	if i < 0 {
		return mark{}
	}
	return versions[i].mark
}

// Read reads values of the target, to compare them. Nothing needs permission to but this, the renewal of a mark, and a deletion.
// One DescribeParameters tells which of them are still those that we wrote.
func (d *destination) Read(ctx context.Context, names []secret.Name) []store.Reading {
	all := d.client.reader.read(ctx, names)
	for chunk := range slices.Chunk(all, pageSize) {
		d.nameVersions(ctx, chunk)
	}
	return all
}

// nameVersions gives readings the versions that copies go by.
func (d *destination) nameVersions(ctx context.Context, all []store.Reading) {
	var names []secret.Name
	for _, r := range all {
		if r.Err == nil {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		return
	}
	found, err := d.client.named(ctx, names...)
	if err != nil {
		return // the number and the time are a version too
	}
	for i := range all {
		for _, e := range found {
			if e.name == all[i].Name && e.ours() && all[i].Version == versionAt(e.number, e.changed) {
				all[i].Version = e.mark.version
			}
		}
	}
}

func (d *destination) BatchSize() int { return batchSize }

var (
	_ store.Destination = (*destination)(nil)
	_ store.Deleter     = (*destination)(nil)
	_ store.Verifier    = (*destination)(nil)
	_ store.KeyResolver = (*destination)(nil)
	_ store.KeyExaminer = (*destination)(nil)
)
