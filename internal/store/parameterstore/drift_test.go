package parameterstore_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func theirs(description *string) *api.PutParameterInput {
	return &api.PutParameterInput{
		Name: aws.String("/app/db"), Value: aws.String("theirs"), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true), Description: description,
	}
}

func TestAMarkThatStaysOnAValueOfSomebodyElseClaimsNothing(t *testing.T) {
	for _, at := range []string{"embedded", "moto"} {
		t.Run(at, func(t *testing.T) {
			f := harness(t, at).New(t)
			back := f.Back.(storetest.RenamedBackdoor).Backdoor.(backdoor)
			d := f.Destination.(storetest.RenamedDestination).Destination
			mustWrite(t, d, writing(1, nil))
			before := back.description(t, "/app/db")
			v := back.put(t, theirs(nil))
			if back.description(t, "/app/db") != before {
				t.Fatal("the overwrite took the description away: this AWS is another than we know")
			}
			c := stat(t, d)
			if c.Version != v || !strings.HasPrefix(string(v), "2@") || c.WrittenByUs() || c.Mark != writing(1, nil).Mark {
				t.Errorf("got %+v", c)
			}
			mustWrite(t, d, writing(1, c))
			if c := stat(t, d); c.Version != ids(1)[0] || !c.WrittenByUs() {
				t.Errorf("after it was mended: %+v", c)
			}
		})
	}
}

func TestAMarkThatWasOverwrittenIsFoundInTheHistory(t *testing.T) {
	for _, text := range []string{"", "managed by another tool"} {
		for _, at := range []string{"embedded", "moto"} {
			t.Run(at+" "+text, func(t *testing.T) {
				f := harness(t, at).New(t)
				back := f.Back.(storetest.RenamedBackdoor).Backdoor.(backdoor)
				d := f.Destination.(storetest.RenamedDestination).Destination
				w := writing(1, nil)
				w.Mark.Sync = "before"
				c0 := mustWrite(t, d, w)
				mustWrite(t, d, writing(1, &c0)) // the newest mark counts
				for range 60 {                   // the history is longer than a page
					back.put(t, theirs(&text))
				}
				c := stat(t, d)
				if c.WrittenByUs() || c.Mark != writing(1, nil).Mark {
					t.Errorf("got %+v", c)
				}
				all, err := d.List(t.Context())
				if err != nil || len(all) != 1 || !all[0].Mark.IsZero() || all[0].Revision != c.Revision {
					t.Errorf("listed as %+v, error %v, described as %+v", all, err, c)
				}
				mustWrite(t, d, writing(2, c))
				if c := stat(t, d); c.Version != ids(2)[0] || !c.WrittenByUs() {
					t.Errorf("after it was mended: %+v", c)
				}
			})
		}
	}
}

func TestAParameterThatWasMadeAnewIsNotOurs(t *testing.T) {
	b := newBench(t, "")
	mustWrite(t, b.dest, writing(1, nil))
	b.back.Remove(t, "/app/db")
	b.back.put(t, theirs(nil))
	if c := stat(t, b.dest); !c.Mark.IsZero() || c.WrittenByUs() {
		t.Errorf("got %+v", c)
	}
	_, err := b.dest.Write(t.Context(), writing(1, nil))
	wantKind(t, err, store.ErrConflict)
}

func TestAForeignParameterCostsOneLookAtItsHistory(t *testing.T) {
	b := newBench(t, "")
	b.back.put(t, theirs(aws.String("theirs")))
	m := b.server.Ledger().Mark()
	if c := stat(t, b.dest); !c.Mark.IsZero() {
		t.Errorf("got %+v", c)
	}
	if got := strings.Join(b.calls(m), " "); got != "DescribeParameters GetParameterHistory" {
		t.Errorf("got the calls %q", got)
	}
	b.server.Faults().Add(awslocal.Fault{Operation: "GetParameterHistory", Code: "AccessDeniedException"})
	if c := stat(t, b.dest); !c.Mark.IsZero() {
		t.Errorf("got %+v", c)
	}
}

func TestWhereDescribingIsDeniedTheHistoryTells(t *testing.T) {
	b := newBench(t, "")
	mustWrite(t, b.dest, writing(2, nil))
	mustWrite(t, b.dest, writing(1, stat(t, b.dest)))
	described := stat(t, b.dest)
	b.server.Faults().Add(awslocal.Fault{Operation: "DescribeParameters", Code: "AccessDeniedException"})
	c := stat(t, b.dest)
	if c.Version != ids(1)[0] || !c.WrittenByUs() || c.Revision != described.Revision || !c.Changed.Equal(described.Changed) {
		t.Errorf("got %+v, described as %+v", c, described)
	}
	_, err := b.dest.Stat(t.Context(), "/app/none")
	wantKind(t, err, store.ErrNotFound)
	_, err = b.dest.List(t.Context())
	wantKind(t, err, store.ErrNotPermitted)
	if !strings.Contains(err.Error(), "grant ssm:DescribeParameters to arn:aws:iam::222222222222:role/SecretSyncRole") {
		t.Errorf("got %q", err)
	}
	b.server.Faults().Add(awslocal.Fault{Operation: "GetParameterHistory", Code: "AccessDeniedException"})
	_, err = b.dest.Stat(t.Context(), "/app/db")
	wantKind(t, err, store.ErrNotPermitted)
	for _, action := range []string{"ssm:DescribeParameters", "ssm:GetParameterHistory"} {
		if !strings.Contains(err.Error(), action) {
			t.Errorf("%q does not name %s", err, action)
		}
	}
}

func TestACopyAsASourceShowsItsMarkAndNoDescription(t *testing.T) {
	f := onEmbedded().New(t)
	w := writing(1, nil)
	w.Name = "app/db"
	mustWrite(t, f.Destination, w)
	m, err := f.Source.Stat(t.Context(), "app/db")
	if err != nil || m.Mark != w.Mark || m.Description != "" || !m.Deleted.IsZero() || !strings.HasPrefix(string(m.Version), "1@") {
		t.Errorf("got %+v and the error %v", m, err)
	}
	c, err := f.Destination.Stat(t.Context(), "app/db")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Destination.(store.Deleter).Delete(t.Context(), c, 7); err != nil {
		t.Fatal(err)
	}
	if m, err := f.Source.Stat(t.Context(), "app/db"); err != nil || m.Deleted.IsZero() {
		t.Errorf("waiting for its deletion: got %+v and the error %v", m, err)
	}
	if r := f.Source.Read(t.Context(), []secret.Name{"app/db"})[0]; r.Err != nil {
		t.Error("it waits, and is still read:", r.Err)
	}
}
