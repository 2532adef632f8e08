package secretsmanager

import (
	"maps"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// The staging labels that Secrets Manager itself moves.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
)

// labels says for every staging label of a secret which version has it: a label is on one version at a time.
type labels map[string]string

// on returns the labels of a version, sorted; nil if it has none.
func (l labels) on(version string) []string {
	var found []string
	for label, id := range l {
		if id == version {
			found = append(found, label)
		}
	}
	slices.Sort(found)
	return found
}

// versions returns every version that has a label, with its labels sorted; nil if there is none.
func (l labels) versions() map[string][]string {
	if len(l) == 0 {
		return nil
	}
	all := make(map[string][]string, 3)
	for label, id := range l {
		all[id] = append(all[id], label)
	}
	for _, found := range all {
		slices.Sort(found)
	}
	return all
}

// moved returns the labels after one of them was moved to a version; to "" takes it off.
// Where AWSCURRENT leaves a version, AWSPREVIOUS goes to it.
func (l labels) moved(label, to string) labels {
	next := maps.Clone(l)
	if next == nil {
		next = labels{}
	}
	if to == "" {
		delete(next, label)
		return next
	}
	old := next[label]
	next[label] = to
	if label == current && old != "" && old != to {
		next[previous] = old
	}
	return next
}

// written returns the labels after a new version was written with those that were asked for; none means AWSCURRENT.
// The version that was current keeps what labels it has of others' making, but it is no longer pending.
func (l labels) written(version string, asked []string) labels {
	if len(asked) == 0 {
		asked = []string{current}
	}
	next := l
	for _, label := range asked {
		if label != current {
			next = next.moved(label, version)
		}
	}
	if slices.Contains(asked, current) || l[current] == "" {
		old := l[current]
		next = next.moved(current, version)
		if old != "" && next[pending] == old {
			delete(next, pending)
		}
	}
	return next
}

// check says whether AWS allows that many.
func (l labels) check() *service.Error {
	if len(l) > maxLabels {
		return refuse("LimitExceededException", "You have exceeded the limit of %d staging labels for the versions of a secret.", maxLabels)
	}
	return nil
}
