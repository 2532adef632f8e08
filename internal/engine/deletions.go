package engine

import (
	"slices"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Deletions counts the deletions that runs after hints were let make in the last day, by place: each of them is a run of its own, and for the brakes they are one.
// A process that goes on keeps one for all its engines; marks tell other processes, as soon as listings show them. The zero Deletions is ready; it is safe for
// concurrent use.
type Deletions struct {
	mu sync.Mutex
	at map[secret.Place][]time.Time
}

// brakesLookBack is how long a deletion counts.
const brakesLookBack = 24 * time.Hour

// admit returns how many deletions there are in a place with n more, where a listing shows some of those before. If held lets so many go, the n are counted from now on.
func (d *Deletions) admit(now time.Time, at secret.Place, n, listed int, held func(total int) bool) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := slices.DeleteFunc(d.at[at], func(t time.Time) bool { return now.Sub(t) >= brakesLookBack })
	total := max(listed, len(before)) + n
	if !held(total) {
		before = append(before, slices.Repeat([]time.Time{now}, n)...)
	}
	if d.at == nil {
		d.at = map[secret.Place][]time.Time{}
	}
	d.at[at] = before
	return total
}
