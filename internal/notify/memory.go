package notify

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// maxRemembered bounds a Memory: of any sync beyond, every failure is told.
const maxRemembered = 4096

// Memory decides which runs of a process that goes on are worth a message: a failure is told once, again when what failed has changed, and its end once.
// The zero Memory remembers nothing. It is safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	syncs map[string]*remembered
}

type remembered struct {
	failure [sha256.Size]byte // that was told last
	told    bool              // somebody knows that something is wrong
	before  bool              // told, before the message that Next returned last
}

// Next is told how every run of a sync ended, and returns the message that is to be sent, if one is. m.Outcome is Failed, or anything else for a run in which
// nothing failed. What makes two failures the same is what failed, where and why by its reason; the words of an error, in which there are request ids, don't count.
func (r *Memory) Next(sync string, m Message) (Message, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.syncs[sync]
	if m.Outcome != Failed {
		if known == nil {
			return Message{}, false
		}
		delete(r.syncs, sync)
		m.Outcome = Resolved
		return m, known.told
	}
	failure := fingerprint(m)
	switch {
	case known == nil && len(r.syncs) >= maxRemembered:
		return m, true
	case known == nil:
		known = &remembered{}
		if r.syncs == nil {
			r.syncs = map[string]*remembered{}
		}
		r.syncs[sync] = known
	case known.failure == failure:
		return Message{}, false
	}
	*known = remembered{failure: failure, told: true, before: known.told}
	return m, true
}

// Undelivered takes back what Next remembered of a message that reached nobody: the next run says it again.
func (r *Memory) Undelivered(sync string, m Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.syncs[sync]
	switch {
	case m.Outcome == Resolved && known == nil && r.syncs != nil && len(r.syncs) < maxRemembered:
		r.syncs[sync] = &remembered{told: true}
	case m.Outcome == Failed && known != nil && known.failure == fingerprint(m):
		known.failure, known.told = [sha256.Size]byte{}, known.before
	}
}

// fingerprint tells one set of failures from another.
func fingerprint(m Message) [sha256.Size]byte {
	var all [][]string
	if m.Error != "" {
		all = append(all, []string{"error", withoutNumbers(m.Error)})
	}
	for _, f := range m.Failures {
		all = append(all, []string{"failure", f.Sync, f.Source, f.Name, f.Target, f.Action, f.Outcome, f.Reason})
	}
	for _, p := range m.Problems {
		all = append(all, []string{"problem", p.Sync, p.Target})
	}
	for _, b := range m.Brakes {
		all = append(all, []string{"brake", b.Target})
	}
	slices.SortFunc(all, slices.Compare)
	data, err := json.Marshal(all)
	if err != nil { // lists of text: it can't be
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(data)
}

// withoutNumbers returns the words of an error that have no digit: request ids and times are different every time.
func withoutNumbers(s string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(s), func(word string) bool { return strings.ContainsFunc(word, unicode.IsDigit) }), " ")
}
