package rotate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// work is one rotation of one secret on its way. It is not safe for concurrent use.
type work struct {
	r        *Rotator
	s        Secret
	verb     string // what errors begin with
	at       secret.Place
	engine   Engine
	from     secret.Version // what was current when it was looked at first
	token    secret.Version // what is to become current; empty until it is pending
	value    secret.Value   // of token, as it was seen; zero: it was not
	rollback bool           // token is what was previous
	halfway  bool           // token was pending and, by its value, current too, as it was seen last: its promotion was broken off, and is to be repeated
	now      store.Stages   // as they were seen last, with token pending
	report   Report
	log      *slog.Logger
	began    time.Time
}

// open looks at the secret, and refuses the ones that can't be rotated, or whose rotation is somebody else's. The work is of use for its report also where there is an error.
func (r *Rotator) open(ctx context.Context, verb string, s Secret) (*work, error) {
	if s.Strategy == "" {
		s.Strategy = SingleUser
	}
	w := &work{r: r, s: s, verb: verb, log: r.Log, began: r.now()}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	w.report = Report{Store: s.Store, Name: s.Name, Engine: strings.ToLower(s.Engine), Strategy: s.Strategy, Steps: []StepReport{}}
	at, err := s.At.Place(ctx)
	if err != nil {
		return w, w.wrap("", err)
	}
	w.at, w.report.Place = at, at
	if s.Strategy != SingleUser && s.Strategy != AlternatingUsers {
		return w, w.wrap("", fmt.Errorf("%q is no strategy: it is %s or %s", string(s.Strategy), SingleUser, AlternatingUsers))
	}
	w.log = w.log.With("secret", string(s.Name), "place", at.String())
	if w.now, err = s.At.Stages(ctx, s.Name); err != nil {
		return w, w.wrap("", err)
	}
	w.from, w.report.From = w.now.Current, w.now.Current
	return w, w.wrap("", usable(w.now))
}

// usable returns why a secret can't be rotated by us; nil if it can.
func usable(now store.Stages) error {
	switch m := now.Meta; {
	case !m.Deleted.IsZero():
		return fmt.Errorf("%w: restore it first", store.ErrScheduled)
	case !m.Mark.IsZero():
		return fmt.Errorf("it is a copy of %s: rotate its source", m.Mark.Source)
	case m.Bound != "":
		return fmt.Errorf("its value is not its own (%s): rotate it there", m.Bound)
	case now.Current == "" && m.NoValue != "":
		return fmt.Errorf("it has no value: %s: write the credential that is in use now first", m.NoValue)
	case now.Current == "":
		return errors.New("it has no value: write the credential that is in use now first")
	}
	return nil
}

// equip finds the engine.
func (w *work) equip(ctx context.Context) error {
	name := w.s.Engine
	if name == "" {
		current, err := w.s.At.Value(ctx, w.s.Name, w.from)
		if err != nil {
			return w.wrap("", err)
		}
		// What is no JSON object says nothing.
		if c, err := ParseCredential(current); err == nil {
			name = c.Engine()
		}
	}
	known := strings.Join(slices.Sorted(maps.Keys(w.r.Engines)), ", ")
	name = strings.ToLower(name)
	engine, ok := w.r.Engines[name]
	switch {
	case ok:
		w.engine, w.report.Engine = engine, name
		return nil
	case w.s.Engine != "":
		return w.wrap("", fmt.Errorf("there is no engine %q: it is one of %s", w.s.Engine, known))
	case name != "":
		return w.wrap("", fmt.Errorf("what the secret's member %q says is no engine: name one in the configuration, under rotations, or in the secret: %s", memberEngine, known))
	}
	return w.wrap("", fmt.Errorf("nothing says what the secret is a credential for: name an engine in the configuration, under rotations, or in the secret's member %q: %s", memberEngine, known))
}

// master returns how the credential of a user who may change others is read; nil: there is none.
func (w *work) master(current secret.Value) func(context.Context) (secret.Value, error) {
	arn := ""
	if c, err := ParseCredential(current); err == nil {
		arn = c.MasterARN()
	}
	if w.s.Master == nil && arn == "" {
		return nil
	}
	var lock sync.Mutex
	var master secret.Value
	return func(ctx context.Context) (secret.Value, error) {
		lock.Lock()
		defer lock.Unlock()
		if !master.IsZero() {
			return master, nil
		}
		if w.s.Lookup == nil {
			return secret.Value{}, errors.New("read the master's secret: no other secret can be read here")
		}
		found, err := w.s.Lookup(ctx, w.s.Master, arn)
		if err != nil {
			return secret.Value{}, fmt.Errorf("read the master's secret: %w", err)
		}
		master = found
		return master, nil
	}
}

// wrap says what was attempted, with which secret, and in which step; nil stays nil.
func (w *work) wrap(step Step, err error) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf("%s %q", w.verb, string(w.s.Name))
	if at := w.at.String(); at != "" {
		what += " in " + at
	}
	if step != "" {
		what += ": " + string(step)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// command returns what a person can type.
func (w *work) command(flag string) string {
	return "`" + strings.TrimSpace(fmt.Sprintf("rotate %s %s", w.s.Name, flag)) + "`"
}

// end closes the report.
func (w *work) end(outcome Outcome, err error) (Report, error) {
	w.report.Outcome = outcome
	if err != nil {
		w.report.Outcome, w.report.Error = Failed, err.Error()
		return w.report, err
	}
	w.log.Info("the rotation ended", "outcome", string(outcome), "from", string(w.report.From), "to", string(w.report.To), "took", w.r.now().Sub(w.began).Round(time.Millisecond).String())
	return w.report, nil
}

// warn keeps what an operator should know and changes no outcome, once.
func (w *work) warn(text string) {
	if slices.Contains(w.report.Warnings, text) {
		return
	}
	w.report.Warnings = append(w.report.Warnings, text)
	w.log.Warn("the rotation goes on", "warning", text)
}

func (r *Rotator) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}
