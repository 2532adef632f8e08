package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// absence is what a strong read said of the source of an orphan.
type absence struct {
	meta secret.Meta
	err  error
}

type sourceKey struct {
	store secret.StoreName
	name  secret.Name
}

// prove keeps every orphan whose deletion is not proved: by this run's strong read of the source, which must be gone, or exist and not be routed there.
// A whole listing that the reads contradict too often counts as incomplete: its syncs fail, and all their steps go.
func (e *Engine) prove(ctx context.Context, s *scope, p *plan.Plan, all []*seen) {
	incomplete := s.options.Hints == nil && s.incomplete() // contest looks at every source
	asked := map[sourceKey]*absence{}
	for _, at := range all {
		for _, st := range at.steps {
			if st.Action != plan.Remove {
				continue
			}
			if incomplete {
				keep(st, "not deleted: a source could not be read as a whole in this run")
				continue
			}
			key, why := e.provable(s, st)
			if why != "" {
				keep(st, why)
				continue
			}
			asked[key] = &absence{}
		}
	}
	if len(asked) == 0 {
		return
	}
	for _, at := range all {
		at.keepWhereRefused()
	}
	keys := make([]sourceKey, 0, len(asked))
	for k := range asked {
		keys = append(keys, k)
	}
	each(ctx, len(keys), statsAtOnce, func(i int) {
		a := asked[keys[i]]
		a.meta, a.err = s.views[keys[i].store].source.Stat(ctx, keys[i].name)
	})
	contradicted := map[secret.SyncName]bool{}
	for _, at := range all {
		stale := map[secret.SyncName]int{}
		for _, st := range at.steps {
			if st.Action != plan.Remove {
				continue
			}
			key, _ := e.provable(s, st)
			contradicts, err := e.judge(s, st, asked[key])
			if err != nil {
				p.Problems = append(p.Problems, plan.Problem{Sync: st.Sync, Target: st.Target, Error: fmt.Sprintf("%q is not deleted: nothing proves that its source is gone: %v", st.Name, err)})
			}
			if contradicts {
				stale[st.Sync]++
				entry := plan.StaleList{Sync: st.Sync, Name: key.name}
				if !slices.Contains(p.StaleList, entry) {
					p.StaleList = append(p.StaleList, entry)
				}
			}
		}
		for sync, n := range stale {
			if _, beyond := e.limits().Held(at.target, n, at.ours, -1); beyond {
				contradicted[sync] = true
			}
		}
	}
	for sync := range contradicted {
		e.failSync(s, p, all, sync)
	}
	if len(contradicted) > 0 {
		for _, at := range all {
			for _, st := range at.steps {
				if st.Action == plan.Remove {
					keep(st, "not deleted: a source's listing was incomplete in this run")
				}
			}
		}
	}
}

// keepWhereRefused keeps the orphans whose source is to have another copy there, which is refused: deleting them would leave the target without any.
func (at *seen) keepWhereRefused() {
	refused := map[secret.Identity]secret.Name{}
	for _, st := range at.steps {
		if st.Action == plan.Refusal && st.want != nil {
			refused[secret.Identity(st.want.Identity().Tag())] = st.Name
		}
	}
	for _, st := range at.steps {
		if name, ok := refused[st.mark()]; ok && st.Action == plan.Remove {
			keep(st, fmt.Sprintf("not deleted: its source's copy %q here is refused", name))
		}
	}
}

// mark returns the source that the copy of a step is of, as its mark says; empty where there is no copy.
func (st *step) mark() secret.Identity {
	if st.have == nil {
		return ""
	}
	return st.have.Mark.Source
}

func keep(st *step, detail string) { st.Action, st.Detail = plan.Keep, detail }

// provable returns what to ask for the source of an orphan, or why there is nothing to ask.
func (e *Engine) provable(s *scope, st *step) (sourceKey, string) {
	r := e.rule(st.Sync)
	if r == nil || s.views[r.From] == nil {
		return sourceKey{}, "not deleted: its sync is not part of this run"
	}
	v := s.views[r.From]
	switch name, ok := v.sourceOf(st.have); {
	case ok && !v.shows(name):
		return sourceKey{}, fmt.Sprintf("not deleted: its source %q is outside of the prefix of store %q now", name, r.From)
	case ok:
		return sourceKey{r.From, name}, ""
	}
	if name, _ := st.have.Mark.Source.NameAt(v.place); plan.Merged(st.Sync, name) {
		return sourceKey{}, "not deleted: it was made of several secrets, and what they were is not known any more: delete it by hand"
	}
	if strings.HasPrefix(string(st.have.Mark.Source), string(secret.NewIdentity(v.place, ""))) {
		return sourceKey{}, fmt.Sprintf("not deleted: its mark, %s, is too short to tell the name of its source for sure: delete it by hand", st.have.Mark.Source)
	}
	return sourceKey{}, fmt.Sprintf("not deleted: it is a copy of %s, which is not in the store that its sync reads now", st.have.Mark.Source)
}

// judge turns a deletion that the answer does not prove into a keep, and reports whether the answer contradicts the listing, or why there was none.
func (e *Engine) judge(s *scope, st *step, a *absence) (contradicts bool, err error) {
	switch {
	case errors.Is(a.err, store.ErrNotFound), a.err == nil && !a.meta.Deleted.IsZero():
		st.Reason = plan.SourceDeleted
		return false, nil
	case a.err != nil:
		keep(st, "not deleted: nothing proves that its source is gone")
		return false, a.err
	case a.meta.Name == "":
		keep(st, "not deleted: the run ended before its source was looked at")
		return false, nil
	}
	st.Reason, st.Source.Version = plan.Unwanted, a.meta.Version
	view := s.views[e.rule(st.Sync).From]
	if _, found := view.find(a.meta.Name); view.covers(a.meta.Name) && !found {
		keep(st, "not deleted: the listing left its source out, which exists (stale list)")
		return true, nil
	}
	rule, routing, unnamed := e.wantedBy(s, st, &a.meta)
	switch {
	case unnamed != nil:
		keep(st, fmt.Sprintf("not deleted: under which name its source is wanted can't be told: %v", unnamed))
		return false, nil
	case rule == nil:
		if why := e.renamed(st, a.meta.Name); why != "" {
			keep(st, why)
		}
		return false, nil
	case routing.Refused != "":
		keep(st, fmt.Sprintf("not deleted: where sync %q sends its source is refused (%s)", rule.Name, routing.Detail))
		return false, nil
	}
	keep(st, fmt.Sprintf("not deleted: its source is routed here by sync %q, which the listing did not show yet (stale list)", rule.Name))
	return true, nil
}

// renamed says why a copy that its source's name brought to a cluster is kept where that name is for another cluster: a name does not change, so what the store calls
// its cluster has.
func (e *Engine) renamed(st *step, source secret.Name) string {
	r := e.rule(st.Sync)
	for i := range r.To {
		to := &r.To[i]
		if !to.ByName || to.Store != st.Target.Store {
			continue
		}
		if _, nowhere, err := e.ways[to].within(e.set.Stores[to.Store], source); err == nil && nowhere != "" {
			return "not deleted: " + nowhere + ": if the cluster was renamed, let cluster: of the store be its old name"
		}
	}
	return ""
}

// wantedBy returns a rule that routes the source, as it was just described, to the step's target under the copy's name, or can't tell where to;
// or why the name that a rule wants it under can't be told.
func (e *Engine) wantedBy(s *scope, st *step, m *secret.Meta) (rule *plan.Rule, where *plan.Routing, unnamed error) {
	for _, r := range s.rules {
		v := s.views[r.From]
		if v.place != s.views[e.rule(st.Sync).From].place || !e.selects(s, r, v, m) {
			continue
		}
		for i := range r.To {
			to := &r.To[i]
			if s.broken[to] != nil {
				continue
			}
			names, err := e.ways[to].names(e.set.Stores[to.Store], m.Name)
			if err == nil && !slices.Contains(names, st.have.Name) {
				continue
			}
			namespace, nowhere, bad := e.ways[to].within(e.set.Stores[to.Store], m.Name)
			switch {
			case nowhere != "":
				continue
			case bad != nil:
				return r, &plan.Routing{}, bad
			}
			routing := s.router.Route(r, i, v.place, m, namespace)
			here := slices.ContainsFunc(routing.Targets, func(t plan.Target) bool { return t.Place == st.Target.Place })
			switch {
			case here && err != nil:
				return r, routing, err
			case here || routing.Refused != "" && err == nil:
				return r, routing, nil
			}
		}
	}
	return nil, nil, nil
}

// failSync drops everything that a sync would do.
func (e *Engine) failSync(s *scope, p *plan.Plan, all []*seen, sync secret.SyncName) {
	err := fmt.Errorf("the listing of source store %q is incomplete: secrets that it left out exist; nothing was planned for this sync", e.rule(sync).From)
	s.failed[sync] = err
	p.Problems = append(p.Problems, plan.Problem{Sync: sync, Error: err.Error()})
	for _, at := range all {
		at.steps = slices.DeleteFunc(at.steps, func(st *step) bool { return st.Sync == sync })
	}
}
