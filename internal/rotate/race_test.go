package rotate_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

func TestEightWhoRotateAtTheSameMomentComeToOneVersion(t *testing.T) {
	for _, w := range ways {
		l := w.lab(t)
		var looked, ended sync.WaitGroup
		looked.Add(8)
		reports := make([]rotate.Report, 8)
		errs := make([]error, 8)
		for i := range 8 {
			ended.Go(func() {
				s := l.s
				s.At = &together{Rotation: l.s.At, all: &looked}
				reports[i], errs[i] = l.r.Rotate(t.Context(), s)
			})
		}
		ended.Wait()
		st := l.staged()
		for i, report := range reports {
			l.consistent(report, errs[i])
			if errs[i] != nil || report.To != st.Current || report.From != st.Previous || report.Outcome != rotate.Rotated {
				t.Errorf("%+v: got %+v, %v", w, report, errs[i])
			}
		}
		if n := l.versions(); n != 2 {
			t.Errorf("%+v: %d versions", w, n)
		}
		l.settled(fmt.Sprint(w))
		l.silent()
	}
}

// together is a store at which everybody looks first, before anybody does more.
type together struct {
	store.Rotation
	once sync.Once
	all  *sync.WaitGroup
}

func (s *together) Stages(ctx context.Context, n secret.Name) (store.Stages, error) {
	st, err := s.Rotation.Stages(ctx, n)
	s.once.Do(func() {
		s.all.Done()
		s.all.Wait()
	})
	return st, err
}

func TestWhoeverIsSlowLocksNobodyOut(t *testing.T) {
	starts := map[string]func(*lab){
		"nothing pending":     func(*lab) {},
		"proposed":            func(l *lab) { l.dieAt(crashAfter, "Propose") },
		"set":                 func(l *lab) { l.dieAt(crashAfter, "SetPassword app", "SetClone app_clone", "SetClone app") },
		"one given up before": func(l *lab) { l.dieAt(crashAfter, "Propose"); l.must(doCancel, rotate.Cancelled) },
	}
	for _, w := range ways {
		t.Run(fmt.Sprintf("%+v", w), func(t *testing.T) {
			t.Parallel()
			for start, prepare := range starts {
				if w.strategy == rotate.AlternatingUsers && (start == "proposed" || start == "one given up before") {
					continue // less can go wrong with two users
				}
				for name, slow := range map[string]act{"rotate": doRotate, "cancel": doCancel, "roll back": doRollback} {
					slowIn(t, w, start+", "+name, prepare, slow)
				}
			}
		})
	}
}

// slowIn does slow, which somebody else overtakes at every single call.
func slowIn(t *testing.T, w way, what string, prepare func(*lab), slow act) {
	for fast, acts := range map[string][]act{
		"rotate": {doRotate}, "cancel": {doCancel}, "roll back": {doRollback}, "rotate twice": {doRotate, doRotate}, "rotate and roll back": {doRotate, doRollback},
	} {
		for k := 1; !t.Failed(); k++ {
			l := w.lab(t)
			if w.strategy == rotate.SingleUser {
				l.with("masterarn", "") // who would mend it
			}
			l.must(doRotate, rotate.Rotated)
			prepare(l)
			when := fmt.Sprintf("%s: %s before call %d", what, fast, k)
			overtaken := false
			l.gate.meanwhile = func() {
				overtaken = true
				for _, a := range acts {
					l.do(a)
				}
				l.someWorks(when)
			}
			l.gate.trouble(pause, k)
			_, _, err := l.do(slow)
			if !overtaken {
				break
			}
			when = fmt.Sprintf("%s (%v)", when, err)
			if err != nil && strings.HasSuffix(what, ", rotate") && fast == "rotate" {
				t.Errorf("%s: two rotations come to two results", when)
			}
			l.someWorks(when)
			if st := l.staged(); st.Pending == "" && !l.works(st.Current) {
				t.Errorf("%s: the current credential does not work: %v", when, l.gate.ops)
			}
			l.silent()
			if k%4 > 0 {
				continue // it takes its time
			}
			l.gate.trouble("", 0)
			if l.staged().Pending != "" {
				l.do(doRotate)
			}
			l.must(doRotate, rotate.Rotated)
			l.settled(when)
		}
	}
}

// overtaken does slow and, before its first call of that operation, something else, in which a process may die after one of ops.
func (l *lab) overtaken(slow act, before string, ops []string, others ...act) error {
	l.gate.trouble(pause, 0)
	l.gate.first = []string{before}
	l.gate.meanwhile = func() {
		for i, a := range others {
			if i == len(others)-1 {
				l.gate.mode, l.gate.first = crashAfter, ops
			}
			l.do(a)
		}
		l.gate.mode, l.gate.first = pause, nil
	}
	_, _, err := l.do(slow)
	return err
}

func TestACancellationSeesWhatIsSetBeforeItWithdraws(t *testing.T) {
	for _, w := range ways {
		l := w.lab(t)
		l.dieAt(crashAfter, "Propose")
		if err := l.overtaken(doCancel, "Withdraw", []string{"SetPassword app", "SetClone app_clone"}, doRotate); err != nil {
			t.Error(err)
		}
		l.settled(fmt.Sprint(w))
	}
}

func TestAnIDThatIsUsedAnewForAnotherValueLocksNobodyOut(t *testing.T) {
	for _, w := range ways {
		l := w.lab(t)
		if w.strategy == rotate.SingleUser {
			l.with("masterarn", "") // who would mend it
		}
		err := l.overtaken(doRotate, "SetPassword app", []string{"Propose"}, doCancel, doRotate)
		l.someWorks(fmt.Sprintf("%+v: %v", w, err))
		l.must(doRotate, map[bool]rotate.Outcome{true: rotate.Resumed, false: rotate.Rotated}[l.staged().Pending != ""])
		l.settled(fmt.Sprint(w))
	}
}

func TestARotationDoesNotBecomeTheRollbackOfSomebodyElse(t *testing.T) {
	for _, w := range ways {
		l := w.lab(t)
		l.must(doRotate, rotate.Rotated)
		if err := l.overtaken(doRotate, "Propose", []string{"Recall"}, doRollback); err == nil || !strings.Contains(err.Error(), "somebody else made version") {
			t.Errorf("%+v: %v", w, err)
		}
		l.must(doRotate, rotate.Resumed)
		l.settled(fmt.Sprint(w))
	}
}

// unconditional is a store that can't make the promotion depend on what is pending.
type unconditional struct {
	gated
	l *lab
}

func (s unconditional) Promote(ctx context.Context, now store.Stages) (secret.Version, error) {
	return through(s.g, "Promote", func() (secret.Version, error) {
		s.l.place.Begin(secretName, now.Pending)
		return s.of.Promote(ctx, now)
	})
}

func TestWhatIsPromotedAsItIsGivenUpWorks(t *testing.T) {
	for _, w := range ways {
		if w.numbered {
			continue
		}
		l := w.lab(t)
		l.s.At = unconditional{l.s.At.(gated), l}
		if err := l.overtaken(doRotate, "Promote", nil, doCancel); err != nil {
			t.Error(err)
		}
		l.settled(fmt.Sprint(w))
	}
}
