package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	sourcesAtOnce = 8
	statsAtOnce   = 16
)

// view is what one run sees of a source.
type view struct {
	name   secret.StoreName
	source store.Source
	place  secret.Place
	metas  []secret.Meta // sorted by name
	listed bool          // metas is what covers says; else the secrets that rules name, described one by one
	within []string      // beginnings of the names that were listed; nil: all
	scope  string        // what all names begin with that the store's settings let it show
	gone   map[secret.Name]bool
	// blocked says of single secrets why they could not be described: their copies are left alone.
	blocked map[secret.Name]error
	// about holds, in a run that follows hints, the names that it is about, and sweep those whose copies may have become unwanted.
	about, sweep map[secret.Name]bool
	err          error // nothing is known
}

// find returns what the view shows of a name.
func (v *view) find(name secret.Name) (*secret.Meta, bool) {
	i, ok := slices.BinarySearchFunc(v.metas, name, func(m secret.Meta, n secret.Name) int { return strings.Compare(string(m.Name), string(n)) })
	if !ok {
		return nil, false
	}
	return &v.metas[i], true
}

// covers reports whether the listing shows a name if it exists.
func (v *view) covers(name secret.Name) bool {
	return v.listed && v.shows(name) && (v.within == nil || slices.ContainsFunc(v.within, func(p string) bool { return strings.HasPrefix(string(name), p) }))
}

// shows reports whether the store's settings let it show a name at all.
func (v *view) shows(name secret.Name) bool { return strings.HasPrefix(string(name), v.scope) }

// look returns what the view shows of a name, or what a description says of one that it does not cover.
func (v *view) look(ctx context.Context, name secret.Name) (*secret.Meta, error) {
	if m, ok := v.find(name); ok {
		return m, nil
	}
	if v.covers(name) || v.gone[name] {
		return nil, store.ErrNotFound
	}
	m, err := v.source.Stat(ctx, name)
	return &m, err
}

// sourceOf returns the name of the secret here that a copy is of, as its mark says; false if it is of none here, or of several.
func (v *view) sourceOf(c *secret.Copy) (secret.Name, bool) {
	if secret.Identity(secret.NewIdentity(v.place, c.Name).Tag()) == c.Mark.Source {
		return c.Name, true
	}
	name, ok := c.Mark.Source.NameAt(v.place)
	return name, ok && !plan.Merged(c.Mark.Sync, name)
}

// look lists every source that the rules read from, each once.
func (e *Engine) look(ctx context.Context, rules []*plan.Rule, o Options) map[secret.StoreName]*view {
	views := map[secret.StoreName]*view{}
	var order []*view
	named := map[secret.StoreName][]secret.Name{}
	for _, r := range rules {
		v := views[r.From]
		if v == nil {
			v = &view{name: r.From, gone: map[secret.Name]bool{}, blocked: map[secret.Name]error{}}
			views[r.From] = v
			order = append(order, v)
		}
		switch within := e.within(r); {
		case o.Hints != nil && !e.merges(r):
		case r.Select.OnlyNames():
			named[r.From] = append(named[r.From], r.Select.Names...)
		case !v.listed:
			v.listed, v.within = true, within
		case v.within != nil && within != nil:
			v.within = slices.Concat(v.within, within)
		default:
			v.within = nil
		}
	}
	if ref := e.set.GroupsFrom; o.Hints == nil && ref != nil && views[ref.Store] != nil && views[ref.Store].within != nil {
		views[ref.Store].within = append(views[ref.Store].within, string(ref.Secret))
	}
	e.set.Progress(Progress{Phase: "listing sources", Of: len(order)})
	each(ctx, len(order), sourcesAtOnce, func(i int) {
		v := order[i]
		if e.lookAt(ctx, v, named[v.name], o); v.err == nil && o.Hints != nil {
			v.err = v.follow(ctx, o.Hints, func(n secret.Name) bool {
				return slices.ContainsFunc(rules, func(r *plan.Rule) bool { return r.From == v.name && e.mayBeAbout(r, n) })
			})
		}
	})
	for _, v := range order {
		if v.err == nil && ctx.Err() != nil {
			v.err = ctx.Err()
		}
	}
	return views
}

// within returns what the names of all secrets that a rule is about begin with; nil: anything.
func (e *Engine) within(r *plan.Rule) []string {
	if within := r.Select.Within(); within != nil || slices.ContainsFunc(r.To, func(to plan.Route) bool { return !to.ByName }) {
		return within
	}
	var all []string
	for _, to := range r.To {
		if st, ok := e.set.Stores[to.Store]; ok {
			at, _ := st.Fixed()
			all = append(all, at.Cluster+"/")
		}
	}
	return all
}

func (e *Engine) lookAt(ctx context.Context, v *view, names []secret.Name, o Options) {
	st, ok := e.set.Stores[v.name]
	if !ok {
		v.err = fmt.Errorf("store %q is not defined", v.name)
		return
	}
	v.scope = st.Scope()
	if v.source, v.err = st.Source(ctx, v.within); v.err != nil {
		return
	}
	if v.listed {
		if v.metas, v.err = v.source.List(ctx); v.err != nil {
			return
		}
	}
	for i := range v.metas {
		if err := v.metas[i].Err; err != nil {
			v.blocked[v.metas[i].Name] = err
		}
	}
	slices.Sort(names)
	if v.err = v.describe(ctx, slices.Compact(names)); v.err != nil {
		return
	}
	if o.Fresh || len(o.strong) > 0 {
		if v.err = v.refresh(ctx, o); v.err != nil {
			return
		}
	}
	v.place, v.err = v.source.Place(ctx)
}

// describe adds the names that the listing does not show. One that is not there is gone, one that can't be described is blocked.
func (v *view) describe(ctx context.Context, names []secret.Name) error {
	var missing []secret.Name
	for _, n := range names {
		if _, ok := v.find(n); !ok {
			missing = append(missing, n)
		}
	}
	found := make([]secret.Meta, len(missing))
	errs := make([]error, len(missing))
	each(ctx, len(missing), statsAtOnce, func(i int) { found[i], errs[i] = v.source.Stat(ctx, missing[i]) })
	for i, err := range errs {
		switch {
		case errors.Is(err, store.ErrNotFound):
			v.gone[missing[i]] = true
		case err != nil:
			v.blocked[missing[i]] = err
		case found[i].Name != "":
			v.metas = append(v.metas, found[i])
		}
	}
	v.sort()
	return ctx.Err()
}

// refresh describes everything that the run may be about. Where that is denied, the listing has to do.
func (v *view) refresh(ctx context.Context, o Options) error {
	errs := make([]error, len(v.metas))
	each(ctx, len(v.metas), statsAtOnce, func(i int) {
		if !o.describes(v.metas[i].Name) || len(o.Only) > 0 && !plan.MatchAny(o.Only, string(v.metas[i].Name)) {
			return
		}
		m, err := v.source.Stat(ctx, v.metas[i].Name)
		switch {
		case err == nil:
			v.metas[i] = m
		case !errors.Is(err, store.ErrNotPermitted):
			errs[i] = err
		}
	})
	var kept []secret.Meta
	for i, err := range errs {
		switch {
		case errors.Is(err, store.ErrNotFound):
			v.gone[v.metas[i].Name] = true
			continue
		case err != nil:
			v.blocked[v.metas[i].Name] = err
		}
		kept = append(kept, v.metas[i])
	}
	v.metas = kept
	return ctx.Err()
}

func (v *view) sort() {
	slices.SortFunc(v.metas, func(a, b secret.Meta) int { return strings.Compare(string(a.Name), string(b.Name)) })
}
