package login_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
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
		if base, err := login.Pair(user, got); err != nil || base != min(user, got) {
			t.Errorf("%q and %q are of the base %q, %v", user, got, base, err)
		}
	}
	if _, err := login.Clone("app", 8, size); !errors.Is(err, rotate.ErrForm) {
		t.Errorf("got the error %v", err)
	}
	if got, err := login.Clone("app_clone", 8, size); err != nil || got != "app" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTwoNamesThatDoNotTakeTurnsAreNoPair(t *testing.T) {
	for _, pair := range [][2]string{{"app", "app"}, {"app_clone", "app_clone"}, {"app", "other"}, {"app", "other_clone"}, {"app_clone_clone", "app"}, {"app_clone", "app_clone_clone"}, {"", "_clone"}, {"_clone", ""}} {
		if base, err := login.Pair(pair[0], pair[1]); !errors.Is(err, rotate.ErrForm) {
			t.Errorf("%q are a pair of base %q, %v", pair, base, err)
		}
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

func TestACallEndsWhereNobodySaysWhenAndWhereSomebodySaysLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for own, want := range map[time.Duration]time.Duration{0: time.Hour, 2 * time.Hour: time.Hour, time.Minute: time.Minute} {
			outer := t.Context()
			if own > 0 {
				var stop context.CancelFunc
				outer, stop = context.WithTimeout(outer, own)
				defer stop()
			}
			ctx, cancel := login.Within(outer, time.Hour)
			defer cancel()
			if end, ok := ctx.Deadline(); !ok || time.Until(end) != want {
				t.Errorf("with %v of the caller's it ends after %v, %v", own, time.Until(end), ok)
			}
		}
	})
}

func TestAddressesAreReadFromTheCredential(t *testing.T) {
	for in, want := range map[string]string{`{"host": "db"}`: "db:5432", `{"host": "::1", "port": "7"}`: "[::1]:7", `{"host": "db", "port": 8.0}`: "",
		`{"host": "/run/db"}`: "", `{"host": "@db"}`: "", `{"host": "run/db"}`: "", `{"host": "C:\\db"}`: ""} {
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
