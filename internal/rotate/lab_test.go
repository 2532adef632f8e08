package rotate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/mem"
)

const (
	secretName = "rds/app"
	host       = "db.example.com"
	canary     = "canary-5ec7e7"
	masterPW   = canary + "-master"
)

// mode is a kind of trouble, at one call.
type mode string

const (
	crashBefore mode = "crash before"
	crashAfter  mode = "crash after"
	failBefore  mode = "fail before"
	loseAnswer  mode = "lose the answer of"
	serverGone  mode = "no server since" // for good
	lastAnswer  mode = "no server after" // for good, and without the answer
	pause       mode = "pause before"    // for meanwhile
)

var modes = []mode{crashBefore, crashAfter, failBefore, loseAnswer, serverGone, lastAnswer}

// crash is what a process that dies throws.
type crash struct{}

// gate counts the calls to the store and to the server, and makes trouble at one of them.
type gate struct {
	mu        sync.Mutex
	n, at     int      // calls are counted from 1; at 0 there is no trouble
	first     []string // there is trouble at the first call of one of these too
	mode      mode
	gone      bool
	ops       []string
	meanwhile func()
}

// trouble arms the gate.
func (g *gate) trouble(m mode, at int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n, g.at, g.mode, g.gone, g.ops, g.first = 0, at, m, false, nil, nil
}

func (g *gate) call(op string, kind error, do func() error) error {
	g.mu.Lock()
	g.n++
	g.ops = append(g.ops, op)
	hit, m := g.n == g.at, g.mode
	if slices.Contains(g.first, op) {
		hit, g.first = true, nil
	}
	if hit && m == serverGone {
		g.gone = true
	}
	gone := g.gone && kind == rotate.ErrAway
	g.mu.Unlock()
	switch {
	case gone, hit && m == failBefore:
		return fmt.Errorf("%w: %s", kind, op)
	case hit && m == crashBefore:
		panic(crash{})
	case hit && m == pause:
		g.meanwhile()
	}
	err := do()
	switch {
	case hit && m == crashAfter:
		panic(crash{})
	case hit && m == lastAnswer:
		g.mu.Lock()
		g.gone = true
		g.mu.Unlock()
		return fmt.Errorf("%w: %s", kind, op)
	case hit && m == loseAnswer:
		return fmt.Errorf("%w: %s", kind, op)
	}
	return err
}

// gated is a store with trouble.
type gated struct {
	of store.Rotation
	g  *gate
}

func through[T any](g *gate, op string, do func() (T, error)) (out T, err error) {
	err = g.call(op, store.ErrUnavailable, func() error {
		out, err = do()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return out, nil
}

func (s gated) Place(ctx context.Context) (secret.Place, error) { return s.of.Place(ctx) }

func (s gated) Stages(ctx context.Context, n secret.Name) (store.Stages, error) {
	return through(s.g, "Stages", func() (store.Stages, error) { return s.of.Stages(ctx, n) })
}

func (s gated) Value(ctx context.Context, n secret.Name, v secret.Version) (secret.Value, error) {
	return through(s.g, "Value", func() (secret.Value, error) { return s.of.Value(ctx, n, v) })
}

func (s gated) Propose(ctx context.Context, now store.Stages, v secret.Version, value secret.Value) error {
	return s.g.call("Propose", store.ErrUnavailable, func() error { return s.of.Propose(ctx, now, v, value) })
}

func (s gated) Recall(ctx context.Context, now store.Stages, v secret.Version) (secret.Version, error) {
	return through(s.g, "Recall", func() (secret.Version, error) { return s.of.Recall(ctx, now, v) })
}

func (s gated) Promote(ctx context.Context, now store.Stages) (secret.Version, error) {
	return through(s.g, "Promote", func() (secret.Version, error) { return s.of.Promote(ctx, now) })
}

func (s gated) Withdraw(ctx context.Context, now store.Stages) error {
	return s.g.call("Withdraw", store.ErrUnavailable, func() error { return s.of.Withdraw(ctx, now) })
}

// server is a service with users in memory.
type server struct {
	g       *gate
	mu      sync.Mutex
	several bool // a user has several passwords until Forget
	frozen  bool // SetPassword succeeds, and the password does not work
	denySet bool // SetPassword and Forget are refused to all but the master
	mangle  int  // so many passwords that are set are cut short
	users   map[string][]string
}

func (s *server) Exclude() string { return "?" }

func (s *server) Clone(user string) (string, error) {
	if first, ok := strings.CutSuffix(user, "_clone"); ok {
		return first, nil
	}
	return user + "_clone", nil
}

func (s *server) accepts(user, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.users[user], password)
}

func (s *server) all() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.users)
}

func (s *server) Connect(_ context.Context, c rotate.Credential, _ rotate.TLS) (rotate.Session, error) {
	err := s.g.call("Connect "+c.User(), rotate.ErrAway, func() error {
		if c.Host() != host || c.User() == "" {
			return rotate.ErrForm
		}
		if !s.accepts(c.User(), c.Password()) {
			return fmt.Errorf("user %q: %w", c.User(), rotate.ErrDenied)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return session{s, c.User()}, nil
}

type session struct {
	s    *server
	user string
}

func (o session) SetPassword(_ context.Context, user, password string) error {
	return o.s.g.call("SetPassword "+user, rotate.ErrAway, func() error {
		o.s.mu.Lock()
		defer o.s.mu.Unlock()
		if o.s.mangle > 0 {
			o.s.mangle--
			password = password[1:]
		}
		switch had := o.s.users[user]; {
		case o.s.denySet && o.user != "master":
			return fmt.Errorf("user %q may not", o.user)
		case o.s.frozen:
		case slices.Contains(had, password):
		case o.s.several && len(had) > 0:
			o.s.users[user] = append(slices.Clone(had), password)
		default:
			o.s.users[user] = []string{password}
		}
		return nil
	})
}

func (o session) SetClone(_ context.Context, user, clone, password string) error {
	return o.s.g.call("SetClone "+clone, rotate.ErrAway, func() error {
		o.s.mu.Lock()
		defer o.s.mu.Unlock()
		if o.user != "master" || len(o.s.users[user]) == 0 {
			return fmt.Errorf("user %q may not", o.user)
		}
		o.s.users[clone] = []string{password}
		return nil
	})
}

func (o session) Forget(_ context.Context, user string, keep []string) error {
	return o.s.g.call("Forget "+user, rotate.ErrAway, func() error {
		o.s.mu.Lock()
		defer o.s.mu.Unlock()
		if o.s.denySet && o.user != "master" {
			return fmt.Errorf("user %q may not", o.user)
		}
		if o.s.several {
			o.s.users[user] = slices.DeleteFunc(slices.Clone(o.s.users[user]), func(p string) bool { return !slices.Contains(keep, p) })
		}
		return nil
	})
}

func (session) Close(context.Context) {}

// lab is a secret, the server that it is for, and somebody who rotates.
type lab struct {
	t      *testing.T
	place  *mem.Place
	counts *numbered // nil: the store is place
	server *server
	gate   *gate
	r      *rotate.Rotator
	s      rotate.Secret
	said   bytes.Buffer
	lock   sync.Mutex
}

// Write collects what is said anywhere.
func (l *lab) Write(p []byte) (int, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.said.Write(p)
}

func newLab(t *testing.T, strategy rotate.Strategy) *lab {
	t.Helper()
	l := &lab{t: t, gate: &gate{}, place: mem.New(secret.Place{Account: "111122223333", Region: "us-east-1"})}
	l.server = &server{g: l.gate, users: map[string][]string{"app": {canary + "-0"}, "master": {masterPW}}}
	l.place.Put(secretName, value(map[string]any{"engine": "db", "host": host, "port": 5432, "username": "app", "password": canary + "-0", "masterarn": "arn:master", "more": []any{1e3, canary}}))
	l.r = &rotate.Rotator{
		Engines: map[string]rotate.Engine{"db": rotate.Database(l.server), "other": nil}, Owner: "me",
		Log: slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	l.s = rotate.Secret{Store: "hub", Name: secretName, At: gated{l.place.Rotation(), l.gate}, Settings: rotate.Settings{Strategy: strategy}}
	l.s.Lookup = func(_ context.Context, ref *store.Ref, arn string) (secret.Value, error) {
		if ref != nil || arn != "arn:master" {
			t.Errorf("looked up %v, %q", ref, arn)
		}
		return value(map[string]any{"host": host, "username": "master", "password": masterPW}), nil
	}
	return l
}

// numbered gives the secret another store.
func (l *lab) numbered() {
	first, _ := l.place.Value(secretName)
	l.counts = &numbered{at: secret.Place{Kind: secret.Vault, Account: "111122223333", Region: "us-east-1"}, values: []secret.Value{first}}
	l.s.At = gated{l.counts, l.gate}
}

// store returns the store past the gate.
func (l *lab) store() store.Rotation {
	if l.counts != nil {
		return l.counts
	}
	return l.place.Rotation()
}

func (l *lab) staged() store.Stages {
	if l.counts != nil {
		return l.counts.staged()
	}
	return l.place.Staged(secretName)
}

// with changes a member of the current credential, as somebody else.
func (l *lab) with(member, text string) {
	l.t.Helper()
	v, err := l.credential(l.staged().Current).With(member, text).Value()
	if err != nil {
		l.t.Fatal(err)
	}
	l.place.Put(secretName, v)
}

// versions returns how many values were ever made.
func (l *lab) versions() int {
	if l.counts != nil {
		return len(l.counts.values)
	}
	return l.place.Versions(secretName)
}

func value(members map[string]any) secret.Value {
	data, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return secret.Text(data)
}

type act func(*rotate.Rotator, context.Context, rotate.Secret) (rotate.Report, error)

var (
	doRotate   act = (*rotate.Rotator).Rotate
	doCancel   act = (*rotate.Rotator).Cancel
	doRollback act = (*rotate.Rotator).Rollback
)

// do acts; a crash in it is survived, and reported.
func (l *lab) do(a act) (report rotate.Report, crashed bool, err error) {
	l.t.Helper()
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(crash); !ok {
				panic(p)
			}
			crashed = true
		}
	}()
	report, err = a(l.r, l.t.Context(), l.s)
	l.consistent(report, err)
	return report, false, err
}

// must acts, without trouble.
func (l *lab) must(a act, want rotate.Outcome) rotate.Report {
	l.t.Helper()
	l.gate.trouble("", 0)
	report, _, err := l.do(a)
	if err != nil || report.Outcome != want {
		l.t.Fatalf("got %q, %v; want %q\ncalls: %v", report.Outcome, err, want, l.gate.ops)
	}
	return report
}

// consistent checks what every report has to be like.
func (l *lab) consistent(report rotate.Report, err error) {
	l.t.Helper()
	data, jsonErr := json.Marshal(report)
	if jsonErr != nil {
		l.t.Fatal(jsonErr)
	}
	fmt.Fprintf(l, "%s %v %+v\n", data, err, report)
	if (err != nil) != (report.Outcome == rotate.Failed) || (err != nil) != (report.Error != "") || report.Steps == nil {
		l.t.Errorf("the report contradicts the error %v: %s", err, data)
	}
	if err != nil && (!strings.Contains(err.Error(), fmt.Sprintf("%q in 111122223333/us-east-1", secretName)) || strings.Contains(err.Error(), "%!")) {
		l.t.Errorf("%v: says too little", err)
	}
}

// silent checks that no value was said, anywhere.
func (l *lab) silent() {
	l.t.Helper()
	l.lock.Lock()
	defer l.lock.Unlock()
	said := l.said.String()
	if strings.Contains(said, canary) {
		l.t.Errorf("a value was said:\n%s", said)
	}
	for _, passwords := range l.server.all() {
		for _, p := range passwords {
			if strings.Contains(said, p) {
				l.t.Errorf("a password was said:\n%s", said)
			}
		}
	}
}

// credential returns the credential of a version; the zero one where there is none.
func (l *lab) credential(v secret.Version) rotate.Credential {
	l.t.Helper()
	if v == "" {
		return rotate.Credential{}
	}
	value, err := l.store().Value(l.t.Context(), secretName, v)
	if err != nil {
		return rotate.Credential{}
	}
	c, err := rotate.ParseCredential(value)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (l *lab) works(v secret.Version) bool {
	c := l.credential(v)
	return c.User() != "" && l.server.accepts(c.User(), c.Password())
}

// someWorks checks that nobody is locked out: what is current works or, in the middle of it, what is pending.
func (l *lab) someWorks(when string) {
	l.t.Helper()
	st := l.staged()
	if !l.works(st.Current) && !l.works(st.Pending) {
		l.t.Errorf("%s: neither the current nor the pending credential works: %+v, %v", when, st, l.gate.ops)
	}
	if l.s.Strategy == rotate.AlternatingUsers && !l.works(st.Current) {
		l.t.Errorf("%s: the current credential does not work with two users", when)
	}
}

// settled checks that all is as after a rotation: what is current works, and nothing else that the secret has not.
func (l *lab) settled(when string) {
	l.t.Helper()
	st := l.staged()
	if st.Pending != "" || !l.works(st.Current) {
		l.t.Fatalf("%s: %+v, and it works: %t; calls %v", when, st, l.works(st.Current), l.gate.ops)
	}
	current, previous := l.credential(st.Current), l.credential(st.Previous)
	want := []string{current.Password()}
	if l.server.several && previous.User() == current.User() {
		want = append(want, previous.Password())
	}
	got := l.server.all()[current.User()]
	slices.Sort(want)
	want = slices.Compact(want)
	if got = slices.Sorted(slices.Values(got)); !slices.Equal(got, want) {
		l.t.Errorf("%s: the server accepts %d passwords of %s, not just the %d that the secret has; calls %v", when, len(got), current.User(), len(want), l.gate.ops)
	}
	if strings.HasPrefix(previous.User(), "app") && previous.User() != current.User() && !l.works(st.Previous) {
		l.t.Errorf("%s: the previous user is refused", when)
	}
}
