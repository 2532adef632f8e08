package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// scope is what one run is about: its rules, what their sources show, and where every secret goes.
type scope struct {
	options    Options
	owner      secret.Owner
	rules      []*plan.Rule
	views      map[secret.StoreName]*view
	groups     *groups
	reads      map[where]bool // the secrets that the configuration itself reads
	router     *plan.Router
	failed     map[secret.SyncName]error
	broken     map[*plan.Route]error // destinations that can't be opened: nothing goes there
	candidates []*candidate          // sorted by name
	refusals   []plan.Change
	warnings   []string
}

// candidate is a copy of a secret that a rule selects, or its part in a copy that is made of several, and where it goes.
type candidate struct {
	want    *plan.Want
	routing *plan.Routing
	merge   bool // a part
	aside   bool // the run is not about it: it is needed for the others
}

// where is one secret in all the stores.
type where struct {
	place secret.Place
	name  secret.Name
}

// survey reads the sources and routes. The error is that of a run in which nothing can be attempted.
func (e *Engine) survey(ctx context.Context, o Options) (*scope, error) {
	rules, err := e.rules(o)
	if err != nil {
		return nil, err
	}
	if o.Hints != nil {
		rules = e.hinted(rules, o.Hints)
	}
	s := e.surveyOf(ctx, rules, e.look(ctx, rules, o), o)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var errs []error
	for _, r := range s.about() {
		if err := s.failed[r.Name]; err != nil {
			errs = append(errs, fmt.Errorf("sync %q: %w", r.Name, err))
		}
	}
	switch about := s.about(); {
	case len(rules) == 0 && len(o.Hints) > 0:
		s.warnings = append(s.warnings, "no sync is about the secrets that the event names")
	case len(rules) == 0:
	case len(about) == 0:
		s.warnings = append(s.warnings, "the syncs that the run is limited to are not about the secrets that the event names")
	case len(errs) == len(about):
		return nil, fmt.Errorf("%w: %w", ErrNothing, errors.Join(errs...))
	}
	if s.owner, err = e.owner(ctx, s.views); err != nil {
		return nil, fmt.Errorf("%w: the default owner can't be told (set owner: in the configuration): %w", ErrNothing, err)
	}
	return s, nil
}

// about returns the rules that the run is about.
func (s *scope) about() []*plan.Rule {
	var all []*plan.Rule
	for _, r := range s.rules {
		if s.options.about(r) {
			all = append(all, r)
		}
	}
	return all
}

// incomplete reports whether anything of any source could not be looked at: then nothing is deleted.
func (s *scope) incomplete() bool {
	if len(s.failed) > 0 {
		return true
	}
	for _, v := range s.views {
		if len(v.blocked) > 0 {
			return true
		}
	}
	return false
}

// surveyOf routes what the views show. The rules that fail are in the scope.
func (e *Engine) surveyOf(ctx context.Context, rules []*plan.Rule, views map[secret.StoreName]*view, o Options) *scope {
	s := &scope{options: o, rules: rules, failed: map[secret.SyncName]error{}, broken: map[*plan.Route]error{}, views: views}
	s.groups = e.loadGroups(ctx, rules, s.views)
	s.warnings = append(s.warnings, s.groups.warnings...)
	s.reads = e.reads(ctx, s.views)
	s.router = &plan.Router{Places: map[secret.StoreName]plan.Place{}, Groups: s.groups.all, NoGroups: s.groups.missing}
	for _, r := range rules {
		if err := e.resolvable(ctx, s, r); err != nil {
			s.failed[r.Name] = err
			continue
		}
		e.route(s, r)
	}
	slices.SortStableFunc(s.candidates, func(a, b *candidate) int { return compareNames(a.want.Name, b.want.Name) })
	return s
}

// owner returns the name of this installation: the one that is set, else that of the account of the first store, in the order of the syncs, that is in one.
// It depends on the configuration and the credentials alone, never on what a run is limited to or what is out of reach.
func (e *Engine) owner(ctx context.Context, views map[secret.StoreName]*view) (secret.Owner, error) {
	if e.set.Owner != "" {
		return e.set.Owner, nil
	}
	var stores []secret.StoreName
	for i := range e.set.Rules {
		stores = append(stores, e.set.Rules[i].From)
	}
	for i := range e.set.Rules {
		for _, to := range e.set.Rules[i].To {
			stores = append(stores, to.Store)
		}
	}
	for _, name := range stores {
		if v := views[name]; v != nil && v.err == nil && v.place.Account != "" {
			return "secretsync-" + secret.Owner(v.place.Account), nil
		}
		st, ok := e.set.Stores[name]
		if !ok {
			continue
		}
		if at, one := st.Fixed(); !one || !at.Kind.InAWS() {
			continue
		}
		at, err := st.Home(ctx)
		if err != nil {
			return "", err
		}
		if at.Account != "" {
			return "secretsync-" + secret.Owner(at.Account), nil
		}
	}
	return "secretsync", nil
}

// resolvable reports why a rule can't be planned at all.
func (e *Engine) resolvable(ctx context.Context, s *scope, r *plan.Rule) error {
	v := s.views[r.From]
	if v.err != nil {
		return fmt.Errorf("source store %q: %w", r.From, v.err)
	}
	byTags := slices.ContainsFunc(r.To, func(to plan.Route) bool { return to.ByTags })
	if s.groups.broken != nil && (byTags || needsGroups([]*plan.Rule{r}, nil, s.groups.all)) {
		return s.groups.broken
	}
	var broken []error
	for i, to := range r.To {
		st, ok := e.set.Stores[to.Store]
		if !ok {
			return fmt.Errorf("store %q is not defined", to.Store)
		}
		if err := e.ways[&r.To[i]].err; err != nil {
			return err
		}
		if _, known := s.router.Places[to.Store]; known {
			continue
		}
		at, one := st.Fixed()
		if one && !at.Known() {
			home, err := st.Home(ctx)
			if err != nil {
				s.broken[&r.To[i]] = fmt.Errorf("store %q: %w", to.Store, err)
				broken = append(broken, s.broken[&r.To[i]])
				continue
			}
			at = home
		}
		place := plan.Place{Place: at, One: one, Allow: st.Allow()}
		if d, ok := st.(store.Divided); ok {
			if err := s.divide(ctx, d, to.Store, &place); err != nil {
				s.broken[&r.To[i]] = fmt.Errorf("store %q: %w", to.Store, err)
				broken = append(broken, s.broken[&r.To[i]])
				continue
			}
		}
		s.router.Places[to.Store] = place
		if to.ByTags && st.Allow() == nil {
			s.warnings = append(s.warnings, fmt.Sprintf("store %q has no allow: whoever may tag a secret may send it to any account whose role trusts this one", to.Store))
		}
	}
	if len(broken) == len(r.To) {
		return errors.Join(broken...)
	}
	return nil
}

// divide adds the namespaces of a store to its place; those that there are only for a run that sweeps.
func (s *scope) divide(ctx context.Context, d store.Divided, name secret.StoreName, at *plan.Place) error {
	if at.Namespaces = d.Namespaces(); at.Namespaces == nil || s.options.limited() || s.options.Hints != nil && !s.sweeping() {
		return nil
	}
	all, whole, err := d.Present(ctx)
	if err != nil {
		return err
	}
	if at.Present = all; !whole {
		s.warnings = append(s.warnings, fmt.Sprintf("store %q: listing namespaces is not permitted: copies that nothing wants any more are looked for in the namespaces only that its settings write out", name))
	}
	return nil
}

// protected reports whether the configuration itself reads that secret.
func (e *Engine) protected(s *scope, at secret.Place, name secret.Name) bool {
	return slices.Contains(e.set.Protected, name) || s.reads[where{at, name}]
}

// reads returns the secrets that the configuration leads to: that with the groups, and those that stores are connected with.
func (e *Engine) reads(ctx context.Context, views map[secret.StoreName]*view) map[where]bool {
	var refs []store.Ref
	if e.set.GroupsFrom != nil {
		refs = append(refs, *e.set.GroupsFrom)
	}
	for _, st := range e.set.Stores {
		if d, ok := st.(store.Dependent); ok {
			refs = append(refs, d.Reads()...)
		}
	}
	all := map[where]bool{}
	for _, ref := range refs {
		if v := views[ref.Store]; v != nil && v.err == nil {
			all[where{v.place, ref.Secret}] = true
		} else if st, ok := e.set.Stores[ref.Store]; ok {
			if at, err := st.Home(ctx); err == nil { // without credentials nothing is written either
				all[where{at, ref.Secret}] = true
			}
		}
	}
	return all
}

// route finds where each secret that the rule selects goes, and under which names. A route that can't be resolved fails the rule.
func (e *Engine) route(s *scope, r *plan.Rule) {
	t := &tracks{engine: e, scope: s, rule: r, view: s.views[r.From]}
	for i := range t.view.metas {
		m := &t.view.metas[i]
		if !e.selects(s, r, t.view, m) {
			continue
		}
		for n := range r.To {
			if err := t.follow(m, n); err != nil {
				s.failed[r.Name] = err
				return
			}
		}
	}
	for _, n := range r.Select.Names {
		_, found := t.view.find(n)
		switch {
		case found, !s.options.names(n), s.options.Hints != nil && !t.view.about[n]:
		case t.view.gone[n]:
			t.refuse(&secret.Meta{Name: n}, plan.SourceMissing, "names lists it, and the source has no such secret")
		case t.view.blocked[n] != nil:
			t.refuse(&secret.Meta{Name: n}, reasonOf(t.view.blocked[n]), t.view.blocked[n].Error())
		}
	}
	if s.options.Hints != nil {
		t.blockedHints()
	}
	t.wholeOrNot()
	s.candidates = append(s.candidates, t.found...)
	if s.options.about(r) {
		s.refusals = append(s.refusals, t.refused...)
	}
}

// selects reports whether the rule is about a secret, whatever the run is limited to.
func (e *Engine) selects(s *scope, r *plan.Rule, v *view, m *secret.Meta) bool {
	if !m.Deleted.IsZero() || e.protected(s, v.place, m.Name) {
		return false
	}
	ok, _ := r.Select.Selects(m)
	return ok
}

func refusal(r *plan.Rule, m *secret.Meta, reason plan.Reason, detail string) plan.Change {
	return plan.Change{Action: plan.Refusal, Reason: reason, Sync: r.Name, Name: m.Name, Detail: detail,
		Source: plan.SourceRef{Store: r.From, Name: m.Name, Version: m.Version}}
}
