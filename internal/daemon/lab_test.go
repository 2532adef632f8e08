package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made is a run that was made.
type made struct {
	job        Job
	begun, end time.Time
	config     string
}

func (m made) names() []string {
	var all []string
	for _, h := range m.job.Hints {
		for _, n := range h.Names {
			all = append(all, string(n))
		}
	}
	return all
}

// String says what the run was about: "all", "a+b", "only x" or "secrets x,y".
func (m made) String() string {
	switch {
	case m.job.Hints != nil:
		return "secrets " + strings.Join(m.names(), ",")
	case m.job.Only != nil:
		return "only " + strings.Join(m.job.Only, ",")
	case m.job.Syncs == nil:
		return "all"
	}
	var all []string
	for _, s := range m.job.Syncs {
		all = append(all, string(s))
	}
	return strings.Join(all, "+")
}

// lab is a daemon with a session and a queue that do as they are told, in a bubble of synctest.
type lab struct {
	t       *testing.T
	options Options
	syncs   []Sync
	queue   *queue
	// run is what a run does; nil: it takes a second, and all is well.
	run    func(ctx context.Context, job Job) (*engine.Report, error)
	openIs error
	config string
	lease  *Lease
	kept   []*kept // secrets that are rotated
	reload chan struct{}
	start  time.Time

	mu   sync.Mutex
	runs []*made
	log  bytes.Buffer

	cancel context.CancelFunc
	done   chan error
	d      *daemon
}

func newLab(t *testing.T, syncs ...Sync) *lab {
	return &lab{t: t, syncs: syncs, reload: make(chan struct{}), start: time.Now()}
}

// Write is the log's.
func (l *lab) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(p)
}

func (l *lab) logged(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.log.String(), text)
}

func (l *lab) open(context.Context) (*Session, Settings, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.openIs != nil {
		return nil, Settings{}, l.openIs
	}
	config := l.config
	s := &Session{Syncs: slices.Clone(l.syncs), Run: func(ctx context.Context, job Job) (*engine.Report, error) {
		l.mu.Lock()
		m := &made{job: job, begun: time.Now(), config: config}
		l.runs = append(l.runs, m)
		run := l.run
		l.mu.Unlock()
		defer func() {
			l.mu.Lock()
			m.end = time.Now()
			l.mu.Unlock()
		}()
		if run == nil {
			time.Sleep(time.Second)
			return &engine.Report{}, nil
		}
		return run(ctx, job)
	}}
	for _, k := range l.kept {
		s.Rotations = append(s.Rotations, k.rotation(l, config))
	}
	settings := Settings{Lease: l.lease}
	if l.queue != nil {
		settings.Queue = "https://sqs.us-east-1.amazonaws.com/111111111111/events"
	}
	return s, settings, nil
}

// serve starts the daemon. It is stopped when the test ends.
func (l *lab) serve() {
	l.t.Helper()
	ctx, cancel := context.WithCancel(l.t.Context())
	l.cancel, l.done = cancel, make(chan error, 1)
	o := l.options
	o.Open, o.Reload = l.open, l.reload
	o.Log = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Queue = func(context.Context, string) (Queue, error) { return l.queue, nil }
	o.Metrics = NewMetrics("test")
	l.options = o
	d, err := newDaemon(ctx, o)
	if err != nil {
		l.t.Fatal(err)
	}
	l.d = d
	go func() { l.done <- d.serve(ctx) }()
	l.t.Cleanup(l.stop)
}

// stop ends the daemon and waits for it.
func (l *lab) stop() {
	if l.done == nil {
		return
	}
	l.cancel()
	if err := <-l.done; err != nil {
		l.t.Errorf("the daemon ended with %v", err)
	}
	l.done = nil
}

// at waits until a time after the start, and until nothing moves any more.
func (l *lab) at(after time.Duration) {
	time.Sleep(time.Until(l.start.Add(after)))
	synctest.Wait()
}

// story returns the runs that were made: "0s all", "1h0m0s a".
func (l *lab) story() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, m := range l.runs {
		all = append(all, fmt.Sprintf("%v %v", m.begun.Sub(l.start), m))
	}
	return all
}

func (l *lab) ready() bool {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	return l.d.ready
}

// configured changes the configuration, which the next reload reads.
func (l *lab) configured(change func()) {
	l.mu.Lock()
	change()
	l.mu.Unlock()
	l.reload <- struct{}{}
}

// made returns the runs that were made.
func (l *lab) made() []made {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []made
	for _, m := range l.runs {
		all = append(all, *m)
	}
	return all
}

func (l *lab) wants(want ...string) {
	l.t.Helper()
	if got := l.story(); !slices.Equal(got, want) {
		l.t.Errorf("got the runs\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// metric returns the value of one series, by its name and labels as they are exposed, or -1.
func (l *lab) metric(series string) float64 {
	l.t.Helper()
	w := httptest.NewRecorder()
	l.d.metrics.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			var f float64
			if _, err := fmt.Sscan(value, &f); err != nil {
				l.t.Fatal(err)
			}
			return f
		}
	}
	return -1
}

// secretEvent is a message about secrets.
func secretEvent(names ...string) string {
	return `{"secrets":["` + strings.Join(names, `","`) + `"]}`
}

// failing returns a report in which the copies of a secret failed.
func failing(sync, source string) *engine.Report {
	return &engine.Report{Changes: []engine.Result{{
		Change:  plan.Change{Action: plan.Update, Sync: secret.SyncName(sync), Source: plan.SourceRef{Name: secret.Name(source)}},
		Outcome: engine.Failed, Error: "write: denied",
	}}}
}

// queue is a queue in memory, by the time of the bubble.
type queue struct {
	mu       sync.Mutex
	sent     int
	messages []*queued
	arrived  chan struct{}
	broken   error // what Receive answers
	batch    int   // messages of one answer; 0: 10
	received map[string]time.Time
	deleted  map[string]time.Time
	times    map[string]int // how often each was handed out
	polls    int
}

type queued struct {
	Message
	visible time.Time
}

func newQueue() *queue {
	return &queue{arrived: make(chan struct{}), received: map[string]time.Time{}, deleted: map[string]time.Time{}, times: map[string]int{}}
}

func (q *queue) send(bodies ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, body := range bodies {
		q.sent++
		q.messages = append(q.messages, &queued{Message: Message{ID: fmt.Sprintf("m%d", q.sent), Body: body, Sent: time.Now()}})
	}
	close(q.arrived)
	q.arrived = make(chan struct{})
}

func (q *queue) Receive(ctx context.Context, visible time.Duration) ([]Message, error) {
	end := time.Now().Add(20 * time.Second)
	for {
		q.mu.Lock()
		q.polls++
		if q.broken != nil {
			defer q.mu.Unlock()
			return nil, q.broken
		}
		now := time.Now()
		var all []Message
		next := end
		for _, m := range q.messages {
			switch {
			case m.visible.After(now):
				if m.visible.Before(next) {
					next = m.visible
				}
			case len(all) < max(q.batch, 10):
				q.times[m.ID]++
				m.visible, m.Handle = now.Add(visible), fmt.Sprintf("%s/%d", m.ID, q.times[m.ID])
				q.received[m.ID] = now
				all = append(all, m.Message)
			}
		}
		arrived := q.arrived
		q.mu.Unlock()
		if len(all) > 0 || !now.Before(end) {
			return all, ctx.Err()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-arrived:
		case <-time.After(time.Until(next)):
		}
	}
}

func (q *queue) each(all []Message, do func(*queued)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	byHandle := map[string]*queued{}
	for _, m := range q.messages {
		byHandle[m.Handle] = m
	}
	lost := 0
	for _, m := range all {
		if found := byHandle[m.Handle]; found != nil {
			do(found)
		} else {
			lost++
		}
	}
	if lost > 0 {
		return errors.New("a handle is not valid")
	}
	return nil
}

func (q *queue) Delete(ctx context.Context, all []Message) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	gone := map[*queued]bool{}
	err := q.each(all, func(m *queued) { gone[m], q.deleted[m.ID] = true, time.Now() })
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = slices.DeleteFunc(q.messages, func(m *queued) bool { return gone[m] })
	return err
}

func (q *queue) Hide(ctx context.Context, all []Message, visible time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return q.each(all, func(m *queued) { m.visible = time.Now().Add(visible) })
}

// left returns the ids of what is in the queue; with a star those that anybody may receive now.
func (q *queue) left() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []string
	for _, m := range q.messages {
		id := m.ID
		if !m.visible.After(time.Now()) {
			id += "*"
		}
		all = append(all, id)
	}
	return strings.Join(all, " ")
}
