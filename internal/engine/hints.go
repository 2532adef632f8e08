package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// hinted returns the rules that hints may be about, going by what takes no call to tell.
func (e *Engine) hinted(rules []*plan.Rule, hints []event.Hint) []*plan.Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r *plan.Rule) bool {
		st, ok := e.set.Stores[r.From]
		if !ok {
			return false // which fails the rule
		}
		at, _ := st.Fixed()
		return !slices.ContainsFunc(hints, func(h event.Hint) bool {
			return h.At(at) && slices.ContainsFunc(h.Names, func(n secret.Name) bool { return e.mayBeAbout(r, n) })
		})
	})
}

// mayBeAbout reports whether a rule may select a source of that name, and has a way for it.
func (e *Engine) mayBeAbout(r *plan.Rule, name secret.Name) bool {
	if !strings.HasPrefix(string(name), e.set.Stores[r.From].Scope()) || !r.Select.MayBe(name) {
		return false
	}
	return slices.ContainsFunc(r.To, func(to plan.Route) bool { return !to.ByName }) || slices.ContainsFunc(r.To, func(to plan.Route) bool {
		st, ok := e.set.Stores[to.Store]
		if !ok {
			return true
		}
		_, nowhere, _ := (&way{byName: true}).within(st, name)
		return nowhere == ""
	})
}

// merges reports whether a rule makes one copy of several secrets.
func (e *Engine) merges(r *plan.Rule) bool {
	return slices.ContainsFunc(r.To, func(to plan.Route) bool { return to.Shape != nil && to.Shape.Merge != "" })
}

// follow describes what hints name in a store, once its place is known.
func (v *view) follow(ctx context.Context, hints []event.Hint, about func(secret.Name) bool) (err error) {
	if v.place, err = v.source.Place(ctx); err != nil {
		return err
	}
	v.about, v.sweep = map[secret.Name]bool{}, map[secret.Name]bool{}
	var here []event.Hint
	var names []secret.Name
	for _, h := range hints {
		if !h.At(v.place) {
			continue
		}
		if h.Names = slices.DeleteFunc(slices.Clone(h.Names), func(n secret.Name) bool { return !about(n) }); len(h.Names) > 0 {
			here, names = append(here, h), append(names, h.Names...)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	v.metas = slices.DeleteFunc(v.metas, func(m secret.Meta) bool { // a listing, where there was one, may be late
		_, named := slices.BinarySearch(names, m.Name)
		return named
	})
	known := func(n secret.Name) bool { return v.gone[n] || v.blocked[n] != nil } // before: a rule that makes one copy of several names it
	others := slices.DeleteFunc(slices.Clone(names), known)
	if err := v.describe(ctx, names); err != nil {
		return err
	}
	for _, n := range others {
		if err := v.blocked[n]; errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrBadName) { // no secret can be called that
			delete(v.blocked, n)
			for i := range here {
				here[i].Names = slices.DeleteFunc(here[i].Names, func(name secret.Name) bool { return name == n })
			}
		}
	}
	v.settle(here, others)
	return nil
}

// settle decides which of the names of each hint it is about: those that exist or, where none does, all. Nothing is known of the others.
func (v *view) settle(hints []event.Hint, others []secret.Name) {
	for _, h := range hints {
		exists := slices.ContainsFunc(h.Names, func(n secret.Name) bool { _, ok := v.find(n); return ok })
		for _, n := range h.Names {
			m, found := v.find(n)
			if exists && !found {
				continue
			}
			v.about[n] = true
			if h.Sweep || !found || !m.Deleted.IsZero() {
				v.sweep[n] = true
			}
		}
	}
	for _, n := range others {
		if !v.about[n] {
			delete(v.gone, n)
			delete(v.blocked, n)
		}
	}
}

// sweeping reports whether a run that follows hints looks for copies that are not wanted any more.
func (s *scope) sweeping() bool {
	for _, v := range s.views {
		if len(v.sweep) > 0 {
			return true
		}
	}
	return false
}

// isAbout reports whether a copy is of a secret that a hint names.
func (s *scope) isAbout(c *secret.Copy) bool {
	for _, v := range s.views {
		if name, ok := v.sourceOf(c); ok && v.about[name] {
			return true
		}
	}
	return false
}

// described returns what is looked at in a place by a run that follows hints: the names of wanted copies, and those that copies of swept sources have by the present rules.
func (e *Engine) described(s *scope, at *seen, wants []*plan.Want) (names, swept []secret.Name) {
	for _, w := range wants {
		if !w.Aside {
			names = append(names, w.Name)
		}
	}
	for _, r := range s.rules {
		for name := range s.views[r.From].sweep {
			for i := range r.To {
				swept = append(swept, e.namesAt(s, at, &r.To[i], name)...)
			}
		}
	}
	return names, swept
}

// namesAt returns the names that a route gives the copies of a source in a place; none where it does not lead there.
func (e *Engine) namesAt(s *scope, at *seen, to *plan.Route, source secret.Name) []secret.Name {
	i := slices.IndexFunc(at.place, func(t plan.Target) bool { return t.Store == to.Store })
	if i < 0 {
		return nil
	}
	namespace, nowhere, err := e.ways[to].within(e.set.Stores[to.Store], source)
	if namespace == "" {
		namespace = s.router.Places[to.Store].Namespace
	}
	if nowhere != "" || err != nil || namespace != at.place[i].Namespace {
		return nil
	}
	names, err := e.ways[to].names(e.set.Stores[to.Store], source)
	if err != nil {
		return nil
	}
	return names
}

// observeNamed is observe for a run that follows hints: nothing is listed.
func (e *Engine) observeNamed(ctx context.Context, s *scope, at *seen, wants []*plan.Want) (have []secret.Copy, blocked map[secret.Name]error) {
	names, swept := e.described(s, at, wants)
	all := slices.Concat(names, swept)
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == 0 {
		return nil, nil
	}
	have, blocked = e.describe(ctx, at, nil, all)
	for _, n := range swept {
		if err := blocked[n]; err != nil && !errors.Is(err, store.ErrNotPermitted) && !slices.Contains(names, n) {
			at.unseen = append(at.unseen, fmt.Errorf("whether the copy %q is still wanted could not be told: %w", n, err))
		}
	}
	return have, blocked
}

// unknown says of which secrets that hints name nothing is known: no source has them, and no copy of them was found.
func (s *scope) unknown(steps []*step) []string {
	copied := map[secret.Name]bool{}
	for _, st := range steps {
		copied[st.Source.Name] = true
	}
	missing := map[secret.Name]bool{}
	for _, v := range s.views {
		for n := range v.about {
			if v.gone[n] && !copied[n] {
				missing[n] = true
			}
		}
	}
	for _, v := range s.views { // it may be in another store
		for n := range v.about {
			if _, found := v.find(n); found {
				delete(missing, n)
			}
		}
	}
	var all []string
	for _, n := range slices.Sorted(maps.Keys(missing)) {
		all = append(all, fmt.Sprintf("%s: no source has such a secret, and no copy of it was found", n))
	}
	return all
}

// contest keeps what a run that follows hints would delete, and a source wants that no hint is about: only a listing of every source tells. Where one can't be read as a
// whole, nothing is deleted, as in every run.
func (e *Engine) contest(ctx context.Context, all []*seen) {
	if !slices.ContainsFunc(all, func(at *seen) bool { return slices.ContainsFunc(at.steps, removes) }) {
		return
	}
	rules, err := e.rules(Options{})
	if err != nil {
		return // they were there before
	}
	whole := e.surveyOf(ctx, rules, e.look(ctx, rules, Options{}), Options{})
	incomplete, again := whole.incomplete(), whole.unreached()
	wanted := map[secret.Place]map[secret.Name]*plan.Want{}
	for _, place := range whole.places() {
		names := map[secret.Name]*plan.Want{}
		for _, w := range whole.wants(place) {
			names[w.Name] = w
		}
		wanted[place[0].Place] = names
	}
	for _, at := range all {
		for _, st := range at.steps {
			if !removes(st) {
				continue
			}
			if w := wanted[at.target.Place][st.Name]; w != nil && secret.Identity(w.Identity().Tag()) != st.mark() { // its own source was described
				keep(st, fmt.Sprintf("not deleted: sync %q wants this name here, for %q", w.Rule.Name, w.Source.Name))
			} else if incomplete {
				keep(st, "not deleted: a source could not be read as a whole in this run")
				st.again = again
			}
		}
	}
}

// unreached reports whether something of a source could not be looked at, and may be another time.
func (s *scope) unreached() bool {
	passing := func(err error) bool { return !errors.Is(err, store.ErrNotPermitted) }
	for _, err := range s.failed {
		if passing(err) {
			return true
		}
	}
	for _, v := range s.views {
		for _, err := range v.blocked {
			if passing(err) {
				return true
			}
		}
	}
	return false
}

// weigh lists a place where a run that follows hints is to delete, so that the brakes can be worked out: how many copies are ours, and how many deletions of the last
// day it shows. Where that can't be told, nothing is deleted; the error is not that it is not permitted.
func (e *Engine) weigh(ctx context.Context, s *scope, at *seen) (recent int, err error) {
	have, err := e.list(ctx, at)
	if err != nil {
		denied := errors.Is(err, store.ErrNotPermitted)
		for _, st := range at.steps {
			if removes(st) {
				keep(st, fmt.Sprintf("not deleted: an event deletes only where a listing tells how many deletions there are: %v", err))
				st.again = !denied
			}
		}
		if denied {
			err = nil
		}
		return 0, err
	}
	at.ours = 0
	for i := range have {
		c := &have[i]
		switch {
		case c.Mark.Owner != s.owner:
		case c.Deleted.IsZero():
			at.ours++
		case e.set.Now().Sub(c.Mark.Deleting) < brakesLookBack:
			recent++
		}
	}
	return recent, nil
}

// removes reports whether a step deletes.
func removes(st *step) bool { return st.Action == plan.Remove }
