package awscfg

import (
	"fmt"
	"sync"
)

// breakerLimit is how many calls in a row must fail until a target is given up for the run.
const breakerLimit = 5

// breaker gives a service of one account and Region up after breakerLimit calls in a row that were not answered, retries included:
// no connection, a server's error, throttled to the end. A refusal is an answer. It stays open until the next run.
type breaker struct {
	mu     sync.Mutex
	failed int
}

// BrokenError says that a call was not tried.
type BrokenError struct{ Failed int }

func (e *BrokenError) Error() string {
	return fmt.Sprintf("not tried: the target failed %d times in a row", e.Failed)
}

// allow returns a *BrokenError if the breaker is open.
func (b *breaker) allow() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed >= breakerLimit {
		return &BrokenError{b.failed}
	}
	return nil
}

func (b *breaker) record(o Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch o {
	case OK, Refused:
		if b.failed < breakerLimit { // one straggler does not close it again
			b.failed = 0
		}
	case Throttled, TimedOut, Failed:
		b.failed++
	case Canceled:
	}
}

func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = 0
}
