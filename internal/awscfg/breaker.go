package awscfg

import (
	"context"
	"fmt"
	"sync"
)

const (
	breakerLimit = 5 // calls in a row without an answer open the breaker
	probeLimit   = 3 // probes that fail, one after the other, leave it open for the rest of the run
)

// breaker gives a service of one account and Region up after breakerLimit calls in a row that were not answered, retries included: no connection, a server's
// error, throttled to the end. A refusal is an answer.
//
//	closed   every call is made
//	open     one call at a time is made, without retries, as a probe; the others wait for what becomes of it. If it is answered, the breaker is closed:
//	         a few bad secrets don't stop the good ones
//	given up probeLimit probes failed: no call is made until the next run
type breaker struct {
	mu      sync.Mutex
	failed  int           // calls in a row
	probes  int           // since it opened
	probing chan struct{} // closed when the probe that is under way is over; nil: there is none
}

// BrokenError says that a call was not tried.
type BrokenError struct{ Failed int }

func (e *BrokenError) Error() string {
	return fmt.Sprintf("not tried: the target failed %d times in a row", e.Failed)
}

// enter waits until a call may be made, and says whether it is a probe; a *BrokenError if it must not. Whoever enters calls record.
func (b *breaker) enter(ctx context.Context) (probe bool, err error) {
	for {
		b.mu.Lock()
		probing := b.probing
		switch {
		case b.failed < breakerLimit:
			b.mu.Unlock()
			return false, nil
		case probing == nil && b.probes >= probeLimit:
			defer b.mu.Unlock()
			return false, &BrokenError{b.failed}
		case probing == nil:
			b.probing = make(chan struct{})
			b.probes++
			b.mu.Unlock()
			return true, nil
		}
		b.mu.Unlock()
		select {
		case <-probing:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// open reports whether calls are not made as usual.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed >= breakerLimit
}

func (b *breaker) record(o Outcome, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		close(b.probing)
		b.probing = nil
	}
	switch o {
	case OK, Refused:
		if probe || b.failed < breakerLimit { // a straggler does not close it
			b.failed, b.probes = 0, 0
		}
	case Throttled, TimedOut, Failed:
		b.failed++
	case Canceled:
	}
}

func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed, b.probes = 0, 0
}
