package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	noteOf          = annotation + "of"           // the Secret that all of this is said of
	noteMade        = annotation + "made-with"    // the settings that decided what we wrote
)

// markOf reads the mark off a Secret. Without an owner and a source there is none, nor on the clone of a copy, as a backup that is restored elsewhere makes it:
// it says that it is another.
func markOf(meta *metav1.ObjectMeta) (m secret.Mark, until time.Time) {
	notes := meta.Annotations
	m = secret.Mark{Owner: secret.Owner(notes[noteOwner]), Sync: secret.SyncName(notes[noteSync]), Source: secret.Identity(notes[noteSource])}
	if m.Owner == "" || m.Source == "" || notes[noteOf] != whole(meta.Namespace, meta.Name) {
		return secret.Mark{}, time.Time{}
	}
	began, errBegan := time.Parse(time.RFC3339, notes[noteDeleting])
	ends, errEnds := time.Parse(time.RFC3339, notes[noteDeleteAfter])
	if errBegan == nil && errEnds == nil {
		m.Deleting, until = began.UTC(), ends.UTC()
	}
	return m, until
}

// markNotes returns the annotations that say whose the copy of a name is.
func (c *client) markNotes(name secret.Name, m secret.Mark) map[string]string {
	return map[string]string{noteOwner: string(m.Owner), noteSync: string(m.Sync), noteSource: m.Source.Tag(), noteOf: whole(c.place.Namespace, string(name))}
}

func whole(namespace, name string) string { return namespace + "/" + name }

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
