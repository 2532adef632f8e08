package engine

import (
	"maps"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// places returns what the run looks at: every place that a secret goes to and, for a whole run, that the configuration or a tag can name, with the targets
// that are there, one for each store. In order of targets.
func (s *scope) places() [][]plan.Target {
	targets := map[plan.Target]bool{}
	about := map[secret.Place]bool{}
	add := func(r *plan.Rule, t plan.Target) {
		targets[t] = true
		about[t.Place] = about[t.Place] || s.options.about(r)
	}
	done := map[*plan.Routing]map[*plan.Rule]bool{}
	for _, c := range s.candidates {
		if done[c.routing][c.want.Rule] || c.aside {
			continue
		}
		if done[c.routing] == nil {
			done[c.routing] = map[*plan.Rule]bool{}
		}
		done[c.routing][c.want.Rule] = true
		for _, t := range c.routing.Targets {
			add(c.want.Rule, t)
		}
	}
	for _, r := range s.rules {
		if s.failed[r.Name] != nil || s.options.limited() || s.options.Hints != nil && len(s.views[r.From].sweep) == 0 {
			continue
		}
		for i := range r.To {
			if s.broken[&r.To[i]] != nil {
				continue
			}
			for _, t := range s.router.Reach(r, i, s.views[r.From].place) {
				add(r, t)
			}
		}
	}
	var all [][]plan.Target
	index := map[secret.Place]int{}
	for _, t := range slices.SortedFunc(maps.Keys(targets), plan.Target.Compare) {
		if !about[t.Place] {
			continue
		}
		i, ok := index[t.Place]
		if !ok {
			i = len(all)
			index[t.Place] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], t)
	}
	return all
}

// wants returns what a place shall hold, sorted by name, through whichever of the stores that are there.
func (s *scope) wants(place []plan.Target) []*plan.Want {
	through := map[*plan.Routing][]int{} // which of the targets a routing goes to
	parts := map[mergeKey]*merged{}
	var all []*plan.Want
	var made []*merged
	for _, c := range s.candidates {
		if s.failed[c.want.Rule.Name] != nil {
			continue
		}
		targets, ok := through[c.routing]
		if !ok {
			for i, t := range place {
				if c.routing.Has(t) {
					targets = append(targets, i)
				}
			}
			through[c.routing] = targets
		}
		for _, i := range targets {
			w := c.want
			if len(place) > 1 || c.merge {
				here := *w
				here.At = &place[i]
				w = &here
			}
			if !c.merge {
				all = append(all, w)
				continue
			}
			key := mergeKey{w.Route, w.Name, i}
			m := parts[key]
			if m == nil {
				m = &merged{want: w}
				parts[key] = m
				made = append(made, m)
			}
			m.add(c)
		}
	}
	for _, m := range made {
		if m.about {
			all = append(all, m.want)
		}
	}
	if len(made) > 0 {
		plan.SortWants(all)
	}
	return all
}

// mergeKey is one copy that is made of several secrets.
type mergeKey struct {
	route  *plan.Route
	name   secret.Name
	target int
}

type merged struct {
	want  *plan.Want
	about bool // the run is about one of its parts
}

// add adds a part. One that must not be read keeps the whole copy as it is.
func (m *merged) add(c *candidate) {
	m.want.Inputs = append(m.want.Inputs, c.want.Source)
	m.about = m.about || !c.aside
	if c.want.Refused != "" && m.want.Refused == "" {
		m.want.Refused, m.want.Detail = c.want.Refused, c.want.Detail
	}
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
