package engine_test

import (
	"testing"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/store"
)

func TestARunLimitedToTargetsLooksAtNoOther(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(spokes)
	l.put(hub, east, "a", "one")
	first := hinted(hint("a"))
	first.Targets = func(t plan.Target) bool { return t.Account == one }
	l.forget()
	expect(t, "outcomes", outcomes(l.sync(e, first)), "applied create missing a 111111111111/us-east-1")
	expect(t, "calls", l.calls(), "AssumeRole 1, CreateSecret 1, DescribeSecret 2, GetCallerIdentity 2, GetSecretValue 1")
	if !l.missing(two, east, "a") {
		t.Error("the other target was written")
	}
	expect(t, "outcomes of the rest", outcomes(l.sync(e, hinted(hint("a")))), "applied create missing a 222222222222/us-east-1")
}

func TestWhatIsHeldIsLeftAsItIsAndNamed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(spokes)
	l.put(hub, east, "held", "one")
	l.put(hub, east, "other", "one")
	l.sync(e, engine.Options{})
	held := engine.Options{Held: func(ref store.Ref) bool { return ref == store.Ref{Store: "hub", Secret: "held"} }}
	if got := l.plan(e, held).Held(); got != nil {
		t.Errorf("%v is as wanted, and held", got)
	}
	l.put(hub, east, "held", "two")
	l.put(hub, east, "other", "two")
	run := l.plan(e, held)
	if got := run.Held(); len(got) != 1 || got[0].Secret != "held" {
		t.Errorf("held: %v", got)
	}
	expect(t, "outcomes", outcomes(e.Apply(t.Context(), run)), "applied update new-version other 111111111111/us-east-1\napplied update new-version other 222222222222/us-east-1")
	if got, _ := l.value(one, east, "held"); got != "one" {
		t.Error("what is held was written")
	}
}
