package rotate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// fails does what must fail, with an error that has all these parts, and checks that the credential that was current works.
func (l *lab) fails(a act, kind error, parts ...string) rotate.Report {
	l.t.Helper()
	report, _, err := l.do(a)
	if err == nil || kind != nil && !errors.Is(err, kind) {
		l.t.Fatalf("got %v of %+v, want %v", err, report, kind)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			l.t.Errorf("%v: does not say %q", err, part)
		}
	}
	l.silent()
	return report
}

func TestWhatCanNotBeRotatedIsRefused(t *testing.T) {
	for part, prepare := range map[string]func(*lab){
		"not found": func(l *lab) { l.place.Remove(secretName) },
		"scheduled for deletion: restore it first": func(l *lab) { l.place.Schedule(secretName) },
		"(replica of us-east-1): rotate it there":  func(l *lab) { l.place.Bind(secretName, "replica of us-east-1") },
		"it is a copy of sm/1/us-east-1/rds/app: rotate its source": func(l *lab) {
			l.place.Mark(secretName, secret.Mark{Owner: "you", Source: "sm/1/us-east-1/rds/app"})
		},
		"it is rotated by arn:x, which can't be started from here":            func(l *lab) { l.place.RotateBy(secretName, "arn:x") },
		`"sideways" is no strategy: it is single-user or alternating-users`:   func(l *lab) { l.s.Strategy = "sideways" },
		`there is no engine "oracle": it is one of db, other`:                 func(l *lab) { l.s.Engine = "oracle" },
		`what the secret's member "engine" says is no engine: name one`:       func(l *lab) { l.place.Put(secretName, value(map[string]any{"engine": canary})) },
		`nothing says what the secret is a credential for: name an engine in`: func(l *lab) { l.place.Put(secretName, secret.Text([]byte(canary))) },
		`not of the form that this rotation needs: not a JSON object`:         func(l *lab) { l.place.Put(secretName, secret.Text([]byte(canary))); l.s.Engine = "DB" },
	} {
		l := newLab(t, "")
		prepare(l)
		l.fails(doRotate, nil, part)
		if l.versions() > 2 || l.staged().Pending != "" {
			t.Errorf("%s: something was made", part)
		}
	}
}

func TestAServerThatIsAwayLeavesAllAsItIs(t *testing.T) {
	for _, w := range ways {
		l := w.lab(t)
		l.gate.trouble(serverGone, 1)
		l.fails(doRotate, rotate.ErrAway, "setSecret", "the service can't be reached")
		if st := l.staged(); st.Pending == "" || !l.works(st.Current) {
			t.Errorf("%+v", st)
		}
		l.gate.trouble(serverGone, 1)
		switch report, _, err := l.do(doCancel); {
		case w.strategy == rotate.AlternatingUsers && err == nil: // there is nothing to do for the service
		case errors.Is(err, rotate.ErrAway) && l.staged().Pending != "" && strings.Contains(err.Error(), "stays pending; `rotate rds/app --cancel` tries again"):
		default:
			t.Errorf("%+v: %+v", w, report)
		}
		l.gate.trouble("", 0)
		l.do(doRotate)
		l.settled(fmt.Sprint(w))
	}
}

func TestAPasswordThatDoesNotWorkIsTakenBack(t *testing.T) {
	l := newLab(t, rotate.SingleUser)
	l.server.frozen = true
	report := l.fails(doRotate, rotate.ErrDenied, "setSecret", `the old password of user "app" works`)
	if fmt.Sprint(report.Steps[0].Outcome, report.Steps[1].Outcome, report.Steps[2].Outcome) != "donefailedskipped" || len(report.Steps) != 4 {
		t.Errorf("%+v", report.Steps)
	}
	st := l.staged()
	if !l.works(st.Current) || st.Pending == "" {
		t.Errorf("%+v", st)
	}
	l.server.frozen = false
	l.must(doRotate, rotate.Resumed)
	l.settled("after it")
}

func TestAPasswordThatIsCutShortIsTakenBack(t *testing.T) {
	l := newLab(t, rotate.SingleUser)
	l.server.mangle = 1
	l.fails(doRotate, rotate.ErrDenied, `the old password of user "app" works`)
	if !l.works(l.staged().Current) {
		t.Error("it does not")
	}
	l.server.mangle = 2
	l.fails(doRotate, rotate.ErrLost, "could not be restored", "give that user the password in the current version of the secret")
	l.fails(doRotate, rotate.ErrDenied, "the master is used only where the secret's own credential works")
	l.server.users["app"] = []string{l.credential(l.staged().Current).Password()} // as the error says
	l.must(doRotate, rotate.Resumed)
	l.settled("after it")
}

func TestOnlyAPasswordThatWorkedIsRestored(t *testing.T) {
	l := newLab(t, rotate.SingleUser)
	l.must(doRotate, rotate.Rotated)
	previous := l.credential(l.staged().Previous).Password()
	l.server.users["app"] = []string{previous} // as from a backup
	l.server.mangle = 1
	l.fails(doRotate, rotate.ErrDenied, `the old password of user "app" works`)
	if got := l.server.all()["app"]; len(got) != 1 || got[0] != previous {
		t.Error("it is not the one that worked")
	}
	l.must(doRotate, rotate.Resumed)
	l.settled("after it")
}

func TestAUserThatMayHaveOneSessionOnlyIsRotated(t *testing.T) {
	l := newLab(t, rotate.SingleUser)
	l.server.single = true
	l.must(doRotate, rotate.Rotated)
	l.settled("after it")
	for user, n := range l.server.open {
		if n != 0 {
			t.Errorf("%d sessions of %q are left open", n, user)
		}
	}
}

func TestAChangeWhoseAnswerIsLostIsFoundOutByTheNextAttempt(t *testing.T) {
	l := newLab(t, rotate.SingleUser)
	l.gate.trouble(lastAnswer, 0)
	l.gate.first = []string{"SetPassword app"}
	report := l.fails(doRotate, rotate.ErrAway, `the password of user "app" was changed, or not`)
	if report.Steps[1].Outcome != "failed" || !l.works(l.staged().Pending) {
		t.Errorf("%+v", report)
	}
	l.must(doRotate, rotate.Resumed)
	l.settled("after it")
}

func TestWhoeverMayChangeNothingCanStillGiveUp(t *testing.T) {
	for _, w := range ways[:2] {
		l := w.lab(t)
		l.with("masterarn", "")
		l.server.denySet = true
		l.fails(doRotate, nil, "could not be changed", `user "app" may not`, `the old password of user "app" works`)
		l.must(doCancel, rotate.Cancelled)
		l.settled(fmt.Sprint(w))
	}
}

func TestARollbackToAnotherServerIsRefused(t *testing.T) {
	l := newLab(t, rotate.SingleUser)
	l.with("host", "old.example.com")
	l.with("host", host)
	l.fails(doRollback, rotate.ErrForm, `it can't be rolled back to version`, `the pending credential has another "host" than the current one`)
	l.must(doCancel, rotate.Nothing)
	l.must(doRotate, rotate.Rotated)
}

func TestAPendingValueThatIsNoCredentialOfThisServerCanBeGivenUp(t *testing.T) {
	for _, w := range ways {
		for name, change := range map[string]func(rotate.Credential) rotate.Credential{
			"host": func(c rotate.Credential) rotate.Credential { return c.With("host", "none.example.com") },
			"port": func(c rotate.Credential) rotate.Credential { return c.With("port", "1") },
			"none": nil,
		} {
			l := w.lab(t)
			v := secret.Text([]byte(canary))
			if change != nil {
				v, _ = change(l.credential(l.staged().Current).With("password", canary)).Value()
			}
			now := l.staged()
			if err := l.store().Propose(t.Context(), now, token(1), v); err != nil {
				t.Fatal(err)
			}
			l.fails(doRotate, rotate.ErrForm)
			report := l.must(doCancel, rotate.Cancelled)
			if single := w.strategy == rotate.SingleUser; single && !strings.Contains(fmt.Sprint(report.Warnings), "the service was not asked about the pending one") {
				t.Errorf("%+v, %s: it warns of %q", w, name, report.Warnings)
			}
			l.must(doRotate, rotate.Rotated)
			l.settled(name)
		}
	}
}

func TestWhatIsCurrentIsNoFailureWhateverAnswerIsLost(t *testing.T) {
	for _, w := range ways {
		l := w.lab(t)
		l.must(doRotate, rotate.Rotated)
		for _, a := range []act{doRollback, doRotate} {
			before := l.staged()
			l.gate.trouble(loseAnswer, 0)
			l.gate.first = []string{"Promote"}
			report, _, err := l.do(a)
			if err != nil || report.To == "" || report.To != l.staged().Current || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "is current, though an error came with that") {
				t.Errorf("%+v: %+v", w, report)
			}
			if report.Outcome == rotate.RolledBack && l.credential(report.To).Password() != l.credential(before.Previous).Password() {
				t.Errorf("%+v: it is not rolled back", w)
			}
			l.settled(fmt.Sprint(w))
		}
	}
}

// denying refuses pending credentials in Test only.
type denying struct {
	rotate.Engine
	refuse bool
}

func (d *denying) Test(ctx context.Context, c rotate.Change) error {
	if d.refuse {
		return fmt.Errorf("no access: %w", rotate.ErrDenied)
	}
	return d.Engine.Test(ctx, c)
}

func TestAFailedTestLeavesTheOldCredentialWorkingAndSaysSo(t *testing.T) {
	for _, w := range ways {
		l := w.lab(t)
		engine := &denying{l.r.Engines["db"], true}
		l.r.Engines["db"] = engine
		before := l.staged().Current
		l.fails(doRotate, rotate.ErrDenied, "testSecret", "the current credential works; `rotate rds/app` tries the same new one again, `rotate rds/app --cancel` gives it up")
		st := l.staged()
		if st.Current != before || !l.works(before) || st.Pending == "" {
			t.Errorf("%+v: %+v", w, st)
		}
		if w.strategy == rotate.SingleUser && l.works(st.Pending) {
			t.Errorf("%+v: the new credential works too", w)
		}
		engine.refuse = false
		l.must(doRotate, rotate.Resumed)
		l.settled(fmt.Sprint(w))
	}
}

func TestTheMasterHelpsWhereTheUserMayNot(t *testing.T) {
	l := newLab(t, rotate.SingleUser)
	l.server.denySet = true
	l.must(doRotate, rotate.Rotated)
}

func TestTheMasterHelpsNobodyWhoseOwnCredentialDoesNotWork(t *testing.T) {
	for _, w := range ways {
		l := w.lab(t)
		l.server.users["dba"] = []string{canary + "-dba"}
		l.with("username", "dba")
		l.with("password", "a guess")
		for range 2 {
			l.fails(doRotate, rotate.ErrDenied, "the master is used only where the secret's own credential works")
			if got := l.server.all(); len(got) != 3 || len(got["dba"]) != 1 || got["dba"][0] != canary+"-dba" {
				t.Errorf("%+v: the server was changed: %d users", w, len(got))
			}
		}
		l.with("username", "nobody")
		l.do(doCancel)
		if err := l.fails(doRotate, rotate.ErrDenied).Error; strings.Contains(err, rotate.ErrLost.Error()) {
			t.Errorf("%+v: nothing was changed, and it says %s", w, err)
		}
	}
}

func TestAMasterThatIsWrongChangesNothing(t *testing.T) {
	masters := map[string]struct {
		kind error
		part string
		of   map[string]any
	}{
		"password": {rotate.ErrDenied, "log in with the master", map[string]any{"host": host, "username": "master", "password": canary}},
		"server":   {rotate.ErrForm, "the master's secret is not for the same \"host\"", map[string]any{"host": "evil." + host, "username": "master", "password": masterPW}},
		"port":     {rotate.ErrForm, "the master's secret is not for the same \"port\"", map[string]any{"host": host, "port": 5433, "username": "master", "password": masterPW}},
		"no port":  {rotate.ErrForm, "the master's secret: ", map[string]any{"host": host, "port": "x", "username": "master", "password": masterPW}},
		"engine":   {rotate.ErrForm, "the master's secret is not for the same \"engine\"", map[string]any{"host": host, "engine": "other", "username": "master", "password": masterPW}},
		"no host":  {rotate.ErrForm, "the master's secret is not for the same \"host\"", map[string]any{"username": "master", "password": masterPW}},
		"no JSON":  {rotate.ErrForm, "the master's secret: ", nil},
	}
	for name, m := range masters {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, rotate.AlternatingUsers)
			l.s.Lookup = func(context.Context, *store.Ref, string) (secret.Value, error) {
				if m.of == nil {
					return secret.Text([]byte(canary)), nil
				}
				return value(m.of), nil
			}
			l.fails(doRotate, m.kind, m.part)
			if !l.works(l.staged().Current) || len(l.server.all()) != 2 {
				t.Error("something was changed")
			}
			l.must(doCancel, rotate.Cancelled)
			l.settled(name)
		})
	}
	l := newLab(t, rotate.AlternatingUsers)
	l.s.Lookup = nil
	l.fails(doRotate, nil, "no other secret can be read here")
	l = newLab(t, rotate.AlternatingUsers)
	l.with("masterarn", "")
	l.fails(doRotate, rotate.ErrForm, "alternating-users takes the secret of a user who may change others")
}

func TestNobodyWhoMayLogInIsAnErrorThatChangesNothing(t *testing.T) {
	l := newLab(t, rotate.SingleUser)
	l.server.users["app"] = []string{"another"}
	l.server.users["master"] = []string{"another"}
	l.fails(doRotate, rotate.ErrDenied, `the password of user "app" could not be changed with the password that is in use: user "app": the credential is refused; the master is used only`)
	if !l.server.accepts("app", "another") {
		t.Error("the password was changed")
	}
	l.must(doCancelAnyway(l), rotate.Cancelled)
	l.with("masterarn", "")
	l.fails(doRotate, rotate.ErrDenied, "there is no master")
}

// doCancelAnyway gives up once the server takes the current password again.
func doCancelAnyway(l *lab) act {
	return func(r *rotate.Rotator, ctx context.Context, s rotate.Secret) (rotate.Report, error) {
		if _, err := r.Cancel(ctx, s); !errors.Is(err, rotate.ErrDenied) {
			l.t.Errorf("cancelled although nothing works: %v", err)
		}
		had := l.server.users["app"]
		l.server.users["app"] = []string{l.credential(l.staged().Current).Password()}
		defer func() { l.server.users["app"] = had }()
		return r.Cancel(ctx, s)
	}
}

func TestASecretThatSomebodyWritesMeanwhileIsNotOverwritten(t *testing.T) {
	for _, op := range []string{"Propose", "Connect app", "SetPassword app", "Promote"} {
		l := newLab(t, rotate.SingleUser)
		written, _ := l.credential(l.staged().Current).With("note", "new").Value()
		l.gate.meanwhile = func() { l.place.Put(secretName, written) }
		l.gate.trouble(pause, 0)
		l.gate.first = []string{op}
		l.fails(doRotate, nil)
		l.gate.trouble("", 0)
		if got, _ := l.place.Value(secretName); !got.Equal(written) {
			t.Errorf("%s: what was written is not current", op)
		}
		if l.staged().Pending != "" {
			l.fails(doRotate, nil, "`rotate rds/app --cancel` gives it up")
			l.must(doCancel, rotate.Cancelled)
		}
		l.settled(op)
		l.must(doRotate, rotate.Rotated)
		if l.credential(l.staged().Current).Text("note") != "new" {
			t.Errorf("%s: what was written is lost", op)
		}
	}
}

func TestAPendingCredentialForAnotherServerIsNotUsed(t *testing.T) {
	for member, text := range map[string]string{"host": "other.example.com", "port": "1", "dbname": "other", "username": "master", "more": "x"} {
		l := newLab(t, rotate.SingleUser)
		v, _ := l.credential(l.staged().Current).With(member, text).Value()
		if err := l.place.Rotation().Propose(t.Context(), l.staged(), token(1), v); err != nil {
			t.Fatal(err)
		}
		l.fails(doRotate, rotate.ErrForm, "the pending credential")
		if got := l.server.all()["app"]; len(l.server.all()) != 2 || got[0] != canary+"-0" {
			t.Errorf("%s: the server was changed", member)
		}
	}
}

func TestARotationThatIsGivenUpAgainAndAgainSaysWhatToDo(t *testing.T) {
	l := newLab(t, rotate.SingleUser)
	l.server.frozen = true
	for range 20 {
		l.fails(doRotate, rotate.ErrDenied)
		l.must(doCancel, rotate.Cancelled)
	}
	l.server.frozen = false
	l.fails(doRotate, nil, "20 rotations of version", "write the secret once, with the value that it has, and rotate again")
	v, _ := l.place.Value(secretName)
	l.place.Put(secretName, v)
	l.must(doRotate, rotate.Rotated)
}

func TestARollbackNeedsAVersionToGoTo(t *testing.T) {
	for _, w := range ways {
		l := w.lab(t)
		l.fails(doRollback, nil, "it has no previous version")
		l.must(doRotate, rotate.Rotated)
		first, second := l.staged().Previous, l.staged().Current
		l.dieAt(crashAfter, "Propose")
		l.fails(doRollback, nil, "is under way: `rotate rds/app` finishes it, `rotate rds/app --cancel` gives it up")
		l.must(doCancel, rotate.Cancelled)
		for range 3 {
			want := l.credential(l.staged().Previous).Password()
			report := l.must(doRollback, rotate.RolledBack)
			if l.credential(report.To).Password() != want || report.From == report.To {
				t.Errorf("%+v: %+v", w, report)
			}
			l.settled(fmt.Sprint(w))
		}
		if st := l.staged(); !w.numbered && (st.Current != first || st.Previous != second) {
			t.Errorf("%+v", st)
		}
		l.must(doRotate, rotate.Rotated)
		l.settled(fmt.Sprint(w))
	}
}

func TestAnInterruptionBeforeSetSecretChangesNothingAndOneAfterItLetsItFinish(t *testing.T) {
	for op, want := range map[string]bool{"Propose": false, "SetPassword app": true} {
		l := newLab(t, rotate.SingleUser)
		ctx, cancel := context.WithCancel(t.Context())
		l.gate.meanwhile = cancel
		l.gate.trouble(pause, 0)
		l.gate.first = []string{op}
		report, err := l.r.Rotate(ctx, l.s)
		if (err == nil) != want || !want && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %+v, %v", op, report, err)
		}
		if !l.works(l.staged().Current) {
			t.Errorf("%s: locked out", op)
		}
	}
}

func TestACheckSaysWhetherTheCurrentCredentialWorks(t *testing.T) {
	l := newLab(t, rotate.SingleUser)
	if err := l.r.Check(t.Context(), l.s); err != nil {
		t.Error(err)
	}
	l.server.users["app"] = nil
	if err := l.r.Check(t.Context(), l.s); !errors.Is(err, rotate.ErrDenied) || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
}
