package rotate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// native is a lab with a store that is not gated, as only that one can be asked to rotate by itself.
func native(t *testing.T) *lab {
	l := newLab(t, rotate.SingleUser)
	l.place.RotateBy(secretName, "arn:aws:lambda:us-east-1:111122223333:function:turn:live")
	l.s.At = l.place.Rotation()
	return l
}

func TestASecretWithARotationOfItsOwnIsRotatedByThat(t *testing.T) {
	for _, begun := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := native(t)
			want := rotate.Rotated
			if begun {
				l.place.Begin(secretName, token(1))
				want = rotate.Resumed
			}
			go func() { // the function
				time.Sleep(3 * time.Minute)
				v := l.staged().Pending
				for _, step := range rotate.Steps() {
					if err := l.r.Step(t.Context(), l.s, step, v); err != nil {
						t.Error(err)
					}
				}
			}()
			report := l.must(doRotate, want)
			if st := l.staged(); report.To != st.Current || report.From != st.Previous || len(report.Steps) != 1 || report.Steps[0].Outcome != "done" {
				t.Errorf("%+v", report)
			}
			l.settled("native")
		})
	}
}

func TestANativeRotationThatFailsSaysWhereItIsWritten(t *testing.T) {
	for part, function := range map[string]func(l *lab){
		"is still pending": func(*lab) {},
		"is neither pending nor current any more": func(l *lab) {
			time.Sleep(time.Minute)
			st := l.staged()
			if err := l.s.At.Withdraw(l.t.Context(), st); err != nil {
				l.t.Error(err)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := native(t)
			began := time.Now()
			go function(l)
			report := l.fails(doRotate, nil, part, "see the log of its function, /aws/lambda/turn")
			if time.Since(began) > 16*time.Minute || len(report.Steps) != 1 || report.Steps[0].Outcome != "failed" {
				t.Errorf("after %s: %+v", time.Since(began), report)
			}
			if v, _ := l.place.Value(secretName); !l.works(l.staged().Current) || v.Equal(secret.Value{}) {
				t.Error("the credential does not work")
			}
		})
	}
}
