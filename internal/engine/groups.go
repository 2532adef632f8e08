package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// groups are the groups of one run.
type groups struct {
	all      map[plan.GroupName]plan.Group
	version  secret.Version // of the secret that some came from
	missing  error          // there is no such secret: only who needs a group fails
	broken   error          // there is one and it can't be used: everything that goes by groups fails
	warnings []string
}

// loadGroups adds the groups of the groups' secret to those of the configuration. The secret is read where a listing shows it, or something needs it.
func (e *Engine) loadGroups(ctx context.Context, rules []*plan.Rule, views map[secret.StoreName]*view) *groups {
	g := &groups{all: maps.Clone(e.set.Groups)}
	if g.all == nil {
		g.all = map[plan.GroupName]plan.Group{}
	}
	ref := e.set.GroupsFrom
	rules = slices.DeleteFunc(slices.Clone(rules), func(r *plan.Rule) bool { return views[r.From].err != nil })
	if ref == nil || !usesGroups(rules) {
		return g
	}
	if v := views[ref.Store]; v != nil && v.covers(ref.Secret) && v.err == nil {
		if m, ok := v.find(ref.Secret); !ok || !m.Deleted.IsZero() {
			if !needsGroups(rules, views, g.all) {
				g.missing = fmt.Errorf("the secret %q with the groups does not exist in %s", ref.Secret, v.place)
				return g
			}
		}
	}
	value, err := e.readGroups(ctx, *ref, g)
	switch {
	case errors.Is(err, store.ErrNotFound):
		g.missing = fmt.Errorf("the secret with the groups does not exist: %w", err)
		return g
	case err != nil:
		g.broken = fmt.Errorf("the secret %q with the groups can't be read: %w", ref.Secret, err)
		return g
	}
	found, warnings, err := e.set.ParseGroups(value.Reveal())
	if err != nil {
		g.broken = fmt.Errorf("the secret %q with the groups is not usable: %w", ref.Secret, err)
		return g
	}
	for _, w := range warnings {
		g.warnings = append(g.warnings, fmt.Sprintf("%s: %s", ref.Secret, w))
	}
	for name, group := range found {
		if _, ok := e.set.Groups[name]; ok {
			g.warnings = append(g.warnings, fmt.Sprintf("%s: group %q is defined in the configuration too, which counts", ref.Secret, name))
			continue
		}
		g.all[name] = group
	}
	return g
}

func (e *Engine) readGroups(ctx context.Context, ref store.Ref, g *groups) (secret.Value, error) {
	st, ok := e.set.Stores[ref.Store]
	if !ok {
		return secret.Value{}, fmt.Errorf("store %q is not defined", ref.Store)
	}
	source, err := st.Source(ctx, nil)
	if err != nil {
		return secret.Value{}, err
	}
	got := source.Read(ctx, []secret.Name{ref.Secret})[0]
	g.version = got.Version
	return got.Value, got.Err
}

// usesGroups reports whether any rule can go by groups.
func usesGroups(rules []*plan.Rule) bool {
	for _, r := range rules {
		for _, to := range r.To {
			if to.ByTags || len(to.Groups) > 0 || len(to.Except.Groups) > 0 {
				return true
			}
		}
	}
	return false
}

// needsGroups reports whether a route or a tag names a group that is not known.
func needsGroups(rules []*plan.Rule, views map[secret.StoreName]*view, known map[plan.GroupName]plan.Group) bool {
	unknown := func(name plan.GroupName) bool { _, ok := known[name]; return !ok }
	for _, r := range rules {
		byTags := false
		for _, to := range r.To {
			byTags = byTags || to.ByTags
			for _, name := range to.Groups {
				if unknown(name) {
					return true
				}
			}
			for _, name := range to.Except.Groups {
				if unknown(name) {
					return true
				}
			}
		}
		if !byTags || views[r.From] == nil {
			continue
		}
		for i := range views[r.From].metas {
			for _, tag := range []string{plan.TagSyncGroup, plan.TagNoSyncGroup} {
				if name, ok := views[r.From].metas[i].Tags[tag]; ok && unknown(plan.GroupName(name)) {
					return true
				}
			}
		}
	}
	return false
}
