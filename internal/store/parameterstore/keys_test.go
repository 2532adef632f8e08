package parameterstore_test

import (
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

func TestTheKeyGoesWithTheValueAndStaysWhereItIsKept(t *testing.T) {
	b := newBench(t, "kmsKey: alias/one", func(o *awslocal.Options) {
		o.Seed = &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{
			spoke: {Regions: map[string]awslocal.SeedRegion{home: {Keys: map[string]awslocal.SeedKey{
				"alias/one": {ID: "11111111-1111-4111-8111-111111111111"}, "alias/two": {}, "alias/off": {Disabled: true},
			}}}},
		}}
	})
	w := writing(1, nil)
	w.Key = "alias/one"
	mustWrite(t, b.dest, w)
	const byID = "11111111-1111-4111-8111-111111111111"
	for i, step := range []struct {
		key   secret.Key
		value bool
		want  string
		is    secret.Key
	}{
		{"alias/one", false, "", "alias/one"},
		{byID, false, "DescribeKey", "alias/one"},
		{byID, true, "PutParameter", "alias/one"},
		{"alias/two", false, "DescribeKey GetParameter PutParameter", "alias/two"},
		{"alias/two", true, "PutParameter", "alias/two"},
		{"", false, "GetParameter PutParameter", ""},
		{"alias/aws/ssm", false, "", ""},
		{"", true, "PutParameter", ""},
		{"alias/one", true, "PutParameter", "alias/one"},
	} {
		have := stat(t, b.dest)
		w := writing(i+2, have)
		if !step.value {
			w.Versions, w.Value = []secret.Version{have.Version}, secret.Value{}
		}
		w.Key = step.key
		m := b.server.Ledger().Mark()
		c := mustWrite(t, b.dest, w)
		if got := strings.Join(b.calls(m), " "); got != step.want {
			t.Errorf("step %d: got the calls %q, want %q", i, got, step.want)
		}
		if now := stat(t, b.dest); now.Key != step.is || c.Key != step.is || now.Revision != c.Revision {
			t.Errorf("step %d: the key is %q, the write answered %q, want %q", i, now.Key, c.Key, step.is)
		}
	}
	w = writing(99, stat(t, b.dest))
	w.Key = "alias/off"
	_, err := b.dest.Write(t.Context(), w)
	wantKind(t, err, store.ErrKey)
	if same, ok := b.dest.(store.KeyResolver).SameKey(t.Context(), "alias/one", byID); !same || !ok {
		t.Errorf("an alias and its key: same %t, known %t", same, ok)
	}
	b.server.Faults().Add(awslocal.Fault{Operation: "DescribeKey", Code: "AccessDeniedException"})
	if _, ok := b.dest.(store.KeyResolver).SameKey(t.Context(), "alias/other", "alias/one"); ok {
		t.Error("a denied DescribeKey tells nothing")
	}
}
