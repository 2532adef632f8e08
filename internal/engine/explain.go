package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Explanation says whether a rule puts a secret into a target, and why.
type Explanation struct {
	Sync   secret.SyncName `json:"sync"`
	Source plan.SourceRef  `json:"source"`
	Target *plan.Target    `json:"target"` // nil: the rule sends it nowhere
	Wanted bool            `json:"wanted"`
	Why    string          `json:"why"`
	Failed bool            `json:"failed,omitempty"` // the sync can't be resolved at all: Why says the reason
}

// Explain says for every rule where a source secret goes, where it doesn't, and why. It looks at sources only.
func (e *Engine) Explain(ctx context.Context, name secret.Name, o Options) ([]Explanation, error) {
	o.Only = nil
	s, err := e.survey(ctx, o)
	if err != nil {
		return nil, err
	}
	var all []Explanation
	found := false
	for _, r := range s.about() {
		if err := s.failed[r.Name]; err != nil {
			all = append(all, Explanation{Sync: r.Name, Source: plan.SourceRef{Store: r.From, Name: name}, Failed: true, Why: "the sync fails: " + err.Error()})
			continue
		}
		v := s.views[r.From]
		if _, listed := v.find(name); !listed && !(v.shows(name) && r.Select.MayBe(name)) {
			continue
		}
		m, err := v.look(ctx, name)
		switch {
		case errors.Is(err, store.ErrNotFound):
			continue
		case err != nil:
			all = append(all, Explanation{Sync: r.Name, Source: plan.SourceRef{Store: r.From, Name: name}, Failed: true, Why: "the secret can't be looked at: " + err.Error()})
			found = true
			continue
		}
		found = true
		all = append(all, e.explain(s, r, m)...)
	}
	if !found && len(s.failed) == 0 {
		return nil, fmt.Errorf("%w: no source has a secret %q", ErrNothing, name)
	}
	return all, nil
}

func (e *Engine) explain(s *scope, r *plan.Rule, m *secret.Meta) []Explanation {
	v := s.views[r.From]
	about := func(target *plan.Target, wanted bool, why string) Explanation {
		return Explanation{Sync: r.Name, Source: plan.SourceRef{Store: r.From, Name: m.Name, Version: m.Version}, Target: target, Wanted: wanted, Why: why}
	}
	selected, because := r.Select.Selects(m)
	switch {
	case e.protected(s, v.place, m.Name):
		return []Explanation{about(nil, false, "the configuration itself reads this secret: it is never synced")}
	case !m.Deleted.IsZero():
		return []Explanation{about(nil, false, "it is scheduled for deletion")}
	case !selected:
		return []Explanation{about(nil, false, because)}
	}
	var all []Explanation
	for i := range r.To {
		if err := s.broken[&r.To[i]]; err != nil {
			all = append(all, about(nil, false, "the destination can't be opened: "+err.Error()))
			continue
		}
		namespace, nowhere, err := e.ways[&r.To[i]].within(e.set.Stores[r.To[i].Store], m.Name)
		switch {
		case err != nil:
			all = append(all, about(nil, false, fmt.Sprintf("refused (%s): namespace: %v", plan.BadName, err)))
			continue
		case nowhere != "":
			all = append(all, about(nil, false, nowhere))
			continue
		}
		routing := s.router.Route(r, i, v.place, m, namespace)
		as := e.as(&r.To[i], m.Name)
		switch {
		case routing.Err != nil:
			all = append(all, about(nil, false, routing.Err.Error()))
			continue
		case routing.Refused != "":
			all = append(all, about(nil, false, fmt.Sprintf("refused (%s): %s", routing.Refused, routing.Detail)))
			continue
		case len(routing.Why) == 0:
			all = append(all, about(nil, false, routing.Nowhere))
			continue
		}
		targets := make([]plan.Target, 0, len(routing.Why))
		for t := range routing.Why {
			targets = append(targets, t)
		}
		slices.SortFunc(targets, plan.Target.Compare)
		for _, t := range targets {
			why := routing.Why[t]
			if !r.To[i].ByTags {
				why += "; " + because
			}
			wanted := routing.Has(t)
			if wanted && e.protected(s, t.Place, m.Name) {
				wanted, why = false, "out: the configuration itself reads a secret of that name there"
			}
			all = append(all, about(&t, wanted, why+as))
		}
	}
	return all
}

// as says under which names a route's copies of a source are made; empty where that is its own.
func (e *Engine) as(to *plan.Route, source secret.Name) string {
	names, err := e.ways[to].names(e.set.Stores[to.Store], source)
	if err != nil {
		return fmt.Sprintf("; refused (%s): %v", plan.BadName, err)
	}
	if len(names) == 1 && names[0] == source {
		return ""
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(string(n))
	}
	return "; as " + strings.Join(quoted, ", ")
}
