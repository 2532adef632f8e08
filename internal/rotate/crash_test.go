package rotate_test

import (
	"fmt"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
)

// a way of using a secret.
type way struct {
	strategy rotate.Strategy
	several  bool // passwords
	numbered bool // versions
}

var ways = []way{
	{strategy: rotate.SingleUser}, {strategy: rotate.SingleUser, several: true}, {strategy: rotate.AlternatingUsers},
	{strategy: rotate.SingleUser, numbered: true}, {strategy: rotate.AlternatingUsers, numbered: true},
}

func (w way) lab(t *testing.T) *lab {
	l := newLab(t, w.strategy)
	l.server.several = w.several
	if w.numbered {
		l.numbered()
	}
	return l
}

// eachTrouble runs do with every kind of trouble at every single call, in every way, until one run has no trouble any more.
func eachTrouble(t *testing.T, prepare func(*lab), do act, check func(l *lab, when string, crashed bool, err error)) {
	t.Helper()
	for _, w := range ways {
		for _, m := range modes {
			for k := 1; ; k++ {
				l := w.lab(t)
				prepare(l)
				l.gate.trouble(m, k)
				_, crashed, err := l.do(do)
				ops := l.gate.ops
				when := fmt.Sprintf("%+v: %s call %d of %v", w, m, k, ops)
				l.someWorks(when)
				check(l, when, crashed, err)
				l.silent()
				if len(ops) < k {
					if k < 8 {
						t.Fatalf("%s: too few calls", when)
					}
					break
				}
				if t.Failed() {
					return
				}
			}
		}
	}
}

func TestARotationCanBeResumedAfterTroubleAtEverySingleCall(t *testing.T) {
	eachTrouble(t, func(*lab) {}, doRotate, func(l *lab, when string, _ bool, _ error) {
		before := l.staged()
		if l.halfway() { // the versions are there
			before.Current = before.Previous
		}
		l.gate.trouble("", 0)
		report, _, err := l.do(doRotate)
		if err != nil {
			l.t.Errorf("%s: %v", when, err)
		}
		if after := l.staged(); after.Previous != before.Current || after.Current == before.Current || report.To != after.Current || report.From != before.Current {
			l.t.Errorf("%s: from %+v to %+v, and says %s to %s", when, before, after, report.From, report.To)
		}
		l.settled(when)
		if l.versions() > 3 {
			l.t.Errorf("%s: %d versions", when, l.versions())
		}
	})
}

func TestARollbackCanBeResumedAfterTroubleAtEverySingleCall(t *testing.T) {
	prepare := func(l *lab) {
		l.must(doRotate, rotate.Rotated)
		l.must(doRotate, rotate.Rotated)
	}
	for _, resume := range []act{doRotate, doRollback} {
		eachTrouble(t, prepare, doRollback, func(l *lab, when string, _ bool, _ error) {
			l.gate.trouble("", 0)
			if _, _, err := l.do(resume); err != nil {
				l.t.Errorf("%s: %v", when, err)
			}
			l.settled(when)
			if most := 4; l.versions() > most && l.counts == nil || l.versions() > most+1 { // where versions are counted, a rollback makes one too
				l.t.Errorf("%s: %d versions", when, l.versions())
			}
		})
	}
}

// dieAt makes a process that rotates die at its first call of that operation.
func (l *lab) dieAt(m mode, ops ...string) {
	l.t.Helper()
	l.gate.trouble(m, 0)
	l.gate.first = ops
	if _, crashed, _ := l.do(doRotate); !crashed {
		l.t.Fatalf("nothing crashed at %v of %v", ops, l.gate.ops)
	}
}

func TestACancellationCanBeRepeatedAfterTroubleAtEverySingleCall(t *testing.T) {
	for name, prepare := range map[string]func(l *lab){
		"proposed": func(l *lab) { l.dieAt(crashAfter, "Propose") },
		"set":      func(l *lab) { l.dieAt(crashAfter, "SetPassword app", "SetClone app_clone") },
		"tested":   func(l *lab) { l.dieAt(crashBefore, "Promote") },
		"rollback": func(l *lab) {
			l.must(doRotate, rotate.Rotated)
			for k := 1; l.staged().Pending == ""; k++ {
				l.gate.trouble(crashAfter, k)
				l.do(doRollback)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachTrouble(t, prepare, doCancel, func(l *lab, when string, _ bool, _ error) {
				before := l.staged()
				l.gate.trouble("", 0)
				report, _, err := l.do(doCancel)
				if want := rotate.Cancelled; before.Pending == "" {
					want = rotate.Nothing
					if report.Outcome != want || len(report.Steps) != 0 {
						l.t.Errorf("%s: %+v", when, report)
					}
				} else if err != nil || report.Outcome != want || len(report.Steps) != 2 {
					l.t.Errorf("%s: %+v", when, report)
				}
				if after := l.staged(); after.Pending != "" || after.Current != before.Current || report.To != "" {
					l.t.Errorf("%s: from %+v to %+v", when, before, after)
				}
				l.settled(when)
				l.must(doRotate, rotate.Rotated)
				l.settled(when + ", and rotated")
			})
		})
	}
}
