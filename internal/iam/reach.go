package iam

import (
	"fmt"
	"maps"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// need is what one rule needs of one store in one account.
type need struct {
	store   Store
	account secret.AccountID
	regions []string // sorted; anything alone where they are not known
	names   []pattern
	tags    []Condition
}

// rule collects what one sync needs.
func (g *generator) rule(r *plan.Rule) error {
	names := g.within(r.From, patterns(r.Select))
	if len(names) == 0 {
		g.warnings = append(g.warnings, fmt.Sprintf("sync %q selects nothing: no permission is made for it", r.Name))
		return nil
	}
	if err := g.source(r.From, names, tagConditions(r)); err != nil {
		return fmt.Errorf("sync %q: %w", r.Name, err)
	}
	for i := range r.To {
		st, ok := g.Stores[r.To[i].Store]
		if !ok {
			return fmt.Errorf("sync %q: store %q is not defined", r.Name, r.To[i].Store)
		}
		copies := g.copies(r, i, st, names)
		if !inAWS(st) || len(copies) == 0 {
			continue
		}
		targets, err := g.targets(r, i, st)
		if err != nil {
			return fmt.Errorf("sync %q: %w", r.Name, err)
		}
		for _, account := range slices.Sorted(maps.Keys(targets)) {
			n := need{store: st, account: account, regions: slices.Sorted(maps.Keys(targets[account])), names: copies}
			if targets[account][anything] {
				n.regions = []string{anything}
			}
			if err := g.grant(n, store.UseWrite); err != nil {
				return fmt.Errorf("sync %q: %w", r.Name, err)
			}
			if r.Deletion != plan.Delete {
				continue
			}
			if err := g.grant(n, store.UseDelete); err != nil {
				return fmt.Errorf("sync %q: %w", r.Name, err)
			}
		}
	}
	return nil
}

// source collects what reading secrets of a store needs: nothing where it is not in AWS.
func (g *generator) source(name secret.StoreName, names []pattern, tags []Condition) error {
	st, ok := g.Stores[name]
	if !ok {
		return fmt.Errorf("store %q is not defined", name)
	}
	if !inAWS(st) {
		return nil
	}
	at := g.place(st)
	if at.Account == "" {
		return fmt.Errorf("store %q is opened once per account and can't be a source", name)
	}
	return g.grant(need{store: st, account: at.Account, regions: []string{string(at.Region)}, names: names, tags: tags}, store.UseSource)
}

// targets returns the accounts, and their Regions, that a route can name: in the file, by a tag, under allow, or under except, where copies may be left.
func (g *generator) targets(r *plan.Rule, i int, st Store) (map[secret.AccountID]map[string]bool, error) {
	route := r.To[i]
	place := plan.Place{Place: g.place(st), Allow: st.Allow()}
	_, place.One = st.Fixed()
	router := plan.Router{Places: map[secret.StoreName]plan.Place{route.Store: place}, Groups: g.Groups}
	from := g.place(g.Stores[r.From])
	targets := map[secret.AccountID]map[string]bool{}
	add := func(a secret.AccountID, region string) {
		if targets[a] == nil {
			targets[a] = map[string]bool{}
		}
		targets[a][region] = true
	}
	for _, t := range router.Reach(r, i, from) {
		add(t.Account, string(t.Region))
	}
	if elsewhere := g.groupsElsewhere(route); elsewhere || route.ByTags {
		for _, a := range slices.Concat(slices.Collect(maps.Keys(targets)), st.Allow(), g.Accounts) {
			if place.One && a != place.Account || place.Allow != nil && !slices.Contains(place.Allow, a) {
				continue
			}
			for _, region := range g.regions(route, elsewhere, from) {
				if a != from.Account || region != string(from.Region) || region == anything || place.Kind != from.Kind {
					add(a, region)
				}
			}
		}
	}
	if route.ByTags && !place.One && place.Allow == nil {
		g.warnings = append(g.warnings, fmt.Sprintf("store %q has no allow: a tag can name further accounts, which these policies leave out", route.Store))
	}
	if len(targets) == 0 && from.Region == "" && place.Region == "" && len(route.Regions) == 0 {
		return nil, fmt.Errorf("no Region is known that store %q is opened in, and its source is in none: name one in the store, in the groups or under regions", route.Store)
	}
	if len(targets) == 0 && !place.One {
		return nil, fmt.Errorf("no account is known that store %q is opened for: name them under allow of the store or in groups, or with --account", route.Store)
	}
	return targets, nil
}

// groupsElsewhere reports whether a route can go by groups that the file does not define.
func (g *generator) groupsElsewhere(route plan.Route) bool {
	return g.GroupsFrom != nil && (route.ByTags || slices.ContainsFunc(slices.Concat(route.Groups, route.Except.Groups), func(name plan.GroupName) bool {
		_, ok := g.Groups[name]
		return !ok
	}))
}

// regions returns where a tag, or a group that is not known here, can lead.
func (g *generator) regions(route plan.Route, elsewhere bool, from secret.Place) []string {
	switch {
	case len(route.Regions) > 0:
		var all []string
		for _, r := range route.Regions {
			all = append(all, string(r))
		}
		return all
	case elsewhere:
		return []string{anything}
	case from.Region == "":
		return nil // a source that is in no Region: a tag with an account leads nowhere
	}
	return []string{string(from.Region)}
}
