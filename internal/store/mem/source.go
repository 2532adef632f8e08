package mem

import (
	"context"
	"maps"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const batchSize = 20

// Source returns the place as a source.
func (p *Place) Source() store.Source { return source{p} }

type source struct{ p *Place }

func (s source) Place(context.Context) (secret.Place, error) { return s.p.at, nil }

func (s source) List(ctx context.Context) (all []secret.Meta, err error) {
	err = s.p.do(Call{Op: "Source.List"}, func() error {
		for _, n := range s.p.sorted() {
			all = append(all, s.p.meta(n))
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (s source) Stat(ctx context.Context, name secret.Name) (m secret.Meta, err error) {
	err = s.p.do(Call{Op: "Source.Stat", Name: name}, func() error {
		if s.p.items[name] == nil {
			return s.p.fail("Stat", name, store.ErrNotFound, "")
		}
		m = s.p.meta(name)
		return ctx.Err()
	})
	if err != nil {
		return secret.Meta{}, err
	}
	return m, nil
}

func (s source) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return s.p.read(ctx, "Source.Read", names)
}

func (s source) BatchSize() int { return batchSize }

func (p *Place) meta(name secret.Name) secret.Meta {
	it := p.items[name]
	return secret.Meta{
		Name: name, Identity: secret.NewIdentity(p.at, name),
		Version: it.current, Held: it.held(), Created: it.created.UTC().Truncate(time.Second), Description: it.description, Tags: maps.Clone(it.tags),
		Key: it.key, CustomKey: it.key != "", Deleted: it.deleted, Bound: it.bound, Mark: it.mark,
	}
}

// read counts one call per name, so that a hook can fail one of them.
func (p *Place) read(ctx context.Context, op string, names []secret.Name) []store.Reading {
	all := make([]store.Reading, len(names))
	for i, n := range names {
		all[i].Name = n
		err := p.do(Call{Op: op, Name: n}, func() error {
			it := p.items[n]
			switch {
			case it == nil:
				return p.fail("Read", n, store.ErrNotFound, "")
			case !it.deleted.IsZero():
				return p.fail("Read", n, store.ErrScheduled, "")
			case it.current == "":
				return p.fail("Read", n, store.ErrNotFound, "it has no value")
			}
			all[i].Version, all[i].Value = it.current, copyValue(it.values[it.current])
			return ctx.Err()
		})
		if err != nil {
			all[i] = store.Reading{Name: n, Err: err}
		}
	}
	return all
}

// copyValue returns a value of its own: what a caller wipes stays in the place.
func copyValue(v secret.Value) secret.Value {
	data := append([]byte{}, v.Reveal()...)
	if v.IsBinary() {
		return secret.Binary(data)
	}
	return secret.Text(data)
}
