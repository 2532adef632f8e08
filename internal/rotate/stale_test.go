package rotate_test

import (
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/generate"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store/mem"
)

func TestWhatSomebodyWroteSinceARotationBeganIsNotUndone(t *testing.T) {
	text := func(v string) secret.Value { return secret.Text([]byte(v)) }
	for _, driven := range []bool{false, true} {
		for writes := range 4 {
			place := mem.New(secret.Place{Account: "111122223333", Region: "us-east-1"})
			place.Put(secretName, text(`{"password":"p0","endpoint":"v0"}`))
			r := &rotate.Rotator{Engines: map[string]rotate.Engine{"generate": generate.New()}, Owner: "me"}
			s := rotate.Secret{Store: "hub", Name: secretName, At: place.Rotation(), Settings: rotate.Settings{Engine: "generate"}}
			if driven {
				place.RotateBy(secretName, "arn:aws:lambda:us-east-1:111122223333:function:secretsync")
				place.Begin(secretName, token(1))
				if err := r.Step(t.Context(), s, rotate.Create, token(1)); err != nil {
					t.Fatal(err)
				}
			} else {
				g := &gate{}
				g.trouble(loseAnswer, 0)
				g.first = []string{"Propose"}
				s.At = gated{s.At, g}
				if _, err := r.Rotate(t.Context(), s); err == nil || place.Staged(secretName).Pending == "" {
					t.Fatalf("not interrupted: %v", err)
				}
			}
			want := text(`{"password":"by hand","endpoint":"new"}`)
			for i := range writes {
				if want = text(`{"password":"by hand","endpoint":"new"}`); i+1 < writes {
					want = text(`{"password":"by hand","endpoint":"between"}`)
				}
				place.Put(secretName, want)
			}
			var err error
			if driven {
				err = r.Step(t.Context(), s, rotate.Finish, token(1))
			} else {
				_, err = r.Rotate(t.Context(), s)
			}
			if (err != nil) != (writes > 0) {
				t.Errorf("driven: %t, %d writes: %v", driven, writes, err)
			}
			if now, _ := place.Value(secretName); writes > 0 && !now.Equal(want) {
				t.Errorf("driven: %t, %d writes: what was written is lost", driven, writes)
			}
		}
	}
}
