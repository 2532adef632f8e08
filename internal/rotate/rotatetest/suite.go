package rotatetest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/rotate"
)

type test struct {
	name string
	do   func(t *testing.T, h Harness)
}

var suite = []test{
	{"AWrongPasswordAndAnUnknownUserAreDenied", func(t *testing.T, h Harness) {
		h.Create(t, "app_denied", canary)
		must(t, h.try(t, "app_denied", canary))
		wantKind(t, h.try(t, "app_denied", canary+"x"), rotate.ErrDenied)
		wantKind(t, h.try(t, "app_nobody", canary), rotate.ErrDenied)
	}},
	{"WhatIsNoCredentialIsOfTheWrongForm", func(t *testing.T, h Harness) {
		c := h.Server.Credential(t, "app", canary)
		for what, broken := range map[string]rotate.Credential{
			"no host": c.With("host", ""), "no password": c.With("password", ""), "no port": c.With("port", "65536"),
			"a socket": c.With("host", filepath.Join(t.TempDir(), "socket")), "a socket without a file": c.With("host", "@socket"),
		} {
			_, err := h.Login.Connect(t.Context(), broken, h.Server.TLS())
			t.Log(what, err)
			wantKind(t, err, rotate.ErrForm)
		}
	}},
	{"AUserChangesItsOwnPassword", func(t *testing.T, h Harness) {
		last := canary
		h.Create(t, "app_self", last)
		for _, p := range passwords(1) {
			s := h.open(t, "app_self", last)
			must(t, s.SetPassword(t.Context(), "app_self", p))
			must(t, s.SetPassword(t.Context(), "app_self", p))
			must(t, s.Forget(t.Context(), "app_self", []string{p}))
			must(t, h.try(t, "app_self", p))
			wantKind(t, h.try(t, "app_self", last), rotate.ErrDenied)
			must(t, h.Use(t, "app_self", p, "app_self"))
			last = p
		}
	}},
	{"SeveralAtOnceComeToOneResult", func(t *testing.T, h Harness) {
		h.Create(t, "app_twice", canary)
		const two = canary + "-clone"
		done := make(chan error)
		for range 4 {
			s := h.master(t)
			go func() {
				var err error
				for range 5 {
					err = errors.Join(err, s.SetClone(t.Context(), "app_twice", "app_twice_clone", two), s.SetPassword(t.Context(), "app_twice", canary))
				}
				done <- err
			}()
		}
		for range 4 {
			must(t, <-done)
		}
		must(t, h.try(t, "app_twice", canary))
		must(t, h.Use(t, "app_twice_clone", two, "app_twice"))
	}},
	{"AMasterChangesThePasswordsOfOthers", func(t *testing.T, h Harness) {
		for i, name := range append([]string{"app_other"}, h.Names...) {
			h.Create(t, name, canary)
			s := h.master(t)
			some := passwords(2)[:3]
			if i > 0 {
				some = some[:1]
			}
			for _, p := range some {
				must(t, s.SetPassword(t.Context(), name, p))
				must(t, s.SetPassword(t.Context(), name, p))
				must(t, s.Forget(t.Context(), name, []string{p}))
				must(t, h.try(t, name, p))
				wantKind(t, h.try(t, name, canary), rotate.ErrDenied)
			}
			must(t, h.try(t, h.Server.User, h.Server.Password))
			if i == 0 {
				self := h.open(t, name, passwords(2)[2])
				must(t, self.SetPassword(t.Context(), name, canary))
			}
		}
	}},
	{"WhatIsNotThereGetsNoPassword", func(t *testing.T, h Harness) {
		s := h.master(t)
		if told(t, s.SetPassword(t.Context(), "app_missing", canary)) == nil {
			t.Error("a user that does not exist was given a password")
		}
		wantKind(t, h.try(t, "app_missing", canary), rotate.ErrDenied)
		wantKind(t, s.SetClone(t.Context(), "app_missing", "app_missing_clone", canary), rotate.ErrForm)
		wantKind(t, h.try(t, "app_missing_clone", canary), rotate.ErrDenied)
		wantKind(t, s.SetClone(t.Context(), "app_missing_clone", "app_missing", canary), rotate.ErrForm)
	}},
	{"NobodyChangesWhatItMayNot", func(t *testing.T, h Harness) {
		h.Create(t, "app_meek", canary)
		h.Create(t, "app_victim", canary)
		s := h.open(t, "app_meek", canary)
		for _, err := range []error{
			s.SetPassword(t.Context(), "app_victim", canary+"2"), s.SetClone(t.Context(), "app_meek", "app_meek_clone", canary),
			s.SetClone(t.Context(), "app_victim_clone", "app_victim", canary+"2"),
		} {
			if told(t, err) == nil {
				t.Error("it was done")
			}
			t.Log(err)
		}
		must(t, h.try(t, "app_victim", canary))
		wantKind(t, h.try(t, "app_victim", canary+"2"), rotate.ErrDenied)
	}},
	{"ACloneHasTheRightsOfItsBaseAndTheyTakeTurns", func(t *testing.T, h Harness) {
		for i, base := range append([]string{"app_turns"}, h.Names...) {
			clone, err := h.Login.Clone(base)
			must(t, err)
			if back, err := h.Login.Clone(clone); err != nil || back != base {
				t.Fatalf("%q takes turns with %q, and that with %q: %v", base, clone, back, err)
			}
			if i > 0 {
				base += "1" // the names are in use
				if clone, err = h.Login.Clone(base); err != nil {
					t.Fatal(err)
				}
			}
			current, password := base, canary+" 0"
			h.Create(t, base, password)
			must(t, h.Use(t, base, password, base))
			turns := 4
			if i > 0 {
				turns = 2
			}
			for turn := range turns {
				next, nextPassword := clone, fmt.Sprint(canary, " ' ", turn+1)
				if current == clone {
					next = base
				}
				s := h.master(t)
				must(t, s.SetClone(t.Context(), current, next, nextPassword))
				must(t, h.Use(t, current, password, base))
				must(t, s.SetClone(t.Context(), current, next, nextPassword))
				must(t, s.Forget(t.Context(), next, []string{nextPassword}))
				must(t, h.Use(t, next, nextPassword, base))
				must(t, h.Use(t, current, password, base))
				current, password = next, nextPassword
			}
		}
	}},
	{"WhoTakesTurnsWithNobodyGetsNoPassword", func(t *testing.T, h Harness) {
		for _, user := range []string{"app_boss", "app_rider"} {
			h.Create(t, user, canary)
		}
		s := h.master(t)
		for _, pair := range [][2]string{{"app_boss", "app_boss"}, {"app_rider", "app_boss"}, {"app_rider", "app_boss_clone"}, {"app_boss_clone", "app_boss"}, {"app_boss_clone_clone", "app_boss"}, {"", "_clone"}} {
			wantKind(t, s.SetClone(t.Context(), pair[0], pair[1], canary+"2"), rotate.ErrForm)
		}
		must(t, h.try(t, "app_boss", canary))
		wantKind(t, h.try(t, "app_boss", canary+"2"), rotate.ErrDenied)
		wantKind(t, h.try(t, "app_boss_clone", canary+"2"), rotate.ErrDenied)
	}},
	{"ANameThatWouldBeTooLongIsRefused", func(t *testing.T, h Harness) {
		_, err := h.Login.Clone(strings.Repeat("x", 1100))
		if h.Server.Engine == "redis" {
			must(t, err)
			return
		}
		wantKind(t, err, rotate.ErrForm)
		wantKind(t, h.master(t).SetPassword(t.Context(), strings.Repeat("x", 1100), canary), rotate.ErrForm)
	}},
	{"ForgettingLeavesTheLastPasswords", func(t *testing.T, h Harness) {
		h.Create(t, "app_several", canary+"1")
		s := h.master(t)
		must(t, s.SetPassword(t.Context(), "app_several", canary+"2"))
		must(t, h.try(t, "app_several", canary+"2"))
		if h.Several {
			must(t, h.try(t, "app_several", canary+"1"))
			must(t, s.SetPassword(t.Context(), "app_several", canary+"3"))
			must(t, s.Forget(t.Context(), "app_several", []string{canary + "2", canary + "3"}))
			must(t, h.try(t, "app_several", canary+"3"))
			must(t, s.Forget(t.Context(), "app_several", []string{canary + "2"}))
		}
		wantKind(t, h.try(t, "app_several", canary+"1"), rotate.ErrDenied)
		wantKind(t, h.try(t, "app_several", canary+"3"), rotate.ErrDenied)
		must(t, s.Forget(t.Context(), "app_several", []string{canary + "2"}))
		_ = told(t, s.Forget(t.Context(), "app_several", []string{canary + "unknown"}))
		_ = told(t, s.Forget(t.Context(), "app_several", nil))
		must(t, h.try(t, "app_several", canary+"2"))
	}},
	{"AServerThatIsAwayIsNotADenial", func(t *testing.T, h Harness) {
		h.Create(t, "app_away", canary)
		s, master := h.open(t, "app_away", canary), h.master(t)
		h.Server.Stop(t)
		defer h.Server.Start(t)
		wantKind(t, h.try(t, "app_away", canary), rotate.ErrAway)
		wantKind(t, s.SetPassword(t.Context(), "app_away", canary+"2"), rotate.ErrAway)
		wantKind(t, s.SetPassword(t.Context(), "app_away", canary+"2"), rotate.ErrAway)
		wantKind(t, master.SetClone(t.Context(), "app_away", "app_away_clone", canary), rotate.ErrAway)
		h.Server.Start(t)
		must(t, h.try(t, "app_away", canary))
		wantKind(t, h.try(t, "app_away", canary+"2"), rotate.ErrDenied)
	}},
	{"WhatWasChangedOutlivesTheServer", func(t *testing.T, h Harness) {
		h.Create(t, "app_kept", canary)
		s := h.master(t)
		must(t, s.SetPassword(t.Context(), "app_kept", canary+"2"))
		must(t, s.SetClone(t.Context(), "app_kept", "app_kept_clone", canary+"3"))
		h.Server.Stop(t)
		h.Server.Start(t)
		must(t, h.Use(t, "app_kept", canary+"2", "app_kept"))
		must(t, h.Use(t, "app_kept_clone", canary+"3", "app_kept"))
	}},
	{"ACallThatIsCancelledEnds", func(t *testing.T, h Harness) {
		h.Create(t, "app_cancelled", canary)
		s := h.open(t, "app_cancelled", canary)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.Login.Connect(ctx, h.Server.Credential(t, "app_cancelled", canary), h.Server.TLS())
		wantKind(t, err, rotate.ErrAway)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error %v does not say that it was cancelled", err)
		}
		wantKind(t, s.SetPassword(ctx, "app_cancelled", canary+"2"), rotate.ErrAway)
	}},
	{"OnlyTheServerThatIsMeantIsTalkedTo", func(t *testing.T, h Harness) {
		h.Create(t, "app_tls", canary)
		ctx := t.Context()
		connect := func(host string, how rotate.TLS) error {
			s, err := h.Login.Connect(ctx, h.Server.Credential(t, "app_tls", canary).With("host", host), how)
			if err == nil {
				s.Close(t.Context())
			}
			return told(t, err)
		}
		must(t, connect("127.0.0.1", h.Server.TLS()))
		must(t, connect("localhost", rotate.TLS{Mode: "verify", CA: h.Server.CA}))
		must(t, connect("127.0.0.1", rotate.TLS{Mode: "require"}))
		for _, how := range []rotate.TLS{{CA: h.Server.OtherCA}, {}} {
			err := connect("127.0.0.1", how)
			wantKind(t, err, rotate.ErrAway)
			if !strings.Contains(err.Error(), "certificate") {
				t.Errorf("the error does not say why: %v", err)
			}
		}
		for _, how := range []rotate.TLS{{Mode: "prefer"}, {CA: filepath.Join(t.TempDir(), "none.pem")}} {
			if err := connect("127.0.0.1", how); err == nil || !strings.Contains(err.Error(), "tls") {
				t.Errorf("got the error %v", err)
			}
		}
		h.Server.Stop(t)
		defer func() { h.Server.Stop(t); h.Server.Start(t) }()
		h.Server.Start(t, h.Plain...)
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // a Redis without TLS waits for the rest of a command
		defer cancel()
		must(t, connect("127.0.0.1", rotate.TLS{Mode: "disable"}))
		wantKind(t, connect("127.0.0.1", h.Server.TLS()), rotate.ErrAway)
		wantKind(t, connect("127.0.0.1", rotate.TLS{Mode: "require"}), rotate.ErrAway)
	}},
	{"TheEnvironmentHasNoSay", func(t *testing.T, h Harness) {
		h.Create(t, "app_env", canary)
		for name, value := range map[string]string{
			"PGHOST": "192.0.2.1", "PGPORT": "nonsense", "PGUSER": "x", "PGPASSWORD": "x", "PGDATABASE": "x", "PGSSLMODE": "nonsense", "PGSSLROOTCERT": "/none", "PGSSLCERT": "/none", "PGSSLKEY": "/none",
			"PGSERVICE": "x", "PGSERVICEFILE": "/none", "PGPASSFILE": "/none", "PGTARGETSESSIONATTRS": "standby", "PGOPTIONS": "-c nonsense=1", "PGAPPNAME": "x", "PGCONNECT_TIMEOUT": "x",
			"PGMINPROTOCOLVERSION": "x", "PGMAXPROTOCOLVERSION": "x", "PGCHANNELBINDING": "x", "PGREQUIREAUTH": "x", "PGSSLNEGOTIATION": "direct", "PGSSLCERTMODE": "x", "PGSSLSNI": "x", "PGTZ": "nonsense",
			"MYSQL_PWD": "x", "MYSQL_HOST": "192.0.2.1", "MYSQL_TCP_PORT": "1", "REDISCLI_AUTH": "x", "HOME": t.TempDir(),
		} {
			t.Setenv(name, value)
		}
		must(t, h.try(t, "app_env", canary))
		wantKind(t, h.try(t, "app_env", canary+"x"), rotate.ErrDenied)
	}},
}
