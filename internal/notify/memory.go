package notify

import (
	"slices"
	"strings"
	"sync"
	"unicode"
)

// maxRemembered bounds a Memory: beyond it, every failure is told.
const maxRemembered = 4096

// Memory decides which runs of a process that goes on are worth a message: a failure is told once, whichever runs see it, and that nothing fails any more once.
// The zero Memory remembers nothing. It is safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	known map[Item]struct{} // what fails, and somebody was told of
	owed  bool              // the end is to be told: nobody heard of it
}

// Item is one thing that fails. Two failures are one item where what fails, where and why by its reason are the same; the words of an error, in which there are request
// ids, don't count.
type Item struct {
	Sync, Source, Target string // as in a Failure; empty where they don't apply. The Sync of a run that ended before anything was attempted has all of its syncs
	What                 string // what else tells it from others
}

// Next is told how a run ended, and returns the message that is to be sent, if one is. m.Outcome is Failed, or anything else for a run in which nothing failed.
// covers says whether the run looked at what failed before: it is then mended if the run does not name it. Nil: it looked at everything.
func (r *Memory) Next(m Message, covers func(Item) bool) (Message, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := items(m)
	before := len(r.known)
	for known := range r.known {
		if !slices.Contains(now, known) && (covers == nil || covers(known)) {
			delete(r.known, known)
		}
	}
	if m.Outcome != Failed {
		over := len(r.known) == 0 && (before > 0 || r.owed)
		r.owed = false
		m.Outcome = Resolved
		return m, over
	}
	news := false
	for _, item := range now {
		if _, ok := r.known[item]; ok {
			continue
		}
		news = true
		if len(r.known) >= maxRemembered {
			continue
		}
		if r.known == nil {
			r.known = map[Item]struct{}{}
		}
		r.known[item] = struct{}{}
	}
	return m, news
}

// Undelivered takes back what Next remembered of a message that reached nobody: the next run that sees it says it again.
func (r *Memory) Undelivered(m Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.Outcome == Resolved {
		r.owed = true
		return
	}
	for _, item := range items(m) {
		delete(r.known, item)
	}
}

// items returns what a message says that fails.
func items(m Message) []Item {
	var all []Item
	if m.Error != "" {
		all = append(all, Item{Sync: strings.Join(m.Syncs, " "), What: "error " + withoutNumbers(m.Error)})
	}
	for _, f := range m.Failures {
		all = append(all, Item{f.Sync, f.Source, f.Target, strings.Join([]string{"failure", f.Name, f.Action, f.Outcome, f.Reason}, " ")})
	}
	for _, p := range m.Problems {
		all = append(all, Item{p.Sync, "", p.Target, "problem"})
	}
	for _, b := range m.Brakes {
		all = append(all, Item{"", "", b.Target, "brake"})
	}
	return all
}

// withoutNumbers returns the words of an error that have no digit: request ids and times are different every time.
func withoutNumbers(s string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(s), func(word string) bool { return strings.ContainsFunc(word, unicode.IsDigit) }), " ")
}
