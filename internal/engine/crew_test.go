package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

func TestAPanicInAGoroutineComesBackToTheCallerWithoutItsValue(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", canary)
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Account: one, Then: func(awslocal.Call) { panic(canary) }})
	defer func() {
		p, ok := recover().(*engine.PanicError)
		if !ok || p.Type != "string" || !strings.Contains(p.Where, "crew_test.go") || strings.Contains(p.Where+p.Error(), canary) {
			t.Errorf("got %+v", p)
		}
	}()
	_, err := l.engine(spokes).Plan(t.Context(), engine.Options{})
	t.Error("the panic was lost", errors.Unwrap(err))
}
