package notify

import (
	"strings"
	"time"
)

// What a message is about.
const (
	Failed   = "failed"   // a run in which something failed, was refused, could not be looked at or was held back
	Resolved = "resolved" // the end of a failure that was told before
)

// Message is what is told of one run. It has names, places, outcomes and errors, never the value of a secret or a part of one.
type Message struct {
	Version  int       `json:"version"` // 1
	RunID    string    `json:"runId"`
	Owner    string    `json:"owner"`
	Account  string    `json:"account"` // of the hub; empty where there is none
	Region   string    `json:"region"`
	Time     time.Time `json:"time"`
	Outcome  string    `json:"outcome"`         // Failed or Resolved
	Error    string    `json:"error,omitempty"` // why nothing was attempted; empty where something was
	Syncs    []string  `json:"syncs"`
	Summary  Summary   `json:"summary"`
	Failures []Failure `json:"failures"`
	Problems []Problem `json:"problems"`
	Brakes   []Brake   `json:"brakes"`
	Omitted  Omitted   `json:"omitted,omitzero"` // set by Send
}

// Summary counts what became of the changes of a run.
type Summary struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Metadata  int `json:"metadata"`
	Restored  int `json:"restored"`
	Deleted   int `json:"deleted"`
	Kept      int `json:"kept"`
	Refused   int `json:"refused"`
	Failed    int `json:"failed"`
	Skipped   int `json:"skipped"`
	Unchanged int `json:"unchanged"`
}

// Failure is a change that was not made.
type Failure struct {
	Sync    string `json:"sync"`
	Source  string `json:"source"` // "hub app/db"
	Name    string `json:"name"`   // of the copy
	Target  string `json:"target"` // "spokes 111111111111/us-east-1"; empty where routing itself was refused
	Action  string `json:"action"`
	Outcome string `json:"outcome"` // failed, refused or skipped
	Reason  string `json:"reason"`
	Error   string `json:"error"`
}

// Problem is something that could not be looked at.
type Problem struct {
	Sync   string `json:"sync"`
	Target string `json:"target"` // empty: a source or the groups
	Error  string `json:"error"`
}

// Brake is a target whose deletions were held back.
type Brake struct {
	Target  string `json:"target"`
	Deletes int    `json:"deletes"`
	Of      int    `json:"of"`
	Limit   int    `json:"limit"`
}

// Omitted counts the entries of lists that were cut.
type Omitted struct {
	Failures int `json:"failures"`
	Problems int `json:"problems"`
	Brakes   int `json:"brakes"`
}

// What a message holds at most.
const (
	maxEntries = 1000 // of each list
	maxError   = 2000 // bytes of each text
)

// bounded returns the message with its lists and texts cut to what receivers take, and every text valid UTF-8. The lists of m stay as they are. No list is
// null in JSON.
func (m Message) bounded() Message {
	if m.Version == 0 {
		m.Version = 1
	}
	m.Syncs = append([]string{}, m.Syncs...)
	m.Failures, m.Omitted.Failures = first(m.Failures)
	m.Problems, m.Omitted.Problems = first(m.Problems)
	m.Brakes, m.Omitted.Brakes = first(m.Brakes)
	texts := []*string{&m.RunID, &m.Owner, &m.Account, &m.Region, &m.Outcome, &m.Error}
	for i := range m.Syncs {
		texts = append(texts, &m.Syncs[i])
	}
	for i := range m.Failures {
		f := &m.Failures[i]
		texts = append(texts, &f.Sync, &f.Source, &f.Name, &f.Target, &f.Action, &f.Outcome, &f.Reason, &f.Error)
	}
	for i := range m.Problems {
		p := &m.Problems[i]
		texts = append(texts, &p.Sync, &p.Target, &p.Error)
	}
	for i := range m.Brakes {
		texts = append(texts, &m.Brakes[i].Target)
	}
	for _, s := range texts {
		*s = cut(*s, maxError)
	}
	return m
}

// first returns a copy of the first maxEntries, and how many are left out.
func first[E any](all []E) ([]E, int) {
	n := min(len(all), maxEntries)
	return append([]E{}, all[:n]...), len(all) - n
}

// cut returns at most so many bytes of a text; "..." is its end where it was longer. No character is halved, and what is not UTF-8 is dropped.
func cut(s string, most int) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-3], "") + "..."
}

// data returns the message as maps, with the names that the fields have in Go, for templates. Every text passes through as.
func (m Message) data(as func(string) string) map[string]any {
	failures, problems, brakes, syncs := []any{}, []any{}, []any{}, []any{}
	for _, f := range m.Failures {
		failures = append(failures, map[string]any{
			"Sync": as(f.Sync), "Source": as(f.Source), "Name": as(f.Name), "Target": as(f.Target), "Action": as(f.Action), "Outcome": as(f.Outcome),
			"Reason": as(f.Reason), "Error": as(f.Error),
		})
	}
	for _, p := range m.Problems {
		problems = append(problems, map[string]any{"Sync": as(p.Sync), "Target": as(p.Target), "Error": as(p.Error)})
	}
	for _, b := range m.Brakes {
		brakes = append(brakes, map[string]any{"Target": as(b.Target), "Deletes": b.Deletes, "Of": b.Of, "Limit": b.Limit})
	}
	for _, s := range m.Syncs {
		syncs = append(syncs, as(s))
	}
	s := m.Summary
	return map[string]any{
		"Version": m.Version, "RunID": as(m.RunID), "Owner": as(m.Owner), "Account": as(m.Account), "Region": as(m.Region),
		"Time": m.Time.UTC().Format(time.RFC3339), "Outcome": as(m.Outcome), "Error": as(m.Error), "Syncs": syncs,
		"Summary": map[string]any{
			"Created": s.Created, "Updated": s.Updated, "Metadata": s.Metadata, "Restored": s.Restored, "Deleted": s.Deleted, "Kept": s.Kept,
			"Refused": s.Refused, "Failed": s.Failed, "Skipped": s.Skipped, "Unchanged": s.Unchanged,
		},
		"Failures": failures, "Problems": problems, "Brakes": brakes,
		"Omitted": map[string]any{"Failures": m.Omitted.Failures, "Problems": m.Omitted.Problems, "Brakes": m.Omitted.Brakes},
	}
}
