package rotatetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Harness is a login, and a real server that it logs in to. Its functions act as the server's root, or as a user, by other means than the login.
type Harness struct {
	Login  rotate.Login
	Server *Server
	// Plain is what has the server speak no TLS, for Server.Start.
	Plain []string
	// Names are names that users may have there, the worst that there are. "app" and what begins with it are the suite's own.
	Names []string
	// Several says that a user may have several passwords at once.
	Several bool
	// Create makes a user with this password that may write and read at a place of its own, and nowhere else.
	Create func(t *testing.T, user, password string)
	// Use logs in with a user's password and writes and reads at the place of base; what the one who takes turns with it wrote there before is read and written too.
	Use func(t *testing.T, user, password, base string) error
	// Statements returns what else the server noted of what it was sent, beside its log; nil: nothing.
	Statements func(t *testing.T) string
}

// canary is in every password of the suite.
const canary = "cAnAry"

// TLS returns how the server is reached.
func (s *Server) TLS() rotate.TLS { return rotate.TLS{CA: s.CA} }

// Credential returns the credential of a user of the server.
func (s *Server) Credential(t *testing.T, user, password string) rotate.Credential {
	t.Helper()
	data, err := json.Marshal(map[string]any{"engine": s.Engine, "host": s.Host, "port": s.Port, "username": user, "password": password})
	if err != nil {
		t.Fatal(err)
	}
	c, err := rotate.ParseCredential(secret.Text(data))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Login tests a login. It stops and starts the server.
func Login(t *testing.T, h Harness) {
	t.Helper()
	for _, one := range suite {
		t.Run(one.name, func(t *testing.T) { one.do(t, h) })
	}
	t.Run("NoPasswordIsInTheServersLog", func(t *testing.T) {
		log := h.Server.Log(t)
		if h.Statements != nil {
			log += h.Statements(t)
		}
		if !strings.Contains(log, "app") {
			t.Errorf("the log has nothing of what was done: %s", log)
		}
		if i := strings.Index(log, canary); i >= 0 {
			t.Errorf("a password is in it: …%s…", log[max(0, i-200):min(len(log), i+100)])
		}
	})
}

// try logs in and out, and looks for passwords in the error.
func (h Harness) try(t *testing.T, user, password string) error {
	t.Helper()
	session, err := h.Login.Connect(t.Context(), h.Server.Credential(t, user, password), h.Server.TLS())
	if err == nil {
		session.Close(t.Context())
	}
	return told(t, err)
}

// open logs in; the session ends with the test.
func (h Harness) open(t *testing.T, user, password string) rotate.Session {
	t.Helper()
	session, err := h.Login.Connect(t.Context(), h.Server.Credential(t, user, password), h.Server.TLS())
	if told(t, err) != nil {
		t.Fatalf("log in as %q: %v", user, err)
	}
	t.Cleanup(func() { session.Close(context.WithoutCancel(t.Context())) })
	return session
}

func (h Harness) master(t *testing.T) rotate.Session {
	t.Helper()
	return h.open(t, h.Server.User, h.Server.Password)
}

// told looks for passwords in an error, in any of its forms.
func told(t *testing.T, err error) error {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, canary) || strings.Contains(text, root) {
			t.Errorf("a password is in the error %s", text)
		}
	}
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if told(t, err) != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(told(t, err), kind) {
		t.Errorf("got the error %v, want one that is %q", err, kind)
	}
	for _, other := range []error{rotate.ErrDenied, rotate.ErrAway, rotate.ErrForm, rotate.ErrLost} {
		if !errors.Is(kind, other) && errors.Is(err, other) {
			t.Errorf("the error %v is %q too", err, other)
		}
	}
}

// passwords returns the passwords that break naive quoting, for one test.
func passwords(number int) []string {
	var all strings.Builder
	for c := ' '; c <= '~'; c++ {
		all.WriteRune(c)
	}
	tag := canary + strconv.Itoa(number)
	return []string{
		tag + all.String(), `'` + tag + `' OR ''='`, `"` + tag + `"`, tag + `\`, `\'` + tag + `; DROP ROLE app; --`, "%s%n" + tag + "%%", "$$" + tag + "$$ $1 ?", "`" + tag + "`", " " + tag + " ",
		tag + "\ttab", tag + "é ñ 日本 ₿ 🔑", tag + strings.Repeat("x", 200), "SCRAM-SHA-256$4096:" + tag, "md5" + tag, ">" + tag, "#" + tag, "{" + tag + "}",
	}
}
