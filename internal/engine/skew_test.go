package engine_test

import (
	"testing"
	"time"

	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/engine"
)

// Fault 27.
func TestAClockThatIsTenMinutesOffDeletesNothingEarlyAndLosesNothing(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"the AWS is ahead": 10 * time.Minute, "the AWS is behind": -10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.later(skew)
			e := l.engine(deleting, func(s *engine.Setup) { s.Now = time.Now })
			l.estate(e, 2)
			if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
				t.Errorf("nothing has changed:\n%s", outcomes(r))
			}
			l.put(hub, east, "app/001", "new")
			l.remove(hub, east, "app/000")
			expect(t, "outcomes", outcomes(l.sync(e, engine.Options{})), `
applied update new-version app/001 123456789012/eu-west-1
applied delete source-deleted app/000 123456789012/eu-west-1`)
			if _, err := l.as(hub, east).RestoreSecret(t.Context(), &sm.RestoreSecretInput{SecretId: ptr("app/000")}); err != nil {
				t.Fatal(err)
			}
			expect(t, "outcomes", outcomes(l.sync(e, engine.Options{})), "applied restore scheduled-for-deletion app/000 123456789012/eu-west-1")
			if got, _ := l.value(hub, west, "app/000"); got != canary {
				t.Error("the restored copy has lost its value")
			}
			if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
				t.Errorf("nothing has changed after that:\n%s", outcomes(r))
			}
			l.remove(hub, east, "app/001")
			l.sync(e, engine.Options{})
			l.later(9*24*time.Hour - time.Minute)
			if l.missing(hub, west, "app/001") {
				t.Error("the copy is gone before its window has passed")
			}
			l.later(2 * time.Minute)
			if !l.missing(hub, west, "app/001") {
				t.Error("the copy is still there after its window of 9 days")
			}
		})
	}
}
