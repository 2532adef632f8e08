package login_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestTwoNamesTakeTurns(t *testing.T) {
	size := func(s string) int { return len(s) }
	for user, want := range map[string]string{"app": "app_clone", "app_clone": "app", "_clone": "_clone_clone", "a_clone_clone": "a_clone"} {
		got, err := login.Clone(user, 63, size)
		if err != nil || got != want {
			t.Errorf("%q takes turns with %q, %v; want %q", user, got, err, want)
		}
		if back, err := login.Clone(got, 63, size); err != nil || back != user && user != "a_clone_clone" {
			t.Errorf("%q takes turns with %q, %v; want %q", got, back, err, user)
		}
		if login.Base(user) != login.Base(got) && user != "a_clone_clone" {
			t.Errorf("%q and %q are not of one base", user, got)
		}
	}
	if _, err := login.Clone("app", 8, size); !errors.Is(err, rotate.ErrForm) {
		t.Errorf("got the error %v", err)
	}
	if got, err := login.Clone("app_clone", 8, size); err != nil || got != "app" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheServersNameIsPartOfWhatIsVerified(t *testing.T) {
	for mode, verified := range map[string]bool{"": true, "verify": true, "require": false} {
		config, err := login.TLS(rotate.TLS{Mode: mode}, "db.example.com")
		if err != nil || config.ServerName != "db.example.com" || config.InsecureSkipVerify == verified {
			t.Errorf("%q: %v", mode, err)
		}
	}
	if config, err := login.TLS(rotate.TLS{Mode: "disable"}, "x"); err != nil || config != nil {
		t.Errorf("got %v, %v", config, err)
	}
}

func TestACallEndsAlsoWhereNobodySaysWhen(t *testing.T) {
	ctx, cancel := login.Within(t.Context(), time.Hour)
	defer cancel()
	if _, ok := ctx.Deadline(); !ok {
		t.Error("it has no deadline")
	}
	own, stop := context.WithDeadline(t.Context(), time.Now().Add(2*time.Hour))
	defer stop()
	want, _ := own.Deadline()
	ctx, cancel = login.Within(own, time.Hour)
	defer cancel()
	if got, _ := ctx.Deadline(); !got.Equal(want) {
		t.Errorf("the caller's deadline %v became %v", want, got)
	}
}

func TestAddressesAreReadFromTheCredential(t *testing.T) {
	for in, want := range map[string]string{`{"host": "db"}`: "db:5432", `{"host": "::1", "port": "7"}`: "[::1]:7", `{"host": "db", "port": 8.0}`: ""} {
		c, err := rotate.ParseCredential(secret.Text([]byte(in)))
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := login.Address(c, 5432)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: got %q, %v", in, got, err)
		}
	}
}
