package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// scope is what one run is about: its rules, what their sources show, and where every secret goes.
type scope struct {
	options    Options
	owner      secret.Owner
	rules      []*plan.Rule
	views      map[secret.StoreName]*view
	groups     *groups
	groupsAt   secret.Place // where the secret with the groups is
	router     *plan.Router
	failed     map[secret.SyncName]error
	candidates []*candidate // sorted by name
	refusals   []plan.Change
	warnings   []string
}

// candidate is a secret that a rule selects, and where it goes.
type candidate struct {
	want     *plan.Want
	routings []*plan.Routing // one per route of the rule
}

// survey reads the sources and routes. The error is that of a run in which nothing can be attempted.
func (e *Engine) survey(ctx context.Context, o Options) (*scope, error) {
	rules, err := e.rules(o)
	if err != nil {
		return nil, err
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
	if len(errs) == len(s.about()) {
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
	s := &scope{options: o, rules: rules, failed: map[secret.SyncName]error{}, views: views}
	s.groups = e.loadGroups(ctx, rules, s.views)
	s.warnings = append(s.warnings, s.groups.warnings...)
	s.groupsAt = e.groupsPlace(ctx, s.views)
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
		if _, one := st.Fixed(); !one {
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
	for _, to := range r.To {
		if _, ok := s.router.Places[to.Store]; ok {
			continue
		}
		st, ok := e.set.Stores[to.Store]
		if !ok {
			return fmt.Errorf("store %q is not defined", to.Store)
		}
		at, one := st.Fixed()
		if one && (at.Account == "" || at.Region == "") {
			home, err := st.Home(ctx)
			if err != nil {
				return fmt.Errorf("store %q: %w", to.Store, err)
			}
			at = home
		}
		s.router.Places[to.Store] = plan.Place{Place: at, One: one, Allow: st.Allow()}
		if to.ByTags && st.Allow() == nil {
			s.warnings = append(s.warnings, fmt.Sprintf("store %q has no allow: whoever may tag a secret may send it to any account whose role trusts this one", to.Store))
		}
	}
	return nil
}

// protected reports whether the configuration itself reads that secret.
func (e *Engine) protected(s *scope, at secret.Place, name secret.Name) bool {
	if slices.Contains(e.set.Protected, name) {
		return true
	}
	return e.set.GroupsFrom != nil && e.set.GroupsFrom.Secret == name && s.groupsAt == at
}

// groupsPlace returns where the secret with the groups is; the zero Place where there is none, or its store can't tell.
func (e *Engine) groupsPlace(ctx context.Context, views map[secret.StoreName]*view) secret.Place {
	ref := e.set.GroupsFrom
	if ref == nil {
		return secret.Place{}
	}
	if v := views[ref.Store]; v != nil && v.err == nil {
		return v.place
	}
	st, ok := e.set.Stores[ref.Store]
	if !ok {
		return secret.Place{}
	}
	at, err := st.Home(ctx)
	if err != nil {
		return secret.Place{} // without credentials nothing is written either
	}
	return at
}

// route finds where each secret that the rule selects goes. A route that can't be resolved fails the rule.
func (e *Engine) route(s *scope, r *plan.Rule) {
	v := s.views[r.From]
	var found []*candidate
	var refused []plan.Change
	for i := range v.metas {
		m := &v.metas[i]
		if !e.selects(s, r, v, m) {
			continue
		}
		c := &candidate{want: &plan.Want{Rule: r, Source: m, Name: m.Name}}
		if err := v.blocked[m.Name]; err != nil {
			c.want.Refused, c.want.Detail = reasonOf(err), err.Error()
		}
		for n := range r.To {
			routing := s.router.Route(r, n, v.place, m)
			switch {
			case routing.Err != nil:
				s.failed[r.Name] = routing.Err
				return
			case routing.Refused != "":
				refused = append(refused, refusal(r, m, routing.Refused, routing.Detail))
			case len(routing.Targets) > 0:
				c.routings = append(c.routings, routing)
			}
		}
		if len(c.routings) > 0 {
			found = append(found, c)
		}
	}
	for _, n := range r.Select.Names {
		_, found := v.find(n)
		switch {
		case found, len(s.options.Only) > 0 && !plan.MatchAny(s.options.Only, string(n)):
		case v.gone[n]:
			refused = append(refused, refusal(r, &secret.Meta{Name: n}, plan.SourceMissing, "names lists it, and the source has no such secret"))
		case v.blocked[n] != nil:
			refused = append(refused, refusal(r, &secret.Meta{Name: n}, reasonOf(v.blocked[n]), v.blocked[n].Error()))
		}
	}
	s.candidates = append(s.candidates, found...)
	if s.options.about(r) {
		s.refusals = append(s.refusals, refused...)
	}
}

func (e *Engine) selects(s *scope, r *plan.Rule, v *view, m *secret.Meta) bool {
	if len(s.options.Only) > 0 && !plan.MatchAny(s.options.Only, string(m.Name)) {
		return false
	}
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
