package redis_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"testing"

	driver "github.com/gomodule/redigo/redis"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
	"github.com/secretsync-dev/secretsync/internal/rotate/redis"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
)

// dial logs in as a client of its own does.
func dial(s *rotatetest.Server, user, password string) (driver.Conn, error) {
	tls, err := login.TLS(s.TLS(), s.Host)
	if err != nil {
		return nil, err
	}
	return driver.Dial("tcp", s.Address(), driver.DialUseTLS(true), driver.DialTLSConfig(tls), driver.DialUsername(user), driver.DialPassword(password))
}

func as(t *testing.T, s *rotatetest.Server, user, password string) driver.Conn {
	t.Helper()
	conn, err := dial(s, user, password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func do(t *testing.T, conn driver.Conn, command string, args ...any) any {
	t.Helper()
	reply, err := conn.Do(command, args...)
	if err != nil {
		t.Fatalf("%s %v: %v", command, args, err)
	}
	return reply
}

func hash(password string) string { return fmt.Sprintf("#%x", sha256.Sum256([]byte(password))) }

// place is what the keys of a user begin with.
func place(user string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(user))
	return fmt.Sprintf("place_%x:", h.Sum32())
}

// create makes a user that may do everything at its place and, unless meek is in its name, change users.
func create(t *testing.T, s *rotatetest.Server, user, password string) {
	t.Helper()
	rules := []any{"SETUSER", user, "on", hash(password), "~" + place(user) + "*", "&" + place(user) + "*", "+@all"}
	if strings.Contains(user, "meek") {
		rules = append(rules, "-acl")
	}
	root := as(t, s, s.User, s.Password)
	do(t, root, "ACL", rules...)
	do(t, root, "ACL", "SAVE")
}

func use(s *rotatetest.Server, user, password, base string) error {
	conn, err := dial(s, user, password)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, c := range [][]any{{"SET", place(base) + "a", "1"}, {"GET", place(base) + "a"}, {"PUBLISH", place(base) + "a", "1"}, {"DEL", place(base) + "a"}} {
		if _, err := conn.Do(c[0].(string), c[1:]...); err != nil {
			return fmt.Errorf("%v: %w", c, err)
		}
	}
	if _, err := conn.Do("GET", "elsewhere"); err == nil {
		return errors.New("it may read what is another's")
	}
	return nil
}

func TestTheLoginPassesTheSuite(t *testing.T) {
	s := rotatetest.Redis(t)
	rotatetest.Login(t, rotatetest.Harness{
		Login: redis.Login{}, Server: s, Plain: []string{"--tls-port", "0", "--port", strconv.Itoa(s.Port)}, Several: true,
		Names:  []string{"'", `a"b'c\;--$$%s{é}`, "Ünï🔑", strings.Repeat("x", 1000), "(", "#x", "on", "~*"},
		Create: func(t *testing.T, user, password string) { create(t, s, user, password) },
		Use:    func(_ *testing.T, user, password, base string) error { return use(s, user, password, base) },
		Statements: func(t *testing.T) string {
			root := as(t, s, s.User, s.Password)
			return fmt.Sprintf("%q", do(t, root, "SLOWLOG", "GET", "-1")) + fmt.Sprintf("%q", do(t, root, "ACL", "LOG"))
		},
	})
}

func session(t *testing.T, s *rotatetest.Server, user, password string) rotate.Session {
	t.Helper()
	got, err := redis.Login{}.Connect(t.Context(), s.Credential(t, user, password), s.TLS())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { got.Close(context.Background()) })
	return got
}

func rules(t *testing.T, s *rotatetest.Server, user string) string {
	t.Helper()
	lines, err := driver.Strings(do(t, as(t, s, s.User, s.Password), "ACL", "LIST"), nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "user "+user+" ") })
	if i < 0 {
		t.Fatalf("there is no %s", user)
	}
	return strings.Join(slices.DeleteFunc(strings.Fields(lines[i])[2:], func(r string) bool { return strings.HasPrefix(r, "#") || r == "nopass" }), " ")
}

func TestServersOfRedis(t *testing.T) {
	s := rotatetest.Redis(t)
	root := as(t, s, s.User, s.Password)

	t.Run("ACloneHasTheRulesOfItsBase", func(t *testing.T) {
		for i, r := range []string{
			"on ~a:* %R~b:* &news.* -@all +@read -get +config|get", "on allkeys allchannels +@all -@dangerous", "off resetchannels",
			"on ~x (+get ~y*) (%W~z +set &c)", "on sanitize-payload ~* +ping", "on nopass ~* +@all",
		} {
			base := fmt.Sprintf("base%d", i)
			args := []any{"SETUSER", base}
			for f := range strings.FieldsSeq(r) {
				args = append(args, f)
			}
			do(t, root, "ACL", args...)
			m := session(t, s, s.User, s.Password)
			for range 2 {
				before := rules(t, s, base)
				if err := m.SetClone(t.Context(), base, base+"_clone", "y"); err != nil {
					t.Fatal(err)
				}
				got := rules(t, s, base+"_clone")
				if strings.Replace(got, "sanitize-payload ", "", 1) != strings.Replace(before, "sanitize-payload ", "", 1) || rules(t, s, base) != before { // the usual one, in words
					t.Errorf("the clone has\n%s\nits base\n%s", got, before)
				}
				if _, err := dial(s, base+"_clone", "wrong"); err == nil {
					t.Error("the clone takes any password")
				}
				do(t, root, "ACL", "SETUSER", base, "resetkeys", "~other", "-del")
			}
		}
	})

	t.Run("ABaseKeepsItsRulesWhateverItsCloneHas", func(t *testing.T) {
		create(t, s, "kept", "x")
		m, before := session(t, s, s.User, s.Password), rules(t, s, "kept")
		if err := m.SetClone(t.Context(), "kept", "kept_clone", "y"); err != nil {
			t.Fatal(err)
		}
		do(t, root, "ACL", "SETUSER", "kept_clone", "resetkeys", "-@all")
		if err := m.SetClone(t.Context(), "kept_clone", "kept", "z"); err != nil {
			t.Fatal(err)
		}
		if got := rules(t, s, "kept"); got != before {
			t.Errorf("the base has %s, and had %s", got, before)
		}
	})

	t.Run("WhoMayNotChangeUsersIsToldSo", func(t *testing.T) {
		create(t, s, "meek", "x")
		err := session(t, s, "meek", "x").SetPassword(t.Context(), "meek", "y")
		if err == nil || !strings.Contains(err.Error(), "may not") {
			t.Errorf("got the error %v", err)
		}
	})

	t.Run("ACredentialWithoutUserIsTheDefaultUsers", func(t *testing.T) {
		c := s.Credential(t, "", s.Password)
		m, err := redis.Login{}.Connect(t.Context(), c, s.TLS())
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close(t.Context())
		if err := errors.Join(m.SetPassword(t.Context(), "", "second"), m.Forget(t.Context(), "", []string{"second", s.Password})); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{"second", s.Password} {
			session(t, s, "", p)
		}
	})

	t.Run("AUserWhoseEveryPasswordIsTakenIsNoted", func(t *testing.T) {
		create(t, s, "open", "x")
		do(t, root, "ACL", "SETUSER", "open", "nopass")
		m := session(t, s, "open", "whatever")
		for range 2 {
			if err := m.Forget(t.Context(), "open", []string{"x"}); err != nil {
				t.Fatal(err)
			}
		}
		notes := m.(rotate.Noter).Notes()
		if len(notes) != 1 || !strings.Contains(notes[0], `"open"`) || !strings.Contains(notes[0], "nopass") {
			t.Errorf("got the notes %q", notes)
		}
	})

	t.Run("ABaseWithoutACloneTakesNoTurns", func(t *testing.T) {
		create(t, s, "alone", "x")
		m := session(t, s, s.User, s.Password)
		if err := m.SetClone(t.Context(), "alone_clone", "alone", "y"); !errors.Is(err, rotate.ErrForm) || !strings.Contains(err.Error(), `"alone_clone"`) {
			t.Errorf("got the error %v", err)
		}
		if _, err := dial(s, "alone", "y"); err == nil {
			t.Error("it was given a password")
		}
	})

	t.Run("WhatTheServerDoesNotSaveIsNoted", func(t *testing.T) {
		plain := rotatetest.Redis(t)
		plain.Stop(t)
		plain.Start(t, "--aclfile", "", "--requirepass", plain.Password)
		m := session(t, plain, plain.User, plain.Password)
		for range 2 {
			if err := m.SetPassword(t.Context(), "default", "second"); err != nil {
				t.Fatal(err)
			}
		}
		notes := m.(rotate.Noter).Notes()
		if len(notes) != 1 || !strings.Contains(notes[0], "aclfile") {
			t.Errorf("got the notes %q", notes)
		}
		if notes := session(t, s, s.User, s.Password).(rotate.Noter).Notes(); len(notes) != 0 {
			t.Errorf("got the notes %q", notes)
		}
	})
}
