package rollout

import (
	"slices"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/plan"
)

// Has reports whether a target is selected, whatever other waves select.
func (t Targets) Has(at plan.Target) bool {
	return has(t.Stores, at.Store) && has(t.Accounts, at.Account) && has(t.Regions, at.Region) && has(t.Clusters, at.Cluster) && has(t.Namespaces, at.Namespace)
}

func has[T comparable](some []T, one T) bool { return len(some) == 0 || slices.Contains(some, one) }

// match reports whether a target belongs to the wave, and remembers it.
func (w *wave) match(at plan.Target) bool {
	if !w.of.Targets.Has(at) || slices.ContainsFunc(w.earlier, func(e Wave) bool { return e.Targets.Has(at) }) {
		return false
	}
	w.seen.add(at)
	return true
}

// seen is a set of targets. It is safe for concurrent use.
type seen struct {
	mu  sync.Mutex
	all []plan.Target
}

func (s *seen) add(at plan.Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, found := slices.BinarySearchFunc(s.all, at, plan.Target.Compare); !found {
		s.all = slices.Insert(s.all, i, at)
	}
}

// targets returns the targets, sorted; none is an empty list.
func (s *seen) targets() []plan.Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]plan.Target{}, s.all...)
}
