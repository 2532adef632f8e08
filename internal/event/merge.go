package event

import (
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Merge returns the hints without repetitions, in the order in which they came first: those of one kind, account and Region with the same names are one, and it
// sweeps if any of them does. Its lists are its own. It is never nil: no hints are not a whole run.
func Merge(hints []Hint) []Hint {
	merged := make([]Hint, 0, len(hints))
	at := map[string]int{}
	for _, h := range hints {
		names := slices.Clone(h.Names)
		slices.Sort(names)
		key := strings.Join([]string{string(h.Kind), string(h.Account), string(h.Region), joined(slices.Compact(names))}, "\x00")
		if i, ok := at[key]; ok {
			merged[i].Sweep = merged[i].Sweep || h.Sweep
			continue
		}
		at[key] = len(merged)
		h.Names = slices.Clone(h.Names)
		merged = append(merged, h)
	}
	return merged
}

func joined(names []secret.Name) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString(string(n))
		b.WriteByte(0)
	}
	return b.String()
}
