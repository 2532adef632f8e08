package engine_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

// saved makes a plan and sends it through its JSON form, as a file does.
func (l *lab) saved(e *engine.Engine, o engine.Options) *plan.Plan {
	l.t.Helper()
	data, err := json.Marshal(l.plan(e, o).Plan)
	if err != nil {
		l.t.Fatal(err)
	}
	var p plan.Plan
	if err := json.Unmarshal(data, &p); err != nil {
		l.t.Fatal(err)
	}
	return &p
}

func (l *lab) prepared(text string) (*engine.Engine, *plan.Plan) {
	l.t.Helper()
	e := l.engine(text)
	for _, name := range []string{"app/a", "app/b", "app/c"} {
		l.put(hub, east, name, "one", "tag:k=v")
	}
	l.sync(e, engine.Options{})
	l.put(hub, east, "app/a", "two")
	l.put(hub, east, "app/new", "one")
	l.tag(hub, east, "app/b", "k", "w")
	l.remove(hub, east, "app/c")
	return e, l.saved(e, engine.Options{})
}

func TestASavedPlanIsAppliedExactly(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e, p := l.prepared(deleting)
	l.put(hub, east, "app/later", "one") // nobody planned this one
	run, err := e.Resume(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "outcomes", outcomes(e.Apply(t.Context(), run)), `
applied update new-version app/a 123456789012/eu-west-1
applied metadata tags-changed app/b 123456789012/eu-west-1
applied create missing app/new 123456789012/eu-west-1
applied delete source-deleted app/c 123456789012/eu-west-1`)
	if !l.missing(hub, west, "app/later") {
		t.Error("something was written that the plan does not hold")
	}
}

func TestAPlanIsStaleWhereWhatItWasMadeFromHasMoved(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(*lab){
		"a source has a new version":     func(l *lab) { l.put(hub, east, "app/a", "three") },
		"a copy was written":             func(l *lab) { l.put(hub, west, "app/a", "theirs") },
		"a copy was tagged":              func(l *lab) { l.tag(hub, west, "app/b", "theirs", "x") },
		"a copy was made meanwhile":      func(l *lab) { l.put(hub, west, "app/new", "theirs") },
		"a source to be created is gone": func(l *lab) { l.remove(hub, east, "app/new") },
		"a copy was replaced by another's": func(l *lab) {
			if _, err := l.as(hub, west).DeleteSecret(l.t.Context(), &sm.DeleteSecretInput{SecretId: ptr("app/a"), ForceDeleteWithoutRecovery: ptr(true)}); err != nil {
				l.t.Fatal(err)
			}
			l.put(hub, west, "app/a", "theirs")
		},
		"a deletion was done already": func(l *lab) { l.remove(hub, west, "app/c") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			e, p := l.prepared(deleting)
			move(l)
			l.forget()
			_, err := e.Resume(t.Context(), p, nil)
			if stale := (*engine.StaleError)(nil); !errors.As(err, &stale) || !strings.HasPrefix(err.Error(), "stale plan: ") {
				t.Errorf("got %v, want a stale plan", err)
			}
			for _, c := range l.aws.Ledger().Calls() {
				if strings.HasPrefix(c.Operation, "Put") || strings.HasPrefix(c.Operation, "Create") || strings.HasPrefix(c.Operation, "Tag") || strings.HasPrefix(c.Operation, "Delete") {
					t.Errorf("a stale plan was followed by %s", c.Operation)
				}
			}
		})
	}
}

func TestAPlanIsStaleWhereTheConfigurationIsAnother(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, p := l.prepared(deleting)
	other := l.engine(strings.Replace(deleting, "recoveryDays: 9", "recoveryDays: 10", 1))
	if _, err := other.Resume(t.Context(), p, nil); err == nil || !strings.Contains(err.Error(), "configuration") {
		t.Errorf("got %v", err)
	}
	owner := l.engine(strings.Replace(deleting, "owner: me", "owner: you", 1))
	if _, err := owner.Resume(t.Context(), p, nil); err == nil || !strings.Contains(err.Error(), "owner") {
		t.Errorf("got %v", err)
	}
}

func TestASourceThatMovesWhileASavedPlanIsAppliedIsLeftOut(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e, p := l.prepared(deleting)
	run, err := e.Resume(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.aws.Faults().Add(awslocal.Fault{Operation: "*GetSecretValue", Region: east, Times: 1, Then: func(awslocal.Call) { l.put(hub, east, "app/a", "three") }})
	r := e.Apply(t.Context(), run)
	if got := outcomes(r); !strings.Contains(got, "failed update new-version app/a 123456789012/eu-west-1: stale plan") || !strings.Contains(got, "applied create missing app/new") {
		t.Errorf("got\n%s", got)
	}
	if got, _ := l.value(hub, west, "app/a"); got != "one" {
		t.Errorf("the copy is at %q: not what was planned", got)
	}
}

func TestASavedPlanKeepsItsBrakesUnlessAPersonLiftsThem(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 8)
	for _, name := range []string{"app/000", "app/001", "app/002", "app/003", "app/004"} {
		l.remove(hub, east, name)
	}
	p := l.saved(e, engine.Options{})
	p.Brakes = nil // whatever the file says
	run, err := e.Resume(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := e.Apply(t.Context(), run); !r.Braked() || strings.Contains(outcomes(r), "applied") {
		t.Errorf("got\n%s", outcomes(r))
	}
	if run, err = e.Resume(t.Context(), p, ptr(5)); err != nil {
		t.Fatal(err)
	}
	if r := e.Apply(t.Context(), run); r.Braked() || strings.Count(outcomes(r), "applied delete") != 5 {
		t.Errorf("with five allowed:\n%s", outcomes(r))
	}
}

func TestASavedPlanIsAppliedWhereTheSourceMayBeReadAndNotDescribed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	e := l.engine(spokes)
	p := l.saved(e, engine.Options{})
	l.aws.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Account: hub, Code: "AccessDeniedException"})
	run, err := e.Resume(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := e.Apply(t.Context(), run); r.NotAsWanted() || r.Summary.Create != 2 {
		t.Errorf("got\n%s", outcomes(r))
	}
}

func TestAChangeThatStandsTwiceInASavedPlanIsRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e, p := l.prepared(deleting)
	p.Changes = append(p.Changes, p.Changes[0])
	if _, err := e.Resume(t.Context(), p, nil); err == nil || !strings.Contains(err.Error(), "stands in it twice") {
		t.Errorf("got %v", err)
	}
}
