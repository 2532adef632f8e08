package engine

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// observe opens the place and returns what it holds, sorted, and for single names why nothing is known of them.
func (e *Engine) observe(ctx context.Context, s *scope, at *seen, wants []*plan.Want) (have []secret.Copy, blocked map[secret.Name]error) {
	for i, t := range at.place {
		dest, err := e.set.Stores[t.Store].Destination(ctx, t.Place)
		switch {
		case err != nil && i == 0:
			at.err = err
			return nil, nil
		case err != nil:
			at.others[t.Store] = broken{err}
		case i == 0:
			at.dest = dest
		default:
			at.others[t.Store] = dest
		}
	}
	if s.options.Hints != nil {
		return e.observeNamed(ctx, s, at, wants)
	}
	have, err := e.list(ctx, at)
	switch {
	case errors.Is(err, store.ErrNotPermitted):
		at.unlisted = true
		have = nil
	case err != nil:
		at.err = err
		return nil, nil
	}
	var names []secret.Name
	for _, w := range wants {
		if at.unlisted || s.options.describes(w.Name) {
			names = append(names, w.Name)
		}
	}
	if e.set.Stores[at.target.Store].Traits().Forgets {
		names = append(names, forgotten(wants, have)...)
	}
	for i := range have {
		if have[i].Mark.Owner == s.owner && s.options.describes(have[i].Name) {
			names = append(names, have[i].Name)
		}
	}
	if len(names) == 0 {
		return have, nil
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return e.describe(ctx, at, have, names)
}

// list returns what the place holds. Stores that list different parts of it are each asked for theirs.
func (e *Engine) list(ctx context.Context, at *seen) ([]secret.Copy, error) {
	var all []secret.Copy
	var done []string
	for _, t := range at.place {
		scope := e.set.Stores[t.Store].Scope()
		if slices.ContainsFunc(done, func(s string) bool { return strings.HasPrefix(scope, s) }) {
			continue
		}
		part, err := at.destOf(t.Store).List(ctx)
		if err != nil {
			return nil, err
		}
		done = append(done, scope)
		all = append(all, part...)
	}
	if len(done) > 1 {
		slices.SortFunc(all, func(a, b secret.Copy) int { return compareNames(a.Name, b.Name) })
		all = slices.CompactFunc(all, func(a, b secret.Copy) bool { return a.Name == b.Name })
	}
	return all, nil
}

// through returns the target whose store can show a name: the first where none can.
func (e *Engine) through(at *seen, name secret.Name) *plan.Target {
	for i := range at.place {
		if strings.HasPrefix(string(name), e.set.Stores[at.place[i].Store].Scope()) {
			return &at.place[i]
		}
	}
	return &at.target
}

// forgotten returns the names of wanted copies that carry no mark, in a place where a write by others can take it off.
func forgotten(wants []*plan.Want, have []secret.Copy) (names []secret.Name) {
	for _, w := range wants {
		i, ok := slices.BinarySearchFunc(have, w.Name, func(c secret.Copy, n secret.Name) int { return compareNames(c.Name, n) })
		if ok && have[i].Mark.IsZero() {
			names = append(names, w.Name)
		}
	}
	return names
}

// describe replaces what have shows of names by what a strong read says.
func (e *Engine) describe(ctx context.Context, at *seen, have []secret.Copy, names []secret.Name) ([]secret.Copy, map[secret.Name]error) {
	copies := make([]secret.Copy, len(names))
	errs := make([]error, len(names))
	each(ctx, len(names), statsAtOnce, func(i int) {
		t := e.through(at, names[i])
		copies[i], errs[i] = at.destOf(t.Store).Stat(ctx, names[i])
	})
	if ctx.Err() != nil {
		at.err = ctx.Err()
		return nil, nil
	}
	have = slices.DeleteFunc(have, func(c secret.Copy) bool { _, asked := slices.BinarySearch(names, c.Name); return asked })
	blocked := map[secret.Name]error{}
	for i, err := range errs {
		switch {
		case err == nil:
			have = append(have, copies[i])
		case !errors.Is(err, store.ErrNotFound):
			blocked[names[i]] = err
		}
	}
	slices.SortFunc(have, func(a, b secret.Copy) int { return compareNames(a.Name, b.Name) })
	return have, blocked
}

// guard refuses, before the diff, what must not be touched whatever is there.
func (e *Engine) guard(s *scope, t plan.Target, wants []*plan.Want, blocked map[secret.Name]error) []*plan.Want {
	if len(s.reads) == 0 && len(e.set.Protected) == 0 && len(blocked) == 0 && !slices.ContainsFunc(wants, isCopyItself) {
		return wants
	}
	guarded := slices.Clone(wants)
	for i, w := range guarded {
		reason, detail, passing := plan.Reason(""), "", false
		if err := blocked[w.Name]; err != nil {
			reason, detail, passing = reasonOf(err), err.Error(), errors.Is(err, store.ErrCredentials)
		} else if e.protected(s, t.Place, w.Name) {
			reason, detail = plan.NotAllowed, "the configuration itself reads this secret"
		} else if e.comesFrom(w, t.Place) {
			reason, detail = plan.Ambiguous, "a cycle: the source is itself a copy of a secret here"
		}
		if reason != "" {
			refused := *w
			refused.Refused, refused.Detail, refused.Passing = reason, detail, passing
			guarded[i] = &refused
		}
	}
	return guarded
}

// isCopyItself reports whether a source of a want is itself a copy.
func isCopyItself(w *plan.Want) bool {
	return slices.ContainsFunc(w.Sources(), func(m *secret.Meta) bool { return !m.Mark.IsZero() })
}

// comesFrom reports whether the copy would go back to where its source came from: to the very secret or, under another name than its source's, to its place,
// where every run could make one more.
func (e *Engine) comesFrom(w *plan.Want, at secret.Place) bool {
	from, renamed := string(secret.NewIdentity(at, "")), w.Inputs != nil || w.Name != w.Source.Name
	return slices.ContainsFunc(w.Sources(), func(m *secret.Meta) bool {
		return m.Mark.Source == secret.Identity(secret.NewIdentity(at, w.Name).Tag()) || renamed && strings.HasPrefix(string(m.Mark.Source), from)
	})
}

func (e *Engine) policy(ctx context.Context, s *scope, at *seen) plan.Policy {
	p := plan.Policy{Owner: s.owner, Adopt: s.options.Adopt, Rules: e.rule, Key: func(name secret.StoreName) secret.Key { return e.set.Stores[name].Key() }}
	p.Keeps = func(name secret.StoreName) plan.Keeps {
		t := e.set.Stores[name].Traits()
		return plan.Keeps{Tags: t.Tags, Description: t.Description, Key: t.Keys}
	}
	if r, ok := at.dest.(store.KeyResolver); ok {
		p.SameKey = func(a, b secret.Key) bool {
			same, known := r.SameKey(ctx, a, b)
			return same || !known
		}
	}
	p.Check = func(t plan.Target, w *plan.Want, tags map[string]string) (plan.Reason, string) {
		err := at.destOf(t.Store).Check(store.Write{Name: w.Name, Tags: tags, Description: w.Description(), Key: p.Key(t.Store), Type: typeOf(w)})
		switch {
		case err == nil:
			return "", ""
		case errors.Is(err, store.ErrTooManyTags):
			return plan.TooManyTags, err.Error()
		case errors.Is(err, store.ErrKey):
			return plan.KeyMismatch, err.Error()
		case errors.Is(err, store.ErrUnwritable):
			return plan.Unwritable, err.Error()
		}
		return plan.BadName, err.Error()
	}
	p.Source = func(c *secret.Copy) (plan.SourceState, secret.Name) {
		r := e.rule(c.Mark.Sync)
		if r == nil || s.views[r.From] == nil {
			return plan.SourceThere, ""
		}
		v := s.views[r.From]
		name, here := v.sourceOf(c)
		if v.err != nil || s.failed[r.Name] != nil || v.blocked[name] != nil {
			return plan.SourceUnreadable, name
		}
		if found, ok := v.find(name); v.gone[name] || ok && !found.Deleted.IsZero() || here && !ok && v.covers(name) {
			return plan.SourceGone, name
		}
		return plan.SourceThere, name
	}
	return p
}

// typeOf returns what kind of object a copy is to be; empty: the store's default.
func typeOf(w *plan.Want) string {
	if w.Shape == nil {
		return ""
	}
	return w.Shape.Type
}

// broken is a destination that could not be opened: what is to be written through it fails with the reason.
type broken struct{ err error }

func (b broken) Verify(context.Context) error                            { return b.err }
func (b broken) List(context.Context) ([]secret.Copy, error)             { return nil, b.err }
func (b broken) Stat(context.Context, secret.Name) (secret.Copy, error)  { return secret.Copy{}, b.err }
func (b broken) Check(store.Write) error                                 { return nil }
func (b broken) Write(context.Context, store.Write) (secret.Copy, error) { return secret.Copy{}, b.err }
