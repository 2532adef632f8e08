package secretsmanager_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const canary = "c4n4ry-0f-v4lu3s"

// bench is a spoke of an embedded AWS, opened through a role, and the way behind its back.
type bench struct {
	server *awslocal.Server
	dest   store.Destination
	back   backdoor
}

func newBench(t *testing.T, settings string) bench {
	t.Helper()
	server, url := embedded(t, awslocal.Options{})
	f := factory(t, url, hub)
	b := bench{server, target(t, f, settings), backdoor{rawClient(url, keys(spoke))}}
	t.Cleanup(func() { declared(t, server, open(t, f, "role: SecretSyncRole\n"+settings)) })
	return b
}

// calls returns what was called in the spoke through the role since a mark, in order.
func (b bench) calls(m awslocal.Mark) []string {
	all := []string{}
	for _, c := range b.server.Ledger().Since(m) {
		if c.Account == spoke && !c.Internal && strings.Contains(c.Principal, "SecretSyncRole") {
			all = append(all, c.Operation)
		}
	}
	return all
}

func ids(n int) []secret.Version {
	all := make([]secret.Version, 4)
	for g := range all {
		all[g] = secret.Version(fmt.Sprintf("%08x-%04x-4000-8000-00000000cafe", n, g))
	}
	return all
}

func writing(n int, have *secret.Copy) store.Write {
	return store.Write{
		Name: "app/db", Have: have, Versions: ids(n), Value: secret.Text([]byte(fmt.Sprint(canary, n))), Description: "a database",
		Mark: secret.Mark{Owner: "platform", Sync: "app", Source: "sm/111111111111/us-east-1/app/db"}, Tags: map[string]string{"team": "a"},
	}
}

func mustWrite(t *testing.T, d store.Destination, w store.Write) secret.Copy {
	t.Helper()
	c, err := d.Write(t.Context(), w)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	return c
}

func stat(t *testing.T, d store.Destination) *secret.Copy {
	t.Helper()
	c, err := d.Stat(t.Context(), "app/db")
	if err != nil {
		t.Fatalf("stat: %v", err)
	}
	return &c
}

func TestAWriteMakesOnlyTheCallsThatItNeeds(t *testing.T) {
	for _, test := range []struct {
		name   string
		behind func(*testing.T, bench)
		change func(*store.Write)
		want   string
	}{
		{"nothing differs", nil, nil, ""},
		{"a new version", nil, func(w *store.Write) { w.Versions = ids(3) }, "PutSecretValue"},
		{"a held version", nil, func(w *store.Write) { w.Versions = ids(1) }, "UpdateSecretVersionStage"},
		{"a tag", nil, func(w *store.Write) { w.Tags = map[string]string{"team": "b"} }, "TagResource"},
		{"another sync", nil, func(w *store.Write) { w.Mark.Sync = "other" }, "TagResource"},
		{"a description", nil, func(w *store.Write) { w.Description = "" }, "UpdateSecret"},
		{"all of it", nil, func(w *store.Write) { w.Versions, w.Description, w.Tags = ids(3), "x", map[string]string{"n": "1"} }, "PutSecretValue UpdateSecret TagResource"},
		{"another owner: the mark first", nil, func(w *store.Write) { w.Versions, w.Mark.Owner = ids(3), "other" }, "TagResource PutSecretValue"},
		{"another source: the mark first", nil, func(w *store.Write) { w.Versions, w.Mark.Source = ids(3), "sm/x" }, "TagResource PutSecretValue"},
		{"no value: metadata only", nil, func(w *store.Write) { w.Versions, w.Value, w.Description = ids(3), secret.Value{}, "x" }, "UpdateSecret"},
		{"a stale mark of a deletion", func(t *testing.T, b bench) {
			b.Tag(t, map[string]string{"secretsync:deleting": "2026-01-02T03:04:05Z"})
		}, nil, "UntagResource"},
		{"a deletion of ours", func(t *testing.T, b bench) {
			if err := b.dest.(store.Deleter).Delete(t.Context(), *stat(t, b.dest), 7); err != nil {
				t.Fatal(err)
			}
		}, func(w *store.Write) { w.Restore = true }, "RestoreSecret UntagResource"},
		{"a version that lost its labels", func(t *testing.T, b bench) {
			b.back.Plant(t, "app/db", ids(3)[0], secret.Text([]byte(canary+"2")))
		}, func(w *store.Write) { w.Versions = ids(3) }, "PutSecretValue UpdateSecretVersionStage TagResource"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, "")
			m := b.server.Ledger().Mark()
			mustWrite(t, b.dest, writing(1, nil))
			if got := b.calls(m); !slices.Equal(got, []string{"CreateSecret"}) {
				t.Fatalf("the creation made the calls %v", got)
			}
			mustWrite(t, b.dest, writing(2, stat(t, b.dest)))
			if test.behind != nil {
				test.behind(t, b)
			}
			w := writing(2, stat(t, b.dest))
			if test.change != nil {
				test.change(&w)
			}
			m = b.server.Ledger().Mark()
			returned := mustWrite(t, b.dest, w)
			if got := strings.Join(b.calls(m), " "); got != test.want {
				t.Errorf("got the calls %q, want %q", got, test.want)
			}
			now := stat(t, b.dest)
			if !slices.Contains(w.Versions, now.Version) && !w.Value.IsZero() {
				t.Errorf("the current version is %s, none of %v", now.Version, w.Versions)
			}
			if returned.Version != now.Version || returned.Mark != now.Mark || returned.Description != now.Description || !returned.Deleted.Equal(now.Deleted) {
				t.Errorf("the write answered %+v, it is %+v", returned, now)
			}
		})
	}
}

func (b bench) Tag(t *testing.T, tags map[string]string) {
	t.Helper()
	b.back.Tag(t, "app/db", tags)
}

func TestWhereLabelsMayNotBeMovedTheValueTakesTheNextGeneration(t *testing.T) {
	b := newBench(t, "")
	mustWrite(t, b.dest, writing(1, nil))
	mustWrite(t, b.dest, writing(2, stat(t, b.dest)))
	b.server.Faults().Add(awslocal.Fault{Operation: "UpdateSecretVersionStage", Code: "AccessDeniedException"})
	c := mustWrite(t, b.dest, writing(1, stat(t, b.dest)))
	v, at := b.back.Value(t, "app/db")
	if at != ids(1)[1] || !v.Equal(writing(1, nil).Value) || c.Version != at {
		t.Errorf("the current version is %s, want %s", at, ids(1)[1])
	}
	if now := stat(t, b.dest); now.Mark.Generation != 1 || !now.WrittenByUs() {
		t.Errorf("got %+v", now)
	}
}

func TestALabelIsOnlyMovedFromWhereItWasSeen(t *testing.T) {
	for _, test := range []struct {
		name string
		move func(t *testing.T, b bench)
		want error
	}{
		{"to a version of somebody else", func(t *testing.T, b bench) { b.back.Put(t, "app/db", secret.Text([]byte("theirs"))) }, store.ErrConflict},
		{"to the wanted version, by another run", func(t *testing.T, b bench) { b.back.MoveCurrent(t, "app/db", ids(1)[0]) }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, "")
			mustWrite(t, b.dest, writing(1, nil))
			mustWrite(t, b.dest, writing(2, stat(t, b.dest)))
			have := stat(t, b.dest)
			test.move(t, b)
			_, before := b.back.Value(t, "app/db")
			_, err := b.dest.Write(t.Context(), writing(1, have))
			wantKind(t, err, test.want)
			if _, after := b.back.Value(t, "app/db"); after != before {
				t.Errorf("the current version went from %s to %s", before, after)
			}
		})
	}
}

func TestALostAnswerMakesNoSecondVersion(t *testing.T) {
	for _, op := range []string{"CreateSecret", "PutSecretValue", "UpdateSecretVersionStage", "TagResource"} {
		t.Run(op, func(t *testing.T) {
			b := newBench(t, "")
			b.server.Faults().Add(awslocal.Fault{Operation: op, LoseAnswer: true, Times: 1})
			mustWrite(t, b.dest, writing(1, nil))
			mustWrite(t, b.dest, writing(2, stat(t, b.dest)))
			w := writing(1, stat(t, b.dest))
			w.Tags = map[string]string{"team": "b"}
			mustWrite(t, b.dest, w)
			if n := b.back.Versions(t, "app/db"); n != 2 {
				t.Errorf("%d versions, want 2", n)
			}
			if now := stat(t, b.dest); now.Version != ids(1)[0] || now.Tags["team"] != "b" {
				t.Errorf("got %+v", now)
			}
		})
	}
}

func TestACopyThatAListingDoesNotShowYetIsNotDuplicated(t *testing.T) {
	b := newBench(t, "")
	mustWrite(t, b.dest, writing(1, nil)) // another run's, which the stale listing hides
	m := b.server.Ledger().Mark()
	mustWrite(t, b.dest, writing(1, nil))
	if n := b.back.Versions(t, "app/db"); n != 1 {
		t.Errorf("%d versions", n)
	}
	if got := b.calls(m); len(got) > 3 {
		t.Errorf("got the calls %v", got)
	}
	_, err := b.dest.Write(t.Context(), writing(2, nil))
	wantKind(t, err, store.ErrConflict)
}

func TestADeletionIsMarkedBeforeItIsScheduled(t *testing.T) {
	b := newBench(t, "")
	mustWrite(t, b.dest, writing(1, nil))
	remove := b.server.Faults().Add(awslocal.Fault{Operation: "TagResource", Code: "AccessDeniedException"})
	m := b.server.Ledger().Mark()
	have := *stat(t, b.dest)
	wantKind(t, b.dest.(store.Deleter).Delete(t.Context(), have, 7), store.ErrNotPermitted)
	remove()
	if err := b.dest.(store.Deleter).Delete(t.Context(), have, 7); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.calls(m), " "); got != "DescribeSecret TagResource TagResource DeleteSecret" {
		t.Errorf("got the calls %q", got)
	}
}
