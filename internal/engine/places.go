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
	type pair struct {
		rule    *plan.Rule
		routing *plan.Routing
	}
	done := map[pair]bool{}
	for _, c := range s.candidates {
		for _, routing := range c.routings {
			if p := (pair{c.want.Rule, routing}); !done[p] {
				done[p] = true
				for _, t := range routing.Targets {
					add(c.want.Rule, t)
				}
			}
		}
	}
	for _, r := range s.rules {
		if s.failed[r.Name] != nil || s.options.limited() {
			continue
		}
		for i := range r.To {
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
	var all []*plan.Want
	for _, c := range s.candidates {
		if s.failed[c.want.Rule.Name] != nil {
			continue
		}
		for _, r := range c.routings {
			targets, ok := through[r]
			if !ok {
				for i, t := range place {
					if r.Has(t) {
						targets = append(targets, i)
					}
				}
				through[r] = targets
			}
			for _, i := range targets {
				w := c.want
				if len(place) > 1 {
					here := *w
					here.At = &place[i]
					w = &here
				}
				all = append(all, w)
			}
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
