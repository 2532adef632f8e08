package rotate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// token is what Secrets Manager calls a rotation.
func token(n int) secret.Version {
	return secret.Version(fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", n))
}

// driven is a lab with a secret that Secrets Manager rotates.
func driven(t *testing.T, w way) *lab {
	w.numbered = false
	l := w.lab(t)
	l.place.RotateBy(secretName, "arn:aws:lambda:us-east-1:111122223333:function:secretsync")
	return l
}

func (l *lab) step(step rotate.Step, v secret.Version) error {
	err := l.r.Step(l.t.Context(), l.s, step, v)
	fmt.Fprintln(l, err)
	return err
}

func TestSecretsManagerDrivesTheFourStepsEachAsOftenAsItLikes(t *testing.T) {
	for _, w := range ways {
		for times := range 3 {
			l := driven(t, w)
			for n := range 3 {
				before := l.staged()
				l.place.Begin(secretName, token(n))
				for _, step := range rotate.Steps() {
					for range times + 1 {
						if err := l.step(step, token(n)); err != nil {
							t.Fatalf("%+v: %s: %v", w, step, err)
						}
					}
					l.someWorks(string(step))
				}
				if st := l.staged(); st.Current != token(n) || st.Previous != before.Current {
					t.Fatalf("%+v: from %+v to %+v", w, before, st)
				}
				l.settled(fmt.Sprint(w))
			}
			l.silent()
		}
	}
}

func TestAStepOutOfOrderChangesNothing(t *testing.T) {
	for _, w := range ways {
		l := driven(t, w)
		first := l.staged().Current
		for _, step := range rotate.Steps() {
			if err := l.step(step, first); err != nil {
				t.Errorf("%s of what is current: %v", step, err)
			}
			for _, unknown := range []secret.Version{token(7), ""} {
				if err := l.step(step, unknown); err == nil {
					t.Errorf("%s of %q succeeds", step, unknown)
				}
			}
		}
		l.place.Begin(secretName, token(1))
		for _, step := range []rotate.Step{rotate.Set, rotate.Test, rotate.Finish, "other"} {
			if err := l.step(step, token(1)); err == nil {
				t.Errorf("%s before createSecret succeeds", step)
			}
		}
		if err := l.step(rotate.Create, token(1)); err != nil {
			t.Fatal(err)
		}
		made := l.credential(token(1)).Password()
		for _, step := range []rotate.Step{rotate.Test, rotate.Finish} {
			if err := l.step(step, token(1)); !errors.Is(err, rotate.ErrDenied) {
				t.Errorf("%s before setSecret: %v", step, err)
			}
		}
		if st := l.staged(); st.Current != first || st.Pending != token(1) || !l.works(first) || l.works(token(1)) {
			t.Errorf("%+v: %+v", w, st)
		}
		for _, step := range []rotate.Step{rotate.Create, rotate.Set, rotate.Create, rotate.Finish} {
			if err := l.step(step, token(1)); err != nil {
				t.Errorf("%s: %v", step, err)
			}
		}
		if l.credential(token(1)).Password() != made || l.staged().Current != token(1) {
			t.Error("createSecret made two values")
		}
		l.settled(fmt.Sprint(w))
		l.silent()
	}
}

func TestARotationThatSecretsManagerDrivesCanBeGivenUp(t *testing.T) {
	for _, w := range ways {
		for upTo := range 4 {
			l := driven(t, w)
			first := l.staged().Current
			l.place.Begin(secretName, token(1))
			for _, step := range rotate.Steps()[:upTo] {
				if err := l.step(step, token(1)); err != nil {
					t.Fatal(err)
				}
			}
			l.must(doCancel, rotate.Cancelled)
			if l.staged().Current != first {
				t.Errorf("%+v", l.staged())
			}
			l.settled(fmt.Sprint(w, upTo))
			if err := l.step(rotate.Finish, token(1)); err == nil {
				t.Error("it is finished all the same")
			}
			l.settled(fmt.Sprint(w, upTo))
		}
	}
}

// TestWhateverIsDoneNobodyIsLockedOut does anything in any order, dies at any call, and ends with all in order.
func TestWhateverIsDoneNobodyIsLockedOut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := rapid.SampledFrom(ways).Draw(rt, "way")
		l := w.lab(t)
		acts := map[string]act{"rotate": doRotate, "cancel": doCancel, "roll back": doRollback}
		for range rapid.IntRange(1, 12).Draw(rt, "acts") {
			what := rapid.SampledFrom([]string{"rotate", "rotate", "cancel", "roll back", "step", "write"}).Draw(rt, "act")
			l.gate.trouble(rapid.SampledFrom(modes).Draw(rt, "mode"), rapid.IntRange(0, 40).Draw(rt, "at"))
			switch what {
			case "step":
				v := rapid.SampledFrom([]secret.Version{l.staged().Pending, l.staged().Current, l.staged().Previous}).Draw(rt, "token")
				step := rapid.SampledFrom(rotate.Steps()).Draw(rt, "step")
				l.do(func(r *rotate.Rotator, _ context.Context, s rotate.Secret) (rotate.Report, error) {
					_ = r.Step(t.Context(), s, step, v)
					return rotate.Report{Steps: []rotate.StepReport{}}, nil
				})
			case "write": // somebody adds a member, and keeps the credential; what works is current already
				if c := l.credential(l.staged().Current); l.counts == nil && l.works(l.staged().Current) {
					v, _ := c.With("note", rapid.StringN(0, 4, -1).Draw(rt, "note")).Value()
					l.place.Put(secretName, v)
				}
			default:
				l.do(acts[what])
			}
			l.someWorks(what)
			if t.Failed() {
				rt.Fatalf("after %s: %v", what, l.gate.ops)
			}
		}
		l.gate.trouble("", 0)
		switch {
		case l.halfway():
			l.fails(doCancel, nil, "was current before it could be given up: `rotate rds/app --rollback` takes it back")
		case l.staged().Pending != "":
			l.must(doCancel, rotate.Cancelled)
		}
		l.must(doRotate, rotate.Rotated)
		l.settled("at the end")
		l.silent()
	})
}
