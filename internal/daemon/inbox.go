package daemon

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// What is held at most.
const (
	maxHeld  = 20_000 // messages that were received and not yet settled; SQS gives out no more of a FIFO queue, and 120,000 of another
	maxHints = 200    // secrets of one run
	maxWish  = 50_000 // secrets that wait to be looked at, before no more messages are received: one message more may name some
)

// ticket is a message that was received, until what it asks for is done.
type ticket struct {
	Message
	open   int       // how much of what it asks for is still to be done
	failed bool      // a part of it: the message stays in the queue
	until  time.Time // when the queue shows it to others again
}

// wish is a secret that is to be looked at, and the messages that say so.
type wish struct {
	hint    event.Hint
	key     string
	tickets []*ticket
}

// request is a run that messages ask for.
type request struct {
	run     event.Run
	key     string
	tickets []*ticket
}

// inbox holds what messages ask for: one wish per secret, however many messages are about it, oldest first. It is safe for concurrent use.
type inbox struct {
	mu       sync.Mutex
	changed  chan struct{} // closed, and replaced, when something changes
	wishes   []*wish
	waiting  map[string]*wish // the wishes by key
	requests []*request
	orders   []*order
	busy     map[secret.Name]int // names that runs are about
	held     map[*ticket]bool
}

func newInbox() *inbox {
	return &inbox{changed: make(chan struct{}), waiting: map[string]*wish{}, busy: map[secret.Name]int{}, held: map[*ticket]bool{}}
}

// tell wakes everybody who waits. The caller holds mu.
func (b *inbox) tell() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// arrival is a message with what it asks for: secrets to look at, runs, rotations, or several of them.
type arrival struct {
	ticket  *ticket
	hints   []event.Hint
	runs    []event.Run
	rotates []event.Rotate
}

// asks reports whether the message asks for anything.
func (a arrival) asks() bool { return len(a.hints)+len(a.runs)+len(a.rotates) > 0 }

// add takes messages in, all before anybody takes anything out.
func (b *inbox) add(all ...arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range all {
		b.admit(a.ticket, a.hints, a.runs)
		for _, r := range a.rotates {
			b.admitRotate(a.ticket, r)
		}
	}
	if len(all) > 0 {
		b.tell()
	}
}

func (b *inbox) admit(t *ticket, hints []event.Hint, runs []event.Run) {
	b.held[t] = true
	for _, h := range event.Merge(hints) {
		t.open++
		key := keyOf(h)
		w := b.waiting[key]
		if w == nil {
			w = &wish{hint: h, key: key}
			b.wishes, b.waiting[key] = append(b.wishes, w), w
		}
		w.hint.Sweep = w.hint.Sweep || h.Sweep
		w.tickets = append(w.tickets, t)
	}
	for _, r := range runs {
		t.open++
		key := keyOfRun(r)
		i := slices.IndexFunc(b.requests, func(r *request) bool { return r.key == key })
		if i < 0 {
			i = len(b.requests)
			b.requests = append(b.requests, &request{run: r, key: key})
		}
		b.requests[i].tickets = append(b.requests[i].tickets, t)
	}
}

// keyOf is the same for hints that event.Merge makes one of.
func keyOf(h event.Hint) string {
	names := make([]string, len(h.Names))
	for i, n := range h.Names {
		names[i] = string(n)
	}
	slices.Sort(names)
	return strings.Join(append([]string{string(h.Kind), string(h.Account), string(h.Region)}, slices.Compact(names)...), "\x00")
}

func keyOfRun(r event.Run) string {
	var b strings.Builder
	for _, s := range r.Syncs {
		b.WriteString(string(s) + "\x00")
	}
	return b.String() + "\x01" + strings.Join(r.Only, "\x00")
}

// take waits for wishes about secrets that no run is about, and returns the oldest; none when ctx ends. Whoever takes calls done.
func (b *inbox) take(ctx context.Context) []*wish {
	for ctx.Err() == nil {
		b.mu.Lock()
		taken, changed := b.choose(), b.changed
		b.mu.Unlock()
		if len(taken) > 0 {
			return taken
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	return nil
}

func (b *inbox) choose() []*wish {
	var taken, left []*wish
	for _, w := range b.wishes {
		if len(taken) == maxHints || slices.ContainsFunc(w.hint.Names, func(n secret.Name) bool { return b.busy[n] > 0 }) {
			left = append(left, w)
			continue
		}
		taken = append(taken, w)
	}
	if len(taken) == 0 {
		return nil
	}
	b.wishes = left
	for _, w := range taken {
		delete(b.waiting, w.key)
		for _, n := range w.hint.Names {
			b.busy[n]++
		}
	}
	return taken
}

// done says that the run about wishes is over, and for which of them it failed. It returns the messages with nothing left to do.
func (b *inbox) done(wishes []*wish, failed func(*wish) bool) []*ticket {
	b.mu.Lock()
	defer b.mu.Unlock()
	var over []*ticket
	for _, w := range wishes {
		for _, n := range w.hint.Names {
			if b.busy[n]--; b.busy[n] <= 0 {
				delete(b.busy, n)
			}
		}
		over = append(over, b.settle(w.tickets, failed(w))...)
	}
	b.tell()
	return over
}

// takeRequests returns the runs that messages ask for and that choose wants. Whoever takes one calls doneRequest.
func (b *inbox) takeRequests(choose func(*request) bool) []*request {
	b.mu.Lock()
	defer b.mu.Unlock()
	var taken []*request
	b.requests = slices.DeleteFunc(b.requests, func(r *request) bool {
		if !choose(r) {
			return false
		}
		taken = append(taken, r)
		return true
	})
	return taken
}

func (b *inbox) doneRequest(r *request, failed bool) []*ticket {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.tell()
	return b.settle(r.tickets, failed)
}

// settle counts one thing of each message as done, and returns the messages with nothing left to do. The caller holds mu.
func (b *inbox) settle(tickets []*ticket, failed bool) []*ticket {
	var over []*ticket
	for _, t := range tickets {
		t.failed = t.failed || failed
		if t.open--; t.open == 0 {
			delete(b.held, t)
			over = append(over, t)
		}
	}
	return over
}

// room waits until there is room for more messages. The error is ctx's.
func (b *inbox) room(ctx context.Context) error {
	for {
		b.mu.Lock()
		full, changed := len(b.held) >= maxHeld || len(b.wishes) >= maxWish, b.changed
		b.mu.Unlock()
		if err := ctx.Err(); err != nil || !full {
			return err
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// expiring returns the messages that the queue shows to others before a time, and counts them as hidden until another.
func (b *inbox) expiring(before, until time.Time) []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Message
	for t := range b.held {
		if t.until.Before(before) {
			t.until = until
			all = append(all, t.Message)
		}
	}
	return all
}

// clear forgets everything, and returns the messages that were held.
func (b *inbox) clear() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Message
	for t := range b.held {
		all = append(all, t.Message)
	}
	b.wishes, b.requests, b.orders = nil, nil, nil
	clear(b.waiting)
	clear(b.held)
	b.tell()
	return all
}

// sizes returns how many messages are held, and how many secrets wait.
func (b *inbox) sizes() (messages, wishes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.held), len(b.wishes)
}

// asked returns a channel that is closed when the inbox changes.
func (b *inbox) asked() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}
