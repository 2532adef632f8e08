package iam

import (
	"fmt"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// reads collects what it needs to read the secrets that the configuration itself goes by: the groups, and what the stores in use are connected with.
func (g *generator) reads() error {
	var stores []secret.StoreName
	for i := range g.Rules {
		stores = append(stores, g.Rules[i].From)
		for _, to := range g.Rules[i].To {
			stores = append(stores, to.Store)
		}
	}
	if ref := g.GroupsFrom; ref != nil && usesGroups(g.Rules) {
		if err := g.only(store.Ref(*ref)); err != nil {
			return err
		}
		stores = append(stores, ref.Store)
	}
	slices.Sort(stores)
	for _, name := range slices.Compact(stores) {
		d, ok := g.Stores[name].Store.(store.Dependent)
		if !ok {
			continue
		}
		for _, ref := range d.Reads() {
			if err := g.only(ref); err != nil {
				return fmt.Errorf("store %q: %w", name, err)
			}
		}
	}
	return nil
}

// only collects what reading one secret needs.
func (g *generator) only(ref store.Ref) error {
	return g.source(ref.Store, []pattern{{start: string(ref.Secret)}}, []Condition{nil})
}

// usesGroups reports whether any rule can go by groups.
func usesGroups(rules []plan.Rule) bool {
	return slices.ContainsFunc(rules, func(r plan.Rule) bool {
		return slices.ContainsFunc(r.To, func(to plan.Route) bool { return to.ByTags || len(to.Groups) > 0 || len(to.Except.Groups) > 0 })
	})
}
