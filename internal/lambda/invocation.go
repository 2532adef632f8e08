package lambda

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
)

// job is a run, and the messages that ask for it, as indexes.
type job struct {
	daemon.Job
	from []int
}

// invocation is one event, what it asks for, and what became of it.
type invocation struct {
	f        *function
	log      *slog.Logger
	messages []event.Message
	jobs     []*job
	rotates  []int        // messages that ask for rotations
	failed   map[int]bool // messages
	first    error        // that was met
	sum      summary
}

// sort makes runs of the messages that do not ask for rotations: one for all hints together, and one for each different run that is asked for, after it. A whole run stands for all of these.
func (i *invocation) sort() {
	var hints job
	runs := map[string]*job{}
	var order []string
	for n, m := range i.messages {
		i.sum.Messages++
		switch {
		case m.Err != nil:
			i.sum.malformed++
			i.failed[n], i.first = true, cmp.Or(i.first, m.Err)
			i.log.Error("a message can't be read", "messageId", m.ID, "error", m.Err.Error())
		case m.Ignored != "":
			i.sum.Ignored = append(i.sum.Ignored, m.Ignored)
			i.log.Info("a message is ignored", "messageId", m.ID, "reason", m.Ignored)
		case m.Run != nil:
			key := keyOf(m.Run)
			if runs[key] == nil {
				runs[key] = &job{Job: daemon.Job{Syncs: m.Run.Syncs, Only: m.Run.Only}}
				order = append(order, key)
			}
			runs[key].from = append(runs[key].from, n)
		case m.Rotate != nil:
			i.rotates = append(i.rotates, n)
		default:
			hints.Hints = append(hints.Hints, m.Hints...)
			hints.from = append(hints.from, n)
		}
	}
	if i.sum.malformed > 0 {
		i.f.metrics.malformed(time.Now(), i.f.named(), i.sum.malformed)
	}
	if len(hints.from) > 0 {
		hints.Hints = event.Merge(hints.Hints)
		i.jobs = append(i.jobs, &hints)
	}
	whole := runs[keyOf(&event.Run{})]
	for _, key := range order {
		switch r := runs[key]; {
		case whole == nil || r == whole:
			i.jobs = append(i.jobs, r)
		default:
			whole.from = append(whole.from, r.from...)
		}
	}
}

// keyOf is equal for runs of the same.
func keyOf(r *event.Run) string {
	syncs, only := slices.Clone(r.Syncs), slices.Clone(r.Only)
	slices.Sort(syncs)
	slices.Sort(only)
	return fmt.Sprintf("%q %q", slices.Compact(syncs), slices.Compact(only))
}

// runAll runs what the messages ask for, and then rotates: runs about single secrets are short. Its error is one that leaves every message as it was.
func (i *invocation) runAll(ctx context.Context) error {
	if len(i.jobs)+len(i.rotates) == 0 {
		return nil
	}
	s, err := i.f.current(ctx, i.log)
	if err != nil {
		i.log.Error("the configuration could not be opened", "error", err.Error())
		return fail(notOpened, err)
	}
	for _, j := range i.jobs {
		i.run(ctx, s, j)
	}
	i.rotateAll(ctx, s)
	return nil
}

// run makes one run, and settles what became of the messages that asked for it.
func (i *invocation) run(ctx context.Context, s *daemon.Session, j *job) {
	started := time.Now()
	var r *engine.Report
	err := i.f.safely(i.log, func() (err error) {
		r, err = s.Run(ctx, j.Job)
		return err
	})
	if err == nil && r == nil {
		err = errors.New("the run made no report")
	}
	took := time.Since(started)
	i.sum.Runs++
	if err != nil {
		i.lost(j.from, err)
		i.log.Error("a run ended before anything was attempted", "durationMs", took.Milliseconds(), "error", err.Error())
		i.f.metrics.failedRun(time.Now(), i.f.named(), took)
		return
	}
	i.f.name(r.Owner)
	v := judge(r)
	i.sum.add(r, v)
	i.settle(j, r, v)
	i.tell(ctx, r, v, took)
	i.f.metrics.run(time.Now(), i.f.named(), s, j.Job, r, v, took)
}

// lost fails messages.
func (i *invocation) lost(from []int, err error) {
	i.first = cmp.Or(i.first, err)
	for _, n := range from {
		i.failed[n] = true
	}
}

// answer is what Lambda gives to whoever called. A message of a batch of SQS that failed stays in the queue; everything else fails as a whole.
func (i *invocation) answer() ([]byte, error) {
	type item struct {
		ItemIdentifier string `json:"itemIdentifier"`
	}
	type batch struct {
		BatchItemFailures []item `json:"batchItemFailures"`
	}
	response, queued, nameless := batch{BatchItemFailures: []item{}}, false, false
	for n, m := range i.messages {
		queued = queued || m.ID != ""
		if !i.failed[n] {
			continue
		}
		nameless = nameless || m.ID == ""
		if it := (item{m.ID}); !slices.Contains(response.BatchItemFailures, it) {
			response.BatchItemFailures = append(response.BatchItemFailures, it)
		}
	}
	switch {
	case queued && !nameless:
		return json.Marshal(response)
	case len(i.failed) > 0:
		return nil, fail(i.kind(), errors.New(i.sum.text(i.first)))
	}
	return json.Marshal(i.sum)
}

// kind is the type of the error, by what was tried.
func (i *invocation) kind() string {
	switch {
	case i.sum.Runs > 0:
		return runFailed
	case len(i.rotates) > 0:
		return rotationFailed
	}
	return eventInvalid
}

// cut returns at most so many bytes of a text, without halving a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-3], "") + "..."
}

// milliseconds as CloudWatch takes them.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
