package engine

import (
	"fmt"
	"maps"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// tracks collects where the secrets of one rule go.
type tracks struct {
	engine  *Engine
	scope   *scope
	rule    *plan.Rule
	view    *view
	found   []*candidate
	refused []plan.Change
}

func (t *tracks) refuse(m *secret.Meta, reason plan.Reason, detail string) {
	t.refused = append(t.refused, refusal(t.rule, m, reason, detail))
}

// blockedHints refuses what hints name and can't be looked at: nobody else would tell.
func (t *tracks) blockedHints() {
	for n, err := range t.view.blocked {
		if _, found := t.view.find(n); !found && t.view.about[n] && t.rule.Select.MayBe(n) && !slices.Contains(t.rule.Select.Names, n) {
			t.refuse(&secret.Meta{Name: n}, reasonOf(err), err.Error())
		}
	}
}

// wholeOrNot refuses the copies that are made of several secrets where one that the rule names, or could select by tags, is not there, or can't be looked at:
// without it they would lose a part.
func (t *tracks) wholeOrNot() {
	names := t.rule.Select.Names
	if len(t.rule.Select.Tags) > 0 {
		names = slices.AppendSeq(slices.Clone(names), maps.Keys(t.view.blocked))
	}
	for _, n := range names {
		reason, detail := plan.SourceMissing, fmt.Sprintf("names lists %q, and the source has no such secret", n)
		switch err := t.view.blocked[n]; {
		case err != nil:
			reason, detail = reasonOf(err), err.Error()
		case !t.view.gone[n]:
			continue
		}
		if !t.rule.Select.MayBe(n) {
			continue
		}
		for _, c := range t.found {
			if c.merge && c.want.Refused == "" {
				c.want.Refused, c.want.Detail = reason, detail
			}
		}
	}
}

// follow adds the copies of one secret by the rule's n-th route.
func (t *tracks) follow(m *secret.Meta, n int) error {
	to := &t.rule.To[n]
	way, about := t.engine.ways[to], t.scope.options.names(m.Name) && (t.scope.options.Hints == nil || t.view.about[m.Name])
	if !about && !way.merge && way.namer == nil && way.space == nil {
		return nil
	}
	refuse := func(reason plan.Reason, detail string) {
		if about {
			t.refuse(m, reason, detail)
		}
	}
	if err := t.scope.broken[to]; err != nil {
		refuse(reasonOf(err), err.Error())
		return nil
	}
	namespace, nowhere, err := way.within(t.engine.set.Stores[to.Store], m.Name)
	switch {
	case err != nil:
		refuse(plan.BadName, "namespace: "+err.Error())
		return nil //nolint:nilerr // it is the secret that is refused, not the rule
	case nowhere != "":
		return nil
	}
	routing := t.scope.router.Route(t.rule, n, t.view.place, m, namespace)
	switch {
	case routing.Err != nil:
		return routing.Err
	case routing.Refused != "":
		refuse(routing.Refused, routing.Detail)
		return nil
	case len(routing.Targets) == 0:
		return nil
	}
	for _, key := range way.parts() {
		name, err := way.name(t.engine.set.Stores[to.Store], m.Name, key)
		if err != nil {
			refuse(plan.BadName, err.Error())
			continue
		}
		w := &plan.Want{Rule: t.rule, Route: to, Source: m, Name: name, Shape: way.shape, Key: key, Aside: !about && !way.merge}
		if err := t.view.blocked[m.Name]; err != nil {
			w.Refused, w.Detail = reasonOf(err), err.Error()
		}
		t.found = append(t.found, &candidate{want: w, routing: routing, merge: way.merge, aside: !about})
	}
	return nil
}
