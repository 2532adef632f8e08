package all_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/all"
	"github.com/secretsync-dev/secretsync/internal/rotate/postgres"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/mem"
)

func TestAMasterOfAnotherPortIsNotUsed(t *testing.T) {
	here, there := rotatetest.Postgres(t), rotatetest.Postgres(t)
	const right = canary + "-right there"
	create(t, there, postgres.Login{}, "app", right)
	h := move(t, here, postgres.Login{}, "app", rotate.AlternatingUsers)
	h.secret.Lookup = func(context.Context, *store.Ref, string) (secret.Value, error) {
		return there.Credential(t, there.User, there.Password).Value()
	}
	if got, err := h.do(t, (*rotate.Rotator).Rotate); got != rotate.Failed || !errors.Is(err, rotate.ErrForm) || !strings.Contains(err.Error(), `not for the same "port"`) {
		t.Errorf("got %q, %v", got, err)
	}
	h.server = there
	if err := h.use(t, there.Credential(t, "app", right)); err != nil {
		t.Errorf("the other server was changed: %v", err)
	}
}

func TestAPostgreSQLUserWithOneConnectionIsRotated(t *testing.T) {
	h := move(t, rotatetest.Postgres(t), postgres.Login{}, "lonely", rotate.SingleUser)
	asRoot(t, h.server, `ALTER ROLE lonely CONNECTION LIMIT 1`)
	// The server takes a moment to notice that a session is over: what is refused for that reason is tried again.
	insist := func(do func() error) {
		t.Helper()
		err := do()
		for try := 0; errors.Is(err, rotate.ErrAway) && try < 100; try++ {
			time.Sleep(50 * time.Millisecond)
			err = do()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		before, _ := h.place.Value(secretName)
		insist(func() error {
			_, err := h.do(t, (*rotate.Rotator).Rotate)
			return err
		})
		insist(func() error {
			c, _ := h.current(t)
			return h.use(t, c)
		})
		if now, _ := h.place.Value(secretName); now.Equal(before) {
			t.Error("it was not rotated")
		}
	}
	h.silent(t)
}

func TestATypoInTheSecretCanBeMended(t *testing.T) {
	h := move(t, rotatetest.Postgres(t), postgres.Login{}, "typo", rotate.SingleUser)
	good, _ := h.place.Value(secretName)
	c, _ := h.current(t)
	bad, err := c.With("port", "1").Value()
	if err != nil {
		t.Fatal(err)
	}
	h.place.Put(secretName, bad)
	if got, err := h.do(t, (*rotate.Rotator).Rotate); !errors.Is(err, rotate.ErrAway) {
		t.Errorf("got %q, %v", got, err)
	}
	h.place.Put(secretName, good)
	if got, err := h.do(t, (*rotate.Rotator).Rotate); err == nil || !strings.Contains(err.Error(), "--cancel") {
		t.Errorf("got %q, %v", got, err)
	}
	h.must(t, (*rotate.Rotator).Cancel, rotate.Cancelled)
	h.must(t, (*rotate.Rotator).Rotate, rotate.Rotated)
}

func TestAnEndpointIsGivenNoSecretThatTheSecretItselfNames(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, string(body))
	}))
	defer server.Close()
	place := mem.New(secret.Place{Account: "111122223333", Region: "us-east-1"})
	place.Put(secretName, secret.Text([]byte(`{"password":"p0","masterarn":"payments/stripe"}`)))
	s := rotate.Secret{Store: "hub", Name: secretName, At: place.Rotation(), Settings: rotate.Settings{Engine: "webhook", Webhook: rotate.Webhook{URL: server.URL}}}
	s.Lookup = func(context.Context, *store.Ref, string) (secret.Value, error) {
		return secret.Text([]byte(canary)), nil
	}
	r := &rotate.Rotator{Engines: all.Engines(all.Options{}), Owner: "me"}
	if _, err := r.Rotate(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(asked, "\n"); len(asked) < 4 || strings.Contains(said, canary) || strings.Contains(said, `"master"`) {
		t.Errorf("asked %d times: %s", len(asked), said)
	}
	s.Master, asked = &store.Ref{Secret: "rds/master"}, nil // the configuration names it
	if _, err := r.Rotate(t.Context(), s); err != nil || !strings.Contains(strings.Join(asked, "\n"), canary) {
		t.Errorf("the master of the configuration is not there: %v", err)
	}
}
