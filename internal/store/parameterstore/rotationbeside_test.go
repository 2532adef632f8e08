package parameterstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	db     secret.Name = "/app/db"
	beside secret.Name = "/app/db.secretsync-pending"
)

// turns is a spoke of an embedded AWS that parameters are rotated in.
type turns struct {
	server *awslocal.Server
	s      store.Store
	back   backdoor
	store.Rotation
}

func newTurns(t *testing.T, settings string) turns {
	t.Helper()
	server, url := embedded(t, awslocal.Options{})
	f := factory(t, url, hub)
	hurry(f, spoke)
	s := open(t, f, fmt.Sprintf("{role: SecretSyncRole, account: %q, region: %s%s}", spoke, home, settings))
	t.Cleanup(func() { declared(t, server, s) })
	return turns{server, s, backdoor{rawClient(url, keys(spoke))}, rotationOf(t, s)}
}

func (b turns) stages(t *testing.T) store.Stages {
	t.Helper()
	st, err := b.Stages(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func secretText(n int) secret.Value { return secret.Text([]byte(fmt.Sprint(canary, n))) }

func (b turns) propose(t *testing.T, n int) store.Stages {
	t.Helper()
	if err := b.Propose(t.Context(), b.stages(t), secret.Version(fmt.Sprint("token ", n)), secretText(n)); err != nil {
		t.Fatal(err)
	}
	return b.stages(t)
}

func (b turns) rotate(t *testing.T, n int) secret.Version {
	t.Helper()
	v, err := b.Promote(t.Context(), b.propose(t, n))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// labels returns the labels of every version that has some, in order.
func (b turns) labels(t *testing.T) string {
	t.Helper()
	var all []string
	in := &api.GetParameterHistoryInput{Name: id(db)}
	for {
		out, err := b.back.GetParameterHistory(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for i := range out.Parameters {
			if p := &out.Parameters[i]; len(p.Labels) > 0 {
				all = append(all, fmt.Sprintf("%d:%s", p.Version, strings.Join(p.Labels, ",")))
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return strings.Join(all, " ")
		}
	}
}

func TestLabelsCarryTheStagesAndThoseOfOthersStay(t *testing.T) {
	b := newTurns(t, "")
	b.back.Put(t, db, secretText(0))
	b.back.Put(t, db, secretText(1))
	if _, err := b.back.LabelParameterVersion(t.Context(), &api.LabelParameterVersionInput{Name: id(db), ParameterVersion: aws.Int64(1), Labels: []string{"theirs"}}); err != nil {
		t.Fatal(err)
	}
	b.propose(t, 2)
	if got := b.labels(t); got != "1:secretsync-previous,theirs 2:secretsync-current" {
		t.Errorf("after the proposal: %s", got)
	}
	if _, err := b.Promote(t.Context(), b.stages(t)); err != nil {
		t.Fatal(err)
	}
	if got := b.labels(t); got != "1:theirs 2:secretsync-previous 3:secretsync-current" {
		t.Errorf("after the promotion: %s", got)
	}
}

func TestLabelsOfAStateThatHasPassedDoNotCount(t *testing.T) {
	b := newTurns(t, "")
	b.back.Put(t, db, secretText(0))
	b.rotate(t, 1)
	theirs := b.back.Put(t, db, secretText(2))
	st := b.stages(t)
	v, err := b.Value(t.Context(), db, st.Previous)
	if err != nil || st.Current != theirs || !v.Equal(secretText(1)) {
		t.Errorf("got %+v: %v", st, err)
	}
}

func TestWhatIsKeptBesideAParameterIsLikeItAndSaysWhatItIs(t *testing.T) {
	b := newTurns(t, "")
	b.back.put(t, &api.PutParameterInput{Name: id(db), Value: aws.String("1"), Type: types.ParameterTypeSecureString, Tier: types.ParameterTierAdvanced, Description: aws.String("the database")})
	b.propose(t, 2)
	of, p := b.back.describe(t, db), b.back.describe(t, beside)
	if p.Type != of.Type || p.Tier != of.Tier || aws.ToString(p.KeyId) != aws.ToString(of.KeyId) {
		t.Errorf("got %+v beside %+v", p, of)
	}
	if text := *p.Description; !strings.Contains(text, "token=token%202 base=1@") || !strings.Contains(text, "secretsync rotate NAME --cancel") || strings.Contains(text, canary) {
		t.Errorf("it says %q", text)
	}
	if _, err := b.Promote(t.Context(), b.stages(t)); err != nil {
		t.Fatal(err)
	}
	if of = b.back.describe(t, db); *of.Description != "the database" || of.Tier != types.ParameterTierAdvanced || !b.back.gone(t, beside) {
		t.Errorf("afterwards it is %+v", of)
	}
}

func TestAStringIsRotatedAsOne(t *testing.T) {
	b := newTurns(t, "")
	b.back.put(t, &api.PutParameterInput{Name: id(db), Value: aws.String("1"), Type: types.ParameterTypeString})
	b.rotate(t, 2)
	if p := b.back.describe(t, db); p.Type != types.ParameterTypeString || p.Version != 2 {
		t.Errorf("got %+v", p)
	}
}

func TestWhatTheParameterWouldRefuseIsRefusedBeforeItIsPending(t *testing.T) {
	b := newTurns(t, "")
	b.back.put(t, &api.PutParameterInput{Name: id(db), Value: aws.String("1"), Type: types.ParameterTypeSecureString, AllowedPattern: aws.String("^[0-9]+$")})
	for _, v := range []secret.Value{secretText(1), secret.Text([]byte("{{x}}")), secret.Text([]byte(strings.Repeat("1", 4097)))} {
		err := b.Propose(t.Context(), b.stages(t), "token", v)
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v", err)
		}
	}
	if st := b.stages(t); st.Pending != "" {
		t.Errorf("got %+v", st)
	}
	if err := b.Propose(t.Context(), b.stages(t), "token", secret.Text([]byte("23"))); err != nil {
		t.Error(err)
	}
}

func TestAValueOfSomebodyElseThatAPromotionWroteOverIsPutBack(t *testing.T) {
	b := newTurns(t, "")
	b.back.Put(t, db, secretText(0))
	now := b.propose(t, 1)
	b.server.Faults().Add(awslocal.Fault{Operation: "PutParameter", Resource: string(db), Times: 1, Then: func(awslocal.Call) { b.back.Put(t, db, secretText(7)) }})
	_, err := b.Promote(t.Context(), now)
	wantKind(t, err, store.ErrConflict)
	if v, _ := b.back.Value(t, db); !v.Equal(secretText(7)) {
		t.Error("it is not what somebody else wrote")
	}
	if st := b.stages(t); st.Pending != now.Pending {
		t.Errorf("got %+v", st)
	}
}

func TestAPromotionBesideAnotherMakesOneMoreVersionOfTheSameValue(t *testing.T) {
	b := newTurns(t, "")
	b.back.Put(t, db, secretText(0))
	now := b.propose(t, 1)
	other := false
	b.server.Faults().Add(awslocal.Fault{Operation: "PutParameter", Resource: string(db), Times: 1, Then: func(awslocal.Call) {
		if _, err := b.Promote(t.Context(), now); err != nil {
			t.Error(err)
		}
		other = true
	}})
	v, err := b.Promote(t.Context(), now)
	if err != nil || !other {
		t.Fatal(err)
	}
	st := b.stages(t)
	if st.Current != v || st.Previous != now.Current || st.Pending != "" {
		t.Errorf("got %+v, before %+v", st, now)
	}
}

func TestNamesForPendingValuesAreNobodysSecrets(t *testing.T) {
	b := newTurns(t, "")
	b.back.Put(t, db, secretText(0))
	b.propose(t, 1)
	src, err := b.s.Source(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	dest := destinationOf(t, b.s)
	_, err = src.Stat(t.Context(), beside)
	wantKind(t, err, store.ErrNotFound)
	_, err = dest.Stat(t.Context(), beside)
	wantKind(t, err, store.ErrNotFound)
	wantKind(t, src.Read(t.Context(), []secret.Name{db, beside})[1].Err, store.ErrNotFound)
	wantKind(t, dest.(store.Verifier).Read(t.Context(), []secret.Name{beside})[0].Err, store.ErrNotFound)
	w := writing(1, nil)
	w.Name = beside
	wantKind(t, dest.Check(w), store.ErrBadName)
	_, err = dest.Write(t.Context(), w)
	wantKind(t, err, store.ErrBadName)
	_, err = b.Stages(t.Context(), beside)
	wantKind(t, err, store.ErrNotFound)
	if v, err := b.Value(t.Context(), db, "token 1"); err != nil || !v.Equal(secretText(1)) {
		t.Errorf("what is pending was touched: %v", err)
	}
}

func TestAParameterOfSomebodyElseIsNotTakenForAPendingValue(t *testing.T) {
	b := newTurns(t, "")
	b.back.Put(t, db, secretText(0))
	b.back.put(t, &api.PutParameterInput{Name: id(beside), Value: aws.String("x"), Type: types.ParameterTypeString, Description: aws.String("mine")})
	_, err := b.Stages(t.Context(), db)
	wantKind(t, err, store.ErrInvalid)
	if b.back.gone(t, beside) {
		t.Error("it was deleted")
	}
}

func TestAStoreThatReadsByALabelOfOthersIsNotRotated(t *testing.T) {
	server, url := embedded(t, awslocal.Options{})
	f := factory(t, url, hub)
	_, err := open(t, f, fmt.Sprintf("{role: R, account: %q, region: %s, label: prod}", spoke, home)).(store.Rotator).Rotation(t.Context())
	wantKind(t, err, store.ErrInvalid)
	_, err = open(t, awscfg.New(awscfg.Options{}), "role: R").(store.Rotator).Rotation(t.Context())
	wantKind(t, err, store.ErrInvalid)
	if n := len(server.Ledger().Calls()); n != 0 {
		t.Errorf("%d calls", n)
	}
	b := newTurns(t, ", label: secretsync-current")
	b.back.Put(t, db, secretText(0))
	v := b.rotate(t, 1)
	src, err := b.s.Source(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := src.Read(t.Context(), []secret.Name{db})[0]; r.Err != nil || r.Version != v || !r.Value.Equal(secretText(1)) {
		t.Errorf("read %s: %v", r.Version, r.Err)
	}
}

func TestAMissingPermissionForARotationIsFoundBeforeAnythingIsPending(t *testing.T) {
	for _, operation := range []string{"LabelParameterVersion", "PutParameter", "GetParameterHistory"} {
		b := newTurns(t, "")
		b.back.Put(t, db, secretText(0))
		now := b.stages(t)
		b.server.Faults().Add(awslocal.Fault{Operation: operation, Code: "AccessDeniedException", Message: "no"})
		err := b.Propose(t.Context(), now, "token", secretText(1))
		wantKind(t, err, store.ErrNotPermitted)
		if !strings.Contains(err.Error(), "grant ssm:"+operation) {
			t.Errorf("got %v", err)
		}
		b.server.Faults().Clear()
		if !b.back.gone(t, beside) {
			t.Errorf("%s: a value is pending", operation)
		}
	}
}

func TestAnOldLabelDoesNotKeepTheHundredAndFirstVersionFromBeingWritten(t *testing.T) {
	b := newTurns(t, "")
	b.back.Put(t, db, secretText(0))
	b.rotate(t, 1)
	for i := range 98 {
		b.back.Put(t, db, secretText(2+i))
	}
	if _, err := b.back.PutParameter(t.Context(), &api.PutParameterInput{Name: id(db), Value: aws.String("x"), Overwrite: aws.Bool(true)}); !errors.As(err, new(*types.ParameterMaxVersionLimitExceeded)) {
		t.Fatalf("the oldest version carries no label: %v", err)
	}
	v := b.rotate(t, 200)
	if st := b.stages(t); st.Current != v || st.Previous == "" || b.labels(t) != "100:secretsync-previous 101:secretsync-current" {
		t.Errorf("got %+v, labels %s", st, b.labels(t))
	}
}

func TestARotationCallsNothingBesideWhatItNeeds(t *testing.T) {
	b := newTurns(t, "")
	b.back.Put(t, db, secretText(0))
	b.rotate(t, 1)
	now := b.stages(t)
	for _, step := range []struct {
		do   func() error
		want []string
	}{
		{func() (err error) { _, err = b.Stages(t.Context(), db); return err }, []string{"GetParameterHistory", "GetParameterHistory"}},
		{func() error { return b.Propose(t.Context(), now, "token", secretText(2)) }, []string{"GetParameterHistory", "GetParameterHistory", "PutParameter"}},
		{func() error { _, err := b.Promote(t.Context(), b.stages(t)); return err }, []string{
			"GetParameterHistory", "GetParameterHistory", // those of stages
			"GetParameterHistory", "GetParameterHistory", "GetParameterHistory", "PutParameter", "GetParameterHistory", "LabelParameterVersion", "LabelParameterVersion",
			"GetParameterHistory", "GetParameterHistory", "DeleteParameter",
		}},
	} {
		from := b.server.Ledger().Mark()
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range b.server.Ledger().Since(from) {
			if c.Service == "ssm" && strings.Contains(c.Principal, "SecretSyncRole") {
				got = append(got, c.Operation)
			}
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("got %v, want %v", got, step.want)
		}
	}
}
