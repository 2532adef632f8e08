package rotate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
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
	l.server = &server{g: l.gate, open: map[string]int{}, users: map[string][]string{"app": {canary + "-0"}, "master": {masterPW}}}
	l.place.Put(secretName, value(map[string]any{"engine": "db", "host": host, "port": 5432, "username": "app", "password": canary + "-0", "masterarn": "arn:master", "more": []any{1e3, canary}}))
	l.r = &rotate.Rotator{
		Engines: map[string]rotate.Engine{"db": rotate.Hasty(rotate.Database(l.server, 5432, "db")), "other": nil}, Owner: "me",
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
	l.counts = &numbered{g: l.gate, at: secret.Place{Kind: secret.Vault, Account: "111122223333", Region: "us-east-1"}, values: []secret.Value{first}}
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
	if l.counts == nil {
		l.place.Put(secretName, v)
		return
	}
	l.counts.before, l.counts.promoted = len(l.counts.values), false
	l.counts.values = append(l.counts.values, v)
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

// halfway reports whether what is pending is current already, by its value: a promotion was broken off.
func (l *lab) halfway() bool {
	st := l.staged()
	return l.counts != nil && st.Pending != "" && l.credential(st.Pending).Password() == l.credential(st.Current).Password()
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
