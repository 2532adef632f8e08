package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// The label and the annotations of a copy.
const (
	labelManaged = "app.kubernetes.io/managed-by"
	managedBy    = "secretsync"

	annotation      = "secretsync.dev/"
	noteOwner       = annotation + "owner"
	noteSync        = annotation + "sync"
	noteSource      = annotation + "source"
	noteVersion     = annotation + "version"      // which value we wrote
	noteKeys        = annotation + "keys"         // the keys that we wrote it to
	noteDeleting    = annotation + "deleting"     // when we scheduled the deletion
	noteDeleteAfter = annotation + "delete-after" // when its window ends
	noteRestart     = annotation + "restart"      // a change whose restarts are not done yet
)

// markOf reads the mark off annotations. Without an owner and a source there is none.
func markOf(notes map[string]string) (m secret.Mark, until time.Time) {
	m = secret.Mark{Owner: secret.Owner(notes[noteOwner]), Sync: secret.SyncName(notes[noteSync]), Source: secret.Identity(notes[noteSource])}
	if m.Owner == "" || m.Source == "" {
		return secret.Mark{}, time.Time{}
	}
	began, errBegan := time.Parse(time.RFC3339, notes[noteDeleting])
	ends, errEnds := time.Parse(time.RFC3339, notes[noteDeleteAfter])
	if errBegan == nil && errEnds == nil {
		m.Deleting, until = began.UTC(), ends.UTC()
	}
	return m, until
}

// markNotes returns the annotations that say whose a copy is.
func markNotes(m secret.Mark) map[string]string {
	return map[string]string{noteOwner: string(m.Owner), noteSync: string(m.Sync), noteSource: m.Source.Tag()}
}

// sameMark reports whether two marks are of one owner and one source.
func sameMark(a, b secret.Mark) bool { return a.Owner == b.Owner && a.Source.Tag() == b.Source.Tag() }

const maxKeysNote = 1000 // characters

// keysNote returns the names of keys as the annotation has them: themselves, or where they are many their number and a digest of the names.
func keysNote(keys []string) string {
	note := strings.Join(keys, ",")
	if len(note) <= maxKeysNote {
		return note
	}
	sum := sha256.Sum256([]byte(note))
	return fmt.Sprintf("%d keys, names %s", len(keys), hex.EncodeToString(sum[:16]))
}

func keysOf[V any](data map[string]V) []string { return slices.Sorted(maps.Keys(data)) }
