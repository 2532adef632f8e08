package parameterstore

import (
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestAMarkIsReadBackAsItWasWritten(t *testing.T) {
	at := time.Date(2026, 11, 22, 18, 39, 45, 0, time.UTC)
	for _, m := range []mark{
		{Mark: secret.Mark{Owner: "platform", Sync: "app", Source: "sm/111111111111/us-east-1/app/db"}, version: "0a-1", written: 1},
		{Mark: secret.Mark{Owner: "a b=c%20{{x}}\n\u00e9", Sync: "", Source: "vault/h:8200/kv/a b"}, version: "3@2026-11-22T18:39:45Z", written: 1 << 40},
		{Mark: secret.Mark{Owner: "o", Sync: "s", Source: "ssm/1/r//a", Deleting: at}, version: "v", written: 3, until: at.Add(7 * day)},
	} {
		text := m.String()
		got, ok := parseMark(text)
		if !ok || got != m {
			t.Errorf("%q: got %+v, %t, want %+v", text, got, ok, m)
		}
		if strings.ContainsAny(text, "\n{}") || len(text) != len([]rune(text)) {
			t.Errorf("%q is not one plain line", text)
		}
	}
}

func TestAMarkIsReadForWhatPeopleCanRead(t *testing.T) {
	m := mark{Mark: secret.Mark{Owner: "platform", Sync: "app", Source: "sm/111111111111/us-east-1/app/db", Deleting: time.Unix(0, 0).UTC()}, version: "0a-1", written: 2, until: time.Unix(86400, 0).UTC()}
	const want = "secretsync owner=platform sync=app source=sm/111111111111/us-east-1/app/db version=0a-1 written=2 deleting=1970-01-01T00:00:00Z until=1970-01-02T00:00:00Z"
	if got := m.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want) // the form is fixed: copies in the field carry it
	}
}

func TestWhatIsNotAMarkToTheByteIsNone(t *testing.T) {
	const good = "secretsync owner=o sync=s source=x version=v written=1"
	if _, ok := parseMark(good); !ok {
		t.Fatal("the good one is refused")
	}
	for _, text := range []string{
		"", "secretsync", "the database", good + " ", " " + good, good + " x=y", good + " written=1", strings.Replace(good, "written=1", "written=01", 1),
		strings.Replace(good, "written=1", "written=0", 1), strings.Replace(good, "written=1", "written=x", 1), strings.Replace(good, "owner=o ", "", 1),
		strings.Replace(good, "owner=o", "owner=", 1), strings.Replace(good, "version=v", "version=", 1), strings.Replace(good, "owner=o sync=s", "sync=s owner=o", 1),
		good + " deleting=2026-11-22T18:39:45Z", good + " deleting=2026-11-22T18:39:45+01:00 until=2026-11-23T18:39:45+01:00", strings.Replace(good, "sync=s", "sync=%73", 1), good + "\n",
	} {
		if m, ok := parseMark(text); ok {
			t.Errorf("%q is taken for the mark %+v", text, m)
		}
	}
}

func FuzzParseMark(f *testing.F) {
	f.Add("secretsync owner=o sync=s source=x version=v written=1")
	f.Add("secretsync owner=%C3%A9 sync= source=x version=v written=1 deleting=2026-11-22T18:39:45Z until=2026-11-29T18:39:45Z")
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := parseMark(text); ok && m.String() != text {
			t.Errorf("%q is read as %q", text, m.String())
		}
	})
}

func TestARevisionTellsTheNumberAndTheTier(t *testing.T) {
	for _, e := range []entry{{number: 1}, {number: 99, advanced: true, description: "x"}} {
		number, advanced, ok := parseRevision(revision(&e))
		if !ok || number != e.number || advanced != e.advanced {
			t.Errorf("%s: got %d, %t, %t", revision(&e), number, advanced, ok)
		}
	}
	for _, r := range []secret.Revision{"", "x", "0.abc", "-1.abc", "12", "a.b", "1b.c"} {
		if _, _, ok := parseRevision(r); ok {
			t.Errorf("%q is taken for a revision of this driver", r)
		}
	}
}
