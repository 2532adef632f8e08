package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

// S0-24, S0-B11 (not everything is fine), fault 7, fault 38.
func TestAnAccountThatIsDownIsReportedAndTheOthersComplete(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]awslocal.Fault{
		"no connection":     {Service: "secretsmanager", Account: one, Drop: true},
		"errors":            {Service: "secretsmanager", Account: one, Code: "InternalServiceError", Status: 500},
		"no role":           {Service: "sts", Operation: "AssumeRole", Resource: "arn:aws:iam::111111111111:role/R", Code: "AccessDenied", Status: 403},
		"throttled for all": {Service: "secretsmanager", Account: one, Code: "ThrottlingException"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			for i := range 30 {
				l.put(hub, east, fmt.Sprintf("s%02d", i), "one")
			}
			l.forget()
			l.aws.Faults().Add(fault)
			r := l.sync(l.engine(spokes), engine.Options{})
			got := outcomes(r)
			if strings.Count(got, "applied create missing") != 30 || strings.Count(got, "refused refuse") != 30 {
				t.Errorf("got\n%s", got)
			}
			if len(r.Problems) != 1 || r.Problems[0].Target.Account != one || !r.NotAsWanted() {
				t.Errorf("problems: %+v", r.Problems)
			}
			normal := 30 + 2 + 2 + 4 + 2
			if n := l.aws.Ledger().Count(awslocal.Match{}); n > 2*normal {
				t.Errorf("%d calls are more than twice the normal %d: %s", n, normal, l.calls())
			}
		})
	}
}

// Fault 7, fault 38.
func TestATargetThatFailsInMidRunStopsBeingAsked(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 60 {
		l.put(hub, east, fmt.Sprintf("s%02d", i), "one")
	}
	l.forget()
	l.aws.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Account: one, After: 5, Drop: true})
	r := l.sync(l.engine(spokes), engine.Options{})
	if r.Summary.Failed != 55 || strings.Count(outcomes(r), "applied") != 65 {
		t.Fatalf("%d failed\n%s", r.Summary.Failed, outcomes(r))
	}
	if n := l.aws.Ledger().Count(awslocal.Match{Account: one, Operation: "CreateSecret"}); n > 60 {
		t.Errorf("the target was asked %d times", n)
	}
}

// Fault 38, and a breaker that a few bad secrets must not open for the good ones.
func TestAFewSecretsThatFailDoNotStopTheOthersOfTheirSource(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 50 {
		l.put(hub, east, fmt.Sprintf("s%02d", i), "one")
	}
	for i := range 6 {
		l.aws.Faults().Add(awslocal.Fault{Operation: "GetSecretValue", Account: hub, Resource: fmt.Sprintf("s%02d", i), Code: "InternalServiceError"})
	}
	r := l.sync(l.engine(spokes), engine.Options{})
	if n := strings.Count(outcomes(r), "applied create"); n != 2*44 || r.Summary.Failed != 2*6 {
		t.Errorf("%d applied, %d failed; want 88 and 12\n%s", n, r.Summary.Failed, outcomes(r))
	}
}

// Fault 38: nothing answers anywhere.
func TestInATotalOutageARunMakesFewCallsAndEnds(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 30 {
		l.put(hub, east, fmt.Sprintf("s%02d", i), "one")
	}
	for _, fault := range []awslocal.Fault{{Drop: true}, {Code: "InternalServiceError"}, {Code: "ThrottlingException"}} {
		l.aws.Faults().Clear()
		l.forget()
		l.aws.Faults().Add(fault)
		if _, err := l.engine(spokes).Plan(t.Context(), engine.Options{}); !errors.Is(err, engine.ErrNothing) {
			t.Errorf("%+v: got %v", fault, err)
		}
		if n := l.aws.Ledger().Count(awslocal.Match{}); n > 12 {
			t.Errorf("%+v: %d calls: %s", fault, n, l.calls())
		}
	}
}

// Fault 11.
func TestACallThatHangsIsGivenUpAndTriedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	l.aws.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Account: one, Times: 1, Hang: true})
	if r := l.sync(l.engine(spokes), engine.Options{}); r.NotAsWanted() {
		t.Fatalf("got\n%s", outcomes(r))
	}
}

// Fault 26.
func TestCredentialsThatExpireInMidRunAreRenewed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 5 {
		l.put(hub, east, fmt.Sprint("s", i), "one")
	}
	l.forget()
	l.aws.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Account: one, After: 2, Times: 1, Code: "ExpiredTokenException"})
	if r := l.sync(l.engine(spokes), engine.Options{}); r.NotAsWanted() {
		t.Fatalf("got\n%s", outcomes(r))
	}
	if n := l.aws.Ledger().Count(awslocal.Match{Operation: "AssumeRole"}); n != 3 {
		t.Errorf("%d sessions were made, want two and one more", n)
	}
}
