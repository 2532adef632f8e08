package parameterstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

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

func newBench(t *testing.T, settings string, change ...func(*awslocal.Options)) bench {
	t.Helper()
	var o awslocal.Options
	for _, c := range change {
		c(&o)
	}
	server, url := embedded(t, o)
	f := factory(t, url, hub)
	hurry(f, spoke)
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

// reopened is the same target as another process would open it.
func (b bench) reopened(t *testing.T, settings string) store.Destination {
	t.Helper()
	f := factory(t, *b.back.Options().BaseEndpoint, hub)
	hurry(f, spoke)
	return target(t, f, settings)
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
		Name: "/app/db", Have: have, Versions: ids(n), Value: secret.Text([]byte(fmt.Sprint(canary, n))), Description: "a database",
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
	c, err := d.Stat(t.Context(), "/app/db")
	if err != nil {
		t.Fatalf("stat: %v", err)
	}
	return &c
}

func TestAWriteMakesOnlyTheCallsThatItNeeds(t *testing.T) {
	without := func(w *store.Write) { w.Value = secret.Value{} }
	for _, test := range []struct {
		name   string
		behind func(*testing.T, bench)
		change func(*store.Write)
		want   string
	}{
		{"nothing differs", nil, nil, ""},
		{"nothing differs, and no value", nil, without, ""},
		{"a new version", nil, func(w *store.Write) { w.Versions = ids(3) }, "PutParameter"},
		{"an older version", nil, func(w *store.Write) { w.Versions = ids(1) }, "PutParameter"},
		{"tags and a description are not written", nil, func(w *store.Write) { w.Tags, w.Description = nil, "x" }, ""},
		{"another sync", nil, func(w *store.Write) { w.Mark.Sync = "other" }, "PutParameter"},
		{"another sync, and no value", nil, func(w *store.Write) { w.Mark.Sync = "other"; without(w) }, "GetParameter PutParameter"},
		{"another owner", nil, func(w *store.Write) { w.Versions, w.Mark.Owner = ids(3), "other" }, "PutParameter"},
		{"another source", nil, func(w *store.Write) { w.Versions, w.Mark.Source = ids(3), "sm/x" }, "PutParameter"},
		{"a value of somebody else", func(t *testing.T, b bench) { b.back.Put(t, "/app/db", secret.Text([]byte("theirs"))) }, nil, "PutParameter"},
		{"a deletion of ours", func(t *testing.T, b bench) {
			if err := b.dest.(store.Deleter).Delete(t.Context(), *stat(t, b.dest), 7); err != nil {
				t.Fatal(err)
			}
		}, func(w *store.Write) { w.Restore = true }, "PutParameter"},
		{"a deletion of ours, and no value", func(t *testing.T, b bench) {
			if err := b.dest.(store.Deleter).Delete(t.Context(), *stat(t, b.dest), 7); err != nil {
				t.Fatal(err)
			}
		}, func(w *store.Write) { w.Restore = true; without(w) }, "GetParameter PutParameter"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, "")
			m := b.server.Ledger().Mark()
			mustWrite(t, b.dest, writing(1, nil))
			if got := b.calls(m); !slices.Equal(got, []string{"PutParameter"}) {
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
			if !slices.Contains(w.Versions, now.Version) || !now.WrittenByUs() {
				t.Errorf("the current version is %s, want one of %v", now.Version, w.Versions)
			}
			if returned.Version != now.Version || returned.Mark != now.Mark || returned.Revision != now.Revision || !returned.Deleted.Equal(now.Deleted) {
				t.Errorf("the write answered %+v, it is %+v", returned, now)
			}
			if now.Mark != w.Mark {
				t.Errorf("got the mark %+v, want %+v", now.Mark, w.Mark)
			}
		})
	}
}

func TestAListingIsOneCallForFifty(t *testing.T) {
	for _, test := range []struct{ copies, calls int }{{0, 1}, {1, 1}, {50, 1}, {51, 2}, {130, 3}} {
		b := newBench(t, "prefix: /app/")
		for i := range test.copies {
			b.back.put(t, &api.PutParameterInput{Name: aws.String(fmt.Sprintf("/app/%03d", i)), Value: aws.String("x"), Type: types.ParameterTypeSecureString})
		}
		b.back.Put(t, "/apple/x", secret.Text([]byte("x")))
		m := b.server.Ledger().Mark()
		all, err := b.dest.List(t.Context())
		if err != nil || len(all) != test.copies {
			t.Errorf("got %d copies of %d and the error %v", len(all), test.copies, err)
		}
		got := b.calls(m)
		if n := len(got); n > 0 && got[0] == "AssumeRole" {
			got = got[1:]
		}
		if len(got) != test.calls {
			t.Errorf("%d copies: got the calls %v, want %d", test.copies, got, test.calls)
		}
	}
}

func TestASourceListsWhatIsAskedForOnly(t *testing.T) {
	server, url := embedded(t, awslocal.Options{})
	back := backdoor{rawClient(url, keys(hub))}
	for _, name := range []secret.Name{"/app/a/x", "/app/b/x", "/apple", "/other/x", "plain"} {
		back.Put(t, name, secret.Text([]byte("x")))
	}
	for _, test := range []struct {
		settings string
		within   []string
		want     string
	}{
		{`{}`, nil, "/app/a/x /app/b/x /apple /other/x plain"},
		{`{}`, []string{"/app/"}, "/app/a/x /app/b/x"},
		{`{}`, []string{"/app"}, "/app/a/x /app/b/x /apple /other/x plain"},
		{`{}`, []string{"/app/a/", "/other/"}, "/app/a/x /app/b/x /apple /other/x plain"},
		{`{prefix: /app/}`, nil, "/app/a/x /app/b/x"},
		{`{prefix: /app/}`, []string{"/app/b/"}, "/app/b/x"},
		{`{prefix: /app/}`, []string{"/other/"}, "/app/a/x /app/b/x"},
		{`{}`, []string{"/aws/service/"}, "/app/a/x /app/b/x /apple /other/x plain"},
		{`{}`, []string{"/no name/"}, "/app/a/x /app/b/x /apple /other/x plain"},
		{`{prefix: /}`, nil, "/app/a/x /app/b/x /apple /other/x"},
	} {
		f := factory(t, url, hub)
		hurry(f, hub)
		src, err := open(t, f, test.settings).Source(t.Context(), test.within)
		if err != nil {
			t.Fatal(err)
		}
		m := server.Ledger().Mark()
		all, err := src.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range all {
			names = append(names, string(m.Name))
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("%s within %v: got %q, want %q", test.settings, test.within, got, test.want)
		}
		if n := server.Ledger().Since(m).Count(awslocal.Match{Service: "sts"}); n != 0 {
			t.Errorf("%s: %d calls to STS: the listing tells the account", test.settings, n)
		}
	}
}

func TestValuesAreReadTenAtOnce(t *testing.T) {
	b := newBench(t, "")
	var names []secret.Name
	for i := range 45 {
		names = append(names, secret.Name(fmt.Sprintf("/app/%02d", i)))
		b.back.Put(t, names[i], secret.Text([]byte(canary+string(names[i]))))
	}
	m := b.server.Ledger().Mark()
	for i, r := range b.dest.(store.Verifier).Read(t.Context(), names) {
		if r.Err != nil || !r.Value.Equal(secret.Text([]byte(canary+string(names[i])))) {
			t.Errorf("%q: %v", names[i], r.Err)
		}
	}
	if got := b.server.Ledger().Since(m).Count(awslocal.Match{Operation: "GetParameters"}); got != 5 {
		t.Errorf("%d calls, want 5", got)
	}
}
