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
	if len(s.failed) == len(rules) {
		errs := make([]error, 0, len(rules))
		for _, r := range rules {
			errs = append(errs, fmt.Errorf("sync %q: %w", r.Name, s.failed[r.Name]))
		}
		return nil, fmt.Errorf("%w: %w", ErrNothing, errors.Join(errs...))
	}
	return s, ctx.Err()
}

// surveyOf routes what the views show. The rules that fail are in the scope.
func (e *Engine) surveyOf(ctx context.Context, rules []*plan.Rule, views map[secret.StoreName]*view, o Options) *scope {
	s := &scope{options: o, rules: rules, failed: map[secret.SyncName]error{}, views: views}
	s.groups = e.loadGroups(ctx, rules, s.views)
	s.warnings = append(s.warnings, s.groups.warnings...)
	s.groupsAt = e.groupsPlace(ctx, s.views)
	s.owner = e.owner(s.views, rules)
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

// owner returns the name of this installation.
func (e *Engine) owner(views map[secret.StoreName]*view, rules []*plan.Rule) secret.Owner {
	if e.set.Owner != "" {
		return e.set.Owner
	}
	for _, r := range rules {
		if v := views[r.From]; v.err == nil && v.place.Account != "" {
			return secret.Owner("secretsync-" + string(v.place.Account))
		}
	}
	return "secretsync"
}

// resolvable reports why a rule can't be planned at all.
func (e *Engine) resolvable(ctx context.Context, s *scope, r *plan.Rule) error {
	v := s.views[r.From]
	if v.err != nil {
		return fmt.Errorf("source store %q: %w", r.From, v.err)
	}
	if s.groups.broken != nil && usesGroups([]*plan.Rule{r}) {
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
		if v.gone[n] && (len(s.options.Only) == 0 || plan.MatchAny(s.options.Only, string(n))) {
			refused = append(refused, refusal(r, &secret.Meta{Name: n}, plan.SourceMissing, "names lists it, and the source has no such secret"))
		}
	}
	s.candidates = append(s.candidates, found...)
	s.refusals = append(s.refusals, refused...)
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

// targets returns every target that the run looks at: those that a secret goes to and, for a whole run, those that the configuration or a tag can name.
func (s *scope) targets() []plan.Target {
	seen := map[plan.Target]bool{}
	done := map[*plan.Routing]bool{}
	for _, c := range s.candidates {
		for _, routing := range c.routings {
			if done[routing] {
				continue
			}
			done[routing] = true
			for _, t := range routing.Targets {
				seen[t] = true
			}
		}
	}
	if !s.options.limited() {
		for _, r := range s.rules {
			if s.failed[r.Name] != nil {
				continue
			}
			for i := range r.To {
				for _, t := range s.router.Reach(r, i, s.views[r.From].place) {
					seen[t] = true
				}
			}
		}
	}
	all := make([]plan.Target, 0, len(seen))
	for t := range seen {
		all = append(all, t)
	}
	slices.SortFunc(all, plan.Target.Compare)
	return all
}

// wants returns what a target shall hold, sorted by name.
func (s *scope) wants(t plan.Target) []*plan.Want {
	has := map[*plan.Routing]bool{}
	var all []*plan.Want
	for _, c := range s.candidates {
		if s.failed[c.want.Rule.Name] != nil {
			continue
		}
		if slices.ContainsFunc(c.routings, func(r *plan.Routing) bool {
			in, ok := has[r]
			if !ok {
				in = r.Has(t)
				has[r] = in
			}
			return in
		}) {
			all = append(all, c.want)
		}
	}
	return all
}

func compareNames(a, b secret.Name) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
