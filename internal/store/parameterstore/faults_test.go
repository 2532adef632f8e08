package parameterstore_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

func TestEachCodeOfAWSHasItsKind(t *testing.T) {
	for _, test := range []struct {
		code, message string
		want          error
		says          string
	}{
		{"AccessDeniedException", "User: x is not authorized to perform: ssm:PutParameter on resource: x", store.ErrNotPermitted, "grant ssm:PutParameter to arn:aws:iam::222222222222:role/SecretSyncRole"},
		{"AccessDeniedException", "no", store.ErrNotPermitted, "grant ssm:PutParameter"},
		{"AccessDeniedException", "User: x is not authorized to perform: kms:Encrypt on this resource", store.ErrNotPermitted, "grant kms:Encrypt"},
		{"InvalidKeyId", "the key is disabled", store.ErrKey, "the key is disabled"},
		{"ParameterLimitExceeded", "x", store.ErrInvalid, "10,000"},
		{"ParameterMaxVersionLimitExceeded", "x", store.ErrInvalid, "label"},
		{"HierarchyLevelLimitExceededException", "x", store.ErrBadName, ""},
		{"HierarchyTypeMismatchException", "x", store.ErrInvalid, ""},
		{"ParameterPatternMismatchException", "Parameter value " + canary + "1 does not match", store.ErrInvalid, "withheld"},
		{"TooManyUpdates", "x", store.ErrThrottled, "again"},
		{"ValidationException", "1 validation error detected: Value 'c4n4ry...' at 'value' failed to satisfy constraint", store.ErrInvalid, "withheld"},
		{"SomethingNew", "echo: " + canary + "1", nil, "withheld"},
		{"ExpiredTokenException", "", store.ErrCredentials, "expired"},
		{"ThrottlingException", "", store.ErrThrottled, "Rate exceeded"},
		{"InternalServerError", "", store.ErrUnavailable, ""},
	} {
		t.Run(test.code+" "+test.says, func(t *testing.T) {
			b := newBench(t, "")
			b.server.Faults().Add(awslocal.Fault{Operation: "PutParameter", Code: test.code, Message: test.message})
			_, err := b.dest.Write(t.Context(), writing(1, nil))
			if err == nil {
				t.Fatal("no error")
			}
			if test.want != nil {
				wantKind(t, err, test.want)
			}
			wantKind(t, err, err)
			var e *store.Error
			if !errors.As(err, &e) || e.Op != "PutParameter" || e.Name != "/app/db" || e.Place.String() != spoke+"/"+home || e.Code != test.code {
				t.Errorf("got %+v", e)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q does not say %q", err, test.says)
			}
		})
	}
}

func TestAListingThatFailsOnALaterPageIsAnErrorAndNoShortList(t *testing.T) {
	b := newBench(t, "")
	for i := range 60 {
		b.back.Put(t, secret.Name(fmt.Sprint("/app/", i)), secret.Text([]byte("x")))
	}
	for _, code := range []string{"ThrottlingException", "InternalServerError", "AccessDeniedException", "InvalidNextToken"} {
		remove := b.server.Faults().Add(awslocal.Fault{Operation: "DescribeParameters", Code: code, After: 1})
		if all, err := b.dest.List(t.Context()); err == nil || all != nil {
			t.Errorf("%s: got %d copies and the error %v", code, len(all), err)
		}
		remove()
	}
	b.server.Faults().Add(awslocal.Fault{Operation: "DescribeParameters", Code: "InvalidNextToken", After: 1, Times: 1})
	if all, err := b.dest.List(t.Context()); err != nil || len(all) != 60 {
		t.Errorf("an expired page token: got %d copies and the error %v, want the listing begun again", len(all), err)
	}
}

func TestAListingThatNeverEndsIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write([]byte(`{"Parameters": [], "NextToken": "again"}`))
	}))
	defer server.Close()
	f := factory(t, server.URL, hub)
	hurry(f, hub)
	d, err := open(t, f, `{}`).Destination(t.Context(), secret.Place{Account: hub, Region: home})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.List(t.Context()); err == nil || !strings.Contains(err.Error(), "in circles") {
		t.Errorf("got %v", err)
	}
}

func TestOnlyGetParameterProvesThatASourceIsGone(t *testing.T) {
	server, url := embedded(t, awslocal.Options{})
	f := factory(t, url, hub)
	hurry(f, hub)
	src, err := open(t, f, `{}`).Source(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	m := server.Ledger().Mark()
	_, err = src.Stat(t.Context(), "/app/db")
	wantKind(t, err, store.ErrNotFound)
	if got := server.Ledger().Since(m).Count(awslocal.Match{Operation: "GetParameter"}); got != 1 {
		t.Errorf("%d calls of GetParameter", got)
	}
	for code, kind := range map[string]error{"AccessDeniedException": store.ErrNotPermitted, "InternalServerError": store.ErrUnavailable} {
		remove := server.Faults().Add(awslocal.Fault{Operation: "GetParameter", Code: code})
		_, err = src.Stat(t.Context(), "/app/db")
		wantKind(t, err, kind)
		if errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s proves an absence: %v", code, err)
		}
		remove()
	}
	backdoor{rawClient(url, keys(hub))}.Put(t, "/app/db-2", secret.Text([]byte(canary)))
	limited, err := open(t, f, `{prefix: /other/}`).Source(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = limited.Stat(t.Context(), "/app/db-2")
	wantKind(t, err, store.ErrNotFound)
}

func TestOneNameThatIsDeniedSpoilsNoOther(t *testing.T) {
	b := newBench(t, "")
	var names []secret.Name
	for i := range 25 {
		names = append(names, secret.Name(fmt.Sprintf("/app/%02d", i)))
		b.back.Put(t, names[i], secret.Text([]byte(names[i])))
	}
	remove := b.server.Faults().Add(awslocal.Fault{Operation: "GetParameters", Times: 1, Code: "AccessDeniedException"})
	b.server.Faults().Add(awslocal.Fault{Operation: "GetParameter", Resource: "/app/07", Code: "AccessDeniedException"})
	read := func() int {
		m := b.server.Ledger().Mark()
		for i, r := range b.dest.(store.Verifier).Read(t.Context(), names) {
			if i == 7 && errors.Is(r.Err, store.ErrNotPermitted) {
				continue
			}
			if r.Err != nil || r.Name != names[i] || !r.Value.Equal(secret.Text([]byte(names[i]))) {
				t.Errorf("%q: %v", names[i], r.Err)
			}
		}
		return b.server.Ledger().Since(m).Count(awslocal.Match{Operation: "GetParameters"})
	}
	if n := read(); n != 3 {
		t.Errorf("%d batches, want 3: one name is denied, and not the batch", n)
	}
	remove()
	b.server.Faults().Clear()
	b.server.Faults().Add(awslocal.Fault{Operation: "GetParameters", Code: "AccessDeniedException"})
	if n := read(); n != 1 {
		t.Errorf("%d batches, want 1: no batch is permitted", n)
	}
	if n := read(); n != 0 {
		t.Errorf("%d batches, want none any more", n)
	}
}

func TestALostAnswerEndsInAMarkThatIsTrue(t *testing.T) {
	b := newBench(t, "")
	for n, write := range []func() store.Write{
		func() store.Write { return writing(1, nil) },
		func() store.Write { return writing(2, stat(t, b.dest)) },
		func() store.Write {
			w := writing(2, stat(t, b.dest))
			w.Mark.Sync, w.Value = "other", secret.Value{}
			return w
		},
	} {
		w := write()
		remove := b.server.Faults().Add(awslocal.Fault{Operation: "PutParameter", LoseAnswer: true, Times: 1})
		c := mustWrite(t, b.dest, w)
		remove()
		now := stat(t, b.dest)
		if now.Version != w.Versions[0] || !now.WrittenByUs() || now.Mark != w.Mark || c.Revision != now.Revision {
			t.Errorf("write %d: answered %+v, it is %+v", n, c, now)
		}
	}
	remove := b.server.Faults().Add(awslocal.Fault{Operation: "PutParameter", LoseAnswer: true, Times: 1})
	if err := b.dest.(store.Deleter).Delete(t.Context(), *stat(t, b.dest), 7); err != nil {
		t.Fatal(err)
	}
	remove()
	if now := stat(t, b.dest); now.Deleted.IsZero() || now.Version != ids(2)[0] {
		t.Errorf("got %+v", now)
	}
}

func TestAWriteThatComesInBetweenIsNeverTakenForOurs(t *testing.T) {
	// The other tool writes each time just before our PutParameter is served.
	for _, test := range []struct {
		name  string
		times int
		err   error
		value string
		ours  bool
	}{
		{"once", 1, nil, canary + "2", true},
		{"every time", 0, store.ErrConflict, canary + "2", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, "")
			mustWrite(t, b.dest, writing(1, nil))
			have := stat(t, b.dest)
			b.server.Faults().Add(awslocal.Fault{Operation: "PutParameter", Account: spoke, Times: test.times, Then: b.interfere(t)})
			_, err := b.dest.Write(t.Context(), writing(2, have))
			wantKind(t, err, test.err)
			b.server.Faults().Clear()
			v, _ := b.back.Value(t, "/app/db")
			if c := stat(t, b.dest); c.WrittenByUs() != test.ours || !v.Equal(secret.Text([]byte(test.value))) {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func TestAValueThatComesInBetweenAReadAndARewriteIsPutBack(t *testing.T) {
	for name, do := range map[string]func(*testing.T, store.Destination, *secret.Copy) error{
		"another sync": func(t *testing.T, d store.Destination, c *secret.Copy) error {
			w := writing(1, c)
			w.Mark.Sync, w.Value = "other", secret.Value{}
			_, err := d.Write(t.Context(), w)
			return err
		},
		"a deletion": func(t *testing.T, d store.Destination, c *secret.Copy) error {
			return d.(store.Deleter).Delete(t.Context(), *c, 7)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			mustWrite(t, b.dest, writing(1, nil))
			have := stat(t, b.dest)
			b.server.Faults().Add(awslocal.Fault{Operation: "PutParameter", Account: spoke, Times: 1, Then: b.interfere(t)})
			wantKind(t, do(t, b.dest, have), store.ErrConflict)
			v, _ := b.back.Value(t, "/app/db")
			if c := stat(t, b.dest); c.WrittenByUs() || !c.Deleted.IsZero() || !v.Equal(secret.Text([]byte("theirs"))) {
				t.Errorf("got %+v", c)
			}
		})
	}
}

// interfere writes as somebody else, once per call of the driver. Its own call is not one of the driver's.
func (b bench) interfere(t *testing.T) func(awslocal.Call) {
	return func(c awslocal.Call) {
		if strings.Contains(c.Principal, "SecretSyncRole") {
			b.back.put(t, theirs(nil))
		}
	}
}

func TestACrashAfterAnyCallIsMendedByTheNextRun(t *testing.T) {
	run := func(t *testing.T, b bench, d store.Destination, n int) error {
		t.Helper()
		c, err := d.Stat(t.Context(), "/app/db")
		have := &c
		if errors.Is(err, store.ErrNotFound) {
			have, err = nil, nil
		}
		if err != nil {
			return err
		}
		w := writing(n, have)
		w.Restore = have != nil && !have.Deleted.IsZero()
		_, err = d.Write(t.Context(), w)
		return err
	}
	for _, story := range []struct {
		name string
		do   func(*testing.T, bench, store.Destination) error
	}{
		{"a creation", func(t *testing.T, b bench, d store.Destination) error { return run(t, b, d, 1) }},
		{"an update", func(t *testing.T, b bench, d store.Destination) error { return run(t, b, d, 2) }},
		{"a deletion", func(t *testing.T, b bench, d store.Destination) error {
			c, err := d.Stat(t.Context(), "/app/db")
			if err != nil {
				return err
			}
			return d.(store.Deleter).Delete(t.Context(), c, 7)
		}},
	} {
		for after := range 4 {
			t.Run(fmt.Sprint(story.name, " ", after), func(t *testing.T) {
				b := newBench(t, "")
				if story.name != "a creation" {
					mustWrite(t, b.dest, writing(1, nil))
				}
				// From some call on nothing is answered: that call is done all the same.
				dead := b.reopened(t, "")
				b.server.Faults().Add(awslocal.Fault{Service: "ssm", After: after, Times: 1, LoseAnswer: true})
				b.server.Faults().Add(awslocal.Fault{Service: "ssm", After: after + 1, Drop: true})
				err := story.do(t, b, dead)
				b.server.Faults().Clear()
				wantKind(t, err, err)
				if c, err := b.dest.Stat(t.Context(), "/app/db"); err == nil && c.WrittenByUs() {
					v, _ := b.back.Value(t, "/app/db")
					if c.Version == ids(1)[0] && !v.Equal(writing(1, nil).Value) || c.Version == ids(2)[0] && !v.Equal(writing(2, nil).Value) {
						t.Errorf("the mark says %s, and the value is another", c.Version)
					}
				}
				next := b.reopened(t, "")
				if err := run(t, b, next, 2); err != nil {
					t.Fatalf("the next run: %v", err)
				}
				v, _ := b.back.Value(t, "/app/db")
				if c := stat(t, next); c.Version != ids(2)[0] || !c.WrittenByUs() || !c.Deleted.IsZero() || !v.Equal(writing(2, nil).Value) {
					t.Errorf("got %+v", c)
				}
			})
		}
	}
}

func TestCredentialsOfAnotherAccountAreFoundOut(t *testing.T) {
	_, url := embedded(t, awslocal.Options{})
	f := factory(t, url, hub)
	s := open(t, f, `{account: "333333333333", region: us-east-1}`)
	src, err := s.Source(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = src.List(t.Context())
	wantKind(t, err, store.ErrWrongAccount) // the listing is empty, and does not say whose it is
	backdoor{rawClient(url, keys(hub))}.Put(t, "/app/db", secret.Text([]byte("x")))
	_, err = src.List(t.Context())
	wantKind(t, err, store.ErrWrongAccount)
	_, err = src.Stat(t.Context(), "/app/db")
	wantKind(t, err, store.ErrWrongAccount)
	d, err := s.Destination(t.Context(), secret.Place{Kind: secret.ParameterStore, Account: "333333333333", Region: home})
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, d.Verify(t.Context()), store.ErrWrongAccount)
}

func TestAListingProvesTheAccountWhereItCarriesARNs(t *testing.T) {
	b := newBench(t, "")
	b.back.Put(t, "/app/db", secret.Text([]byte("x")))
	if _, err := b.dest.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := b.server.Ledger().Mark()
	if err := b.dest.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.server.Ledger().Since(m).Count(awslocal.Match{Service: "sts"}); n != 0 {
		t.Errorf("%d calls to STS, want none", n)
	}
}

func TestSixtyWritesAreNotThrottled(t *testing.T) {
	t.Parallel()
	_, url := embedded(t, awslocal.Options{EnforceQuotas: true})
	counter := &awscfg.Counter{}
	d := target(t, factory(t, url, hub, func(o *awscfg.Options) { o.Observe = counter.Observe }), "")
	for i := range 60 {
		w := writing(1, nil)
		w.Name = secret.Name(fmt.Sprint("/app/", i))
		mustWrite(t, d, w)
	}
	for _, c := range counter.Counts() {
		if c.Outcome != awscfg.OK {
			t.Errorf("%s: %d attempts ended with %q", c.Operation, c.Attempts, c.Outcome)
		}
	}
}
