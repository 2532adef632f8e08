package cli

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/notify"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

// teller tells people of a run that failed. It changes no outcome: what can't be told is a warning.
type teller struct {
	app     *app
	session *session
	to      *notify.Notifier
}

// teller opens the `notify:` of the configuration, before anything is attempted.
func (a *app) teller(s *session) (*teller, error) {
	n, err := wire.OpenNotify(s.file, notify.Deps{Factory: s.factory, Getenv: a.env, Log: a.log})
	return &teller{app: a, session: s, to: n}, err
}

// ended tells of a run that ended before anything was attempted. An interruption, and a saved plan that is stale, were somebody's own doing.
func (t *teller) ended(ctx context.Context, err error) {
	if m := t.ofError(ctx, err); m != nil {
		t.tell(ctx, *m)
	}
}

// ofError returns what is to be told of a run that ended before anything was attempted; nil: nothing.
func (t *teller) ofError(ctx context.Context, err error) *notify.Message {
	if ctx.Err() != nil || errors.As(err, new(*engine.StaleError)) {
		return nil
	}
	return &notify.Message{Version: 1, Owner: string(t.session.file.Owner), Time: time.Now().UTC(), Outcome: notify.Failed, Error: strings.TrimPrefix(err.Error(), engine.ErrNothing.Error()+": ")}
}

// done tells of a run in which something is not as it is wanted.
func (t *teller) done(ctx context.Context, r *engine.Report) {
	if m, tell := wire.Message(r); tell {
		t.tell(ctx, m)
	}
}

// failed tells of what failed outside of a run. An interruption was somebody's own doing.
func (t *teller) failed(ctx context.Context, m notify.Message) {
	if ctx.Err() == nil {
		t.tell(ctx, m)
	}
}

// tell sends a message, and returns how many destinations it did not reach.
func (t *teller) tell(ctx context.Context, m notify.Message) (failed int) {
	if t.to.Empty() {
		return 0
	}
	m.RunID = cmp.Or(m.RunID, t.session.runID)
	if t.inAWS() {
		if account, err := t.session.factory.Account(ctx); err == nil {
			m.Account = string(account)
		}
		if region, err := t.session.factory.Region(ctx); err == nil {
			m.Region = string(region)
		}
	}
	if m.Syncs == nil {
		m.Syncs = t.syncs()
	}
	for _, err := range t.to.Send(context.WithoutCancel(ctx), m) {
		t.app.warn(err.Error())
		failed++
	}
	return failed
}

// syncs returns the names of the syncs that a run is about.
func (t *teller) syncs() (names []string) {
	for _, r := range t.session.file.Rules {
		if only := secret.SyncName(t.app.flags.sync); only == "" || r.Name == only {
			names = append(names, string(r.Name))
		}
	}
	return names
}

// inAWS reports whether any store is: without one, nobody looks for credentials.
func (t *teller) inAWS() bool {
	for _, st := range t.session.stores {
		if st.Traits().Kind.InAWS() {
			return true
		}
	}
	return false
}
