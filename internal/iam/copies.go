package iam

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/shape"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// copies returns the names that copies can have by the i-th route of a rule, given those of its sources: never less. Where that is every name although the store
// holds more than ours, a warning says how to have less.
func (g *generator) copies(r *plan.Rule, i int, st Store, from []pattern) []pattern {
	if !inAWS(st) {
		return nil
	}
	to := r.To[i]
	all := renamed(st, from)
	if to.Name != "" {
		all = named(to, st, from)
	}
	switch {
	case !st.Traits().Tags && slices.ContainsFunc(all, func(p pattern) bool { return p.unrooted().all() }):
		g.warn("sync %q: its copies in store %q can have any name, and no tag tells ours from others there: the role may read, overwrite and, with deletion, delete every "+
			"parameter: give the store a prefix", r.Name, to.Store)
	case to.Name != "" && slices.ContainsFunc(all, pattern.all):
		g.warn("sync %q: the names that it makes for store %q begin with no fixed text: the role may create a secret of any name there: begin name: with some text", r.Name, to.Store)
	}
	return all
}

func (g *generator) warn(format string, args ...any) {
	if w := fmt.Sprintf(format, args...); !slices.Contains(g.warnings, w) {
		g.warnings = append(g.warnings, w)
	}
}

// probe is a name whose copy shows what a store puts in front.
const probe = "x"

// beginning returns what every name in a store begins with: what it puts in front of a name. It lists and takes nothing else.
func beginning(st store.Store) string {
	if before, ok := strings.CutSuffix(string(st.CopyName(probe)), probe); ok {
		return before
	}
	return ""
}

// within narrows what a selection takes in to what its source holds.
func (g *generator) within(name secret.StoreName, all []pattern) []pattern {
	st, ok := g.Stores[name]
	if !ok {
		return all
	}
	for i, p := range all {
		if narrow, ok := p.below(beginning(st)); ok {
			all[i] = narrow
		}
	}
	return slices.Compact(all)
}

// renamed returns the names of copies where the store names them.
func renamed(st store.Store, from []pattern) []pattern {
	var all []pattern
	for _, p := range from {
		if p.rest == "" {
			all = append(all, pattern{start: string(st.CopyName(secret.Name(p.start)))})
			continue
		}
		if beginning(st) != "" {
			p = p.unrooted()
		}
		if start, ok := strings.CutSuffix(string(st.CopyName(secret.Name(p.start+probe))), probe); ok {
			p.start = start
		} else {
			p = pattern{beginning(st), anything}
		}
		all = append(all, p)
	}
	return all
}

// withKeys adds the keys of a split to names that are known; what begins with something takes them in already.
func withKeys(from []pattern, keys []string) []pattern {
	var all []pattern
	for _, p := range from {
		if p.rest != "" {
			all = append(all, p)
			continue
		}
		for _, key := range keys {
			all = append(all, pattern{start: p.start + "/" + key})
		}
	}
	return all
}

// named returns the names of copies where a template makes them. Names that the store would not take are left out.
//
//	the sources are …     the names are …
//	known by name         what the template makes of each
//	others                what begins with the template's fixed beginning, and with the source's name where the template goes on with that
func named(to plan.Route, st store.Store, from []pattern) []pattern {
	if to.Name == shape.SplitName && to.Shape != nil {
		return renamed(st, withKeys(from, to.Shape.Split))
	}
	var all []pattern
	add := func(p pattern) {
		if p, ok := p.below(beginning(st)); ok && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	namer, err := shape.CompileName(to.Name)
	if err == nil && !slices.ContainsFunc(from, func(p pattern) bool { return p.rest != "" }) {
		keys := []string{""}
		if to.Shape != nil && len(to.Shape.Split) > 0 {
			keys = to.Shape.Split
		}
		for _, p := range from {
			for _, key := range keys {
				if name, err := namer.Name(shape.About{Name: secret.Name(p.start), Key: key}); err == nil {
					add(pattern{start: string(name)})
				}
			}
		}
		return all
	}
	start, action, more := strings.Cut(to.Name, "{{")
	action, _, _ = strings.Cut(action, "}}")
	if inner, trims := strings.CutPrefix(action, "- "); trims {
		start, action = strings.TrimRight(start, " \t\r\n"), inner
	}
	switch {
	case !more:
		add(pattern{start: start})
	case strings.TrimSpace(strings.TrimSuffix(action, " -")) == ".Name":
		for _, p := range from {
			add(pattern{start + p.start, anything})
		}
	default:
		add(pattern{start, anything})
	}
	return all
}
