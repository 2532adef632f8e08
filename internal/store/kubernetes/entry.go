package kubernetes

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// entry is what the server tells of a Secret without its data.
type entry struct {
	meta   metav1.ObjectMeta
	fields fields
	mark   secret.Mark // zero for none
	until  time.Time   // when its recovery window ends; zero where no deletion waits
	seen   time.Time   // the server's clock when it answered; zero where the answer did not tell
}

func entryOf(meta metav1.ObjectMeta, seen time.Time) entry {
	e := entry{meta: meta, fields: fieldsOf(meta.ManagedFields), seen: seen}
	e.mark, e.until = markOf(&meta)
	return e
}

func (e *entry) name() secret.Name { return secret.Name(e.meta.Name) }

// token returns the version that the mark names, if the data is as it was written with it: every key is the one that we set, and there is no other.
func (e *entry) token() secret.Version {
	note, ok := e.meta.Annotations[noteKeys]
	if e.mark.IsZero() || !ok || !e.fields.applied || e.fields.texts || len(e.fields.foreign()) > 0 || keysNote(keysOf(e.fields.ours)) != note {
		return ""
	}
	return secret.Version(e.meta.Annotations[noteVersion])
}

// pending returns the change whose restarts are not done yet; empty for none.
func (e *entry) pending() string { return e.meta.Annotations[noteRestart] }

// scheduled returns the annotations of a deletion that are there, in force or not.
func (e *entry) scheduled() []string {
	var notes []string
	for _, n := range []string{noteDeleteAfter, noteDeleting} {
		if _, ok := e.meta.Annotations[n]; ok {
			notes = append(notes, n)
		}
	}
	return notes
}

// standing returns the mark as it stands: data that somebody else set since ends a deletion that was waiting.
func (e *entry) standing() secret.Mark {
	m := e.mark
	if !e.fields.touched.IsZero() && !e.fields.touched.Before(m.Deleting) {
		m.Deleting = time.Time{}
	}
	return m
}

// revision stands for the Secret's whole state: its uid, and the resource version, which every change moves. parseRevision reads both back.
func (e *entry) revision() secret.Revision {
	return secret.Revision(string(e.meta.UID) + "/" + e.meta.ResourceVersion)
}

func parseRevision(r secret.Revision) (uid, resourceVersion string) {
	uid, resourceVersion, _ = strings.Cut(string(r), "/")
	return uid, resourceVersion
}

// created returns when the Secret was made.
func (e *entry) created() time.Time { return e.meta.CreationTimestamp.UTC() }

// removal returns when somebody deleted what is still there because a finalizer holds it; zero: nobody did.
func (e *entry) removal() time.Time {
	if e.meta.DeletionTimestamp == nil {
		return time.Time{}
	}
	return e.meta.DeletionTimestamp.UTC()
}

// source returns the entry as a source shows it.
func (e *entry) source(at secret.Place) secret.Meta {
	v := secret.Version(e.meta.ResourceVersion)
	m := secret.Meta{
		Name: e.name(), Identity: secret.NewIdentity(at, e.name()), Version: v, Held: []secret.Version{v}, Created: e.created(), Mark: e.standing(), Deleted: e.removal(),
	}
	if m.Deleted.IsZero() {
		m.Deleted = m.Mark.Deleting
	}
	return m
}

// copy returns the entry as a destination shows it. A copy with restarts to do is not at its version yet, whoever has to do them; nor is one that is otherwise
// not as it would be written now: unlike says how.
func (e *entry) copy(unlike string) secret.Copy {
	if e.pending() != "" {
		unlike = " without restarts" + unlike
	}
	c := secret.Copy{Name: e.name(), Mark: e.standing(), Changed: e.fields.changed, Deleted: e.removal(), Revision: e.revision()}
	if c.Changed.IsZero() {
		c.Changed = e.created()
	}
	switch token := e.token(); {
	case token == "":
		c.Version = secret.Version(e.meta.ResourceVersion + "@" + c.Changed.Format(time.RFC3339))
	default:
		c.Version = token + secret.Version(unlike)
		c.Labelled = c.Version
	}
	c.Held = []secret.Version{c.Version}
	if c.Deleted.IsZero() && !c.Mark.Deleting.IsZero() {
		c.Deleted = c.Mark.Deleting
		c.Expired = !e.seen.IsZero() && !e.seen.Before(e.until)
	}
	return c
}
