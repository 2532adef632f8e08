package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// defaultSubject says in one line what happened.
func defaultSubject(m Message) string {
	s := m.Summary
	bad := s.Refused + s.Failed + s.Skipped
	var what string
	switch {
	case m.Outcome == Resolved:
		return "[secretsync] resolved, owner " + m.Owner
	case m.Error != "":
		what = "nothing was attempted"
	case bad > 0:
		what = fmt.Sprintf("%d of %d changes", bad, bad+s.Created+s.Updated+s.Metadata+s.Restored+s.Deleted)
	case len(m.Problems) > 0:
		what = fmt.Sprintf("%d could not be looked at", len(m.Problems)+m.Omitted.Problems)
	default:
		what = "deletions were held back"
	}
	return fmt.Sprintf("[secretsync] run failed: %s, owner %s", what, m.Owner)
}

// defaultText says everything in at most so many bytes: its lists are cut, and say by how much.
func defaultText(m Message, most int) string {
	tail := tailOf(m)
	p := &page{left: most - len(tail)}
	where := fmt.Sprintf("Account: %s, Region: %s. ", orNone(m.Account), orNone(m.Region))
	switch {
	case m.Outcome == Resolved:
		p.add(where + "What was told before is over: the run went through.\n")
	case m.Error != "":
		p.add(where + "Nothing was attempted: " + line(m.Error) + "\n")
	case len(m.Failures) > 0:
		p.add(where + "Failed to create/update the following secrets:\n")
	default:
		p.add(where + "The run failed.\n")
	}
	p.list("", len(m.Failures), m.Omitted.Failures, func(i int) string {
		f := m.Failures[i]
		what := f.Outcome
		if f.Action != "refuse" {
			what += " to " + f.Action
		}
		return line(fmt.Sprintf("- %s to %s: %s (%s, sync %s): %s", f.Name, orNone(f.Target), what, f.Reason, f.Sync, f.Error))
	})
	p.list("What could not be looked at:", len(m.Problems), m.Omitted.Problems, func(i int) string {
		b := m.Problems[i]
		var where []string
		if b.Sync != "" {
			where = append(where, "sync "+b.Sync)
		}
		if b.Target != "" {
			where = append(where, b.Target)
		}
		if len(where) == 0 {
			return line("- " + b.Error)
		}
		return line("- " + strings.Join(where, ", ") + ": " + b.Error)
	})
	p.list("Deletions that were held back:", len(m.Brakes), m.Omitted.Brakes, func(i int) string {
		b := m.Brakes[i]
		return fmt.Sprintf("- %s: %d of %d copies, the limit is %d", line(b.Target), b.Deletes, b.Of, b.Limit)
	})
	return p.String() + tail
}

func tailOf(m Message) string {
	s := m.Summary
	var b strings.Builder
	fmt.Fprintf(&b, "\nSecrets created: %d, Secrets updated: %d", s.Created, s.Updated)
	for _, c := range []struct {
		what string
		n    int
	}{
		{"metadata", s.Metadata}, {"restored", s.Restored}, {"deleted", s.Deleted}, {"kept", s.Kept},
		{"refused", s.Refused}, {"failed", s.Failed}, {"skipped", s.Skipped}, {"unchanged", s.Unchanged},
	} {
		if c.n > 0 {
			fmt.Fprintf(&b, ", %s: %d", c.what, c.n)
		}
	}
	fmt.Fprintf(&b, "\nOwner: %s. Run: %s, %s\n", line(m.Owner), line(m.RunID), m.Time.UTC().Format(time.RFC3339))
	if len(m.Syncs) > 0 {
		fmt.Fprintf(&b, "Syncs: %s\n", cut(line(strings.Join(m.Syncs, ", ")), maxError))
	}
	return b.String()
}

// page is a text that has so many bytes left.
type page struct {
	strings.Builder
	left int
}

// room is kept for the line that says how many more there are.
const room = 40

func (p *page) add(s string) {
	_, _ = p.WriteString(s)
	p.left -= len(s)
}

// list adds the lines of a list, as many as there is room for.
func (p *page) list(title string, n, omitted int, entry func(int) string) {
	if n+omitted == 0 {
		return
	}
	p.left -= room
	p.add("\n")
	if title != "" {
		p.add(title + "\n")
	}
	for i := range n {
		s := entry(i) + "\n"
		if len(s) > p.left-2*room-len(title) { // the lists that follow say at least how long they are
			omitted += n - i
			break
		}
		p.add(s)
	}
	if omitted > 0 {
		_, _ = fmt.Fprintf(p, "- and %d more\n", omitted)
	}
}

// line makes one line of a text: a name or an error can't begin another.
func line(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }), " ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
