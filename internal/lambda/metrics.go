package lambda

import (
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// namespace is that of all metrics in CloudWatch.
const namespace = "SecretSync"

// The units that are used.
const (
	inCount        = "Count"
	inMilliseconds = "Milliseconds"
	inSeconds      = "Seconds"
)

// emitter writes metrics as lines of CloudWatch's embedded metric format. It is safe for concurrent use.
type emitter struct {
	mu sync.Mutex
	to io.Writer // nil: nothing is written
}

type metric struct {
	name, unit string
	value      float64
}

type dimension struct{ name, value string }

// definition is a MetricDefinition of the format.
type definition struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

// directive is a MetricDirective of the format.
type directive struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [][]string   `json:"Dimensions"`
	Metrics    []definition `json:"Metrics"`
}

// metadata is the format's _aws member.
type metadata struct {
	Timestamp         int64       `json:"Timestamp"` // milliseconds since 1970
	CloudWatchMetrics []directive `json:"CloudWatchMetrics"`
}

// emit writes one line: metrics that have all these dimensions together.
func (e *emitter) emit(at time.Time, dimensions []dimension, metrics []metric) {
	if e.to == nil {
		return
	}
	line, names := map[string]any{}, []string{}
	for _, d := range dimensions {
		line[d.name] = d.value
		names = append(names, d.name)
	}
	of := directive{Namespace: namespace, Dimensions: [][]string{names}}
	for _, m := range metrics {
		line[m.name] = m.value
		of.Metrics = append(of.Metrics, definition{Name: m.name, Unit: m.unit})
	}
	line["_aws"] = metadata{Timestamp: at.UnixMilli(), CloudWatchMetrics: []directive{of}}
	data, err := json.Marshal(line)
	if err != nil {
		return // texts and numbers only: it can't be
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	_, _ = e.to.Write(append(data, '\n')) // a metric that can't be written changes no outcome
}

func ownerOf(o secret.Owner) dimension { return dimension{"Owner", string(o)} }

// malformed counts messages that can't be read.
func (e *emitter) malformed(at time.Time, owner secret.Owner, n int) {
	e.emit(at, []dimension{ownerOf(owner)}, []metric{{"Malformed", inCount, float64(n)}})
}

// notOpened counts a configuration that could not be opened.
func (e *emitter) notOpened(at time.Time, owner secret.Owner) {
	e.emit(at, []dimension{ownerOf(owner)}, []metric{{"NotOpened", inCount, 1}})
}

// failedRun counts a run that could attempt nothing.
func (e *emitter) failedRun(at time.Time, owner secret.Owner, took time.Duration) {
	e.emit(at, []dimension{ownerOf(owner)}, []metric{{"Runs", inCount, 1}, {"Failures", inCount, 1}, {"DurationMs", inMilliseconds, milliseconds(took)}})
}

// step tells of one step of a rotation that Secrets Manager drives.
func (e *emitter) step(at time.Time, owner secret.Owner, ok bool, took time.Duration) {
	e.emit(at, []dimension{ownerOf(owner)}, append([]metric{{"RotationSteps", inCount, 1}}, rotationMetrics(ok, took)...))
}

// rotation tells of a rotation, or of one that could not be attempted.
func (e *emitter) rotation(at time.Time, owner secret.Owner, ok bool, took time.Duration) {
	e.emit(at, []dimension{ownerOf(owner)}, append([]metric{{"Rotations", inCount, 1}}, rotationMetrics(ok, took)...))
}

func rotationMetrics(ok bool, took time.Duration) []metric {
	failures := 1.
	if ok {
		failures = 0
	}
	return []metric{{"RotationFailures", inCount, failures}, {"RotationDurationMs", inMilliseconds, milliseconds(took)}}
}

// run tells of a run, and of each sync that it was about.
func (e *emitter) run(at time.Time, owner secret.Owner, s *daemon.Session, j daemon.Job, r *engine.Report, v verdict, took time.Duration) {
	all := tally{failures: v.failures(r), applied: v.applied, refused: len(v.refused), held: len(v.held)}
	whole := j.Hints == nil && len(j.Only) == 0 // all secrets of its syncs
	e.emit(at, []dimension{ownerOf(owner)}, append([]metric{{"Runs", inCount, 1}, {"DurationMs", inMilliseconds, milliseconds(took)}}, all.metrics(at, whole && len(j.Syncs) == 0)...))
	for _, sync := range syncsOf(s, j, r) {
		e.emit(at, []dimension{ownerOf(owner), {"Sync", string(sync)}}, tallyOf(sync, r, v).metrics(at, whole))
	}
}

// tally is what is counted of a run, or of one sync in it.
type tally struct{ failures, applied, refused, held int }

// metrics tells a success only of a run about everything: one about a few secrets or syncs says nothing of the others.
func (t tally) metrics(at time.Time, everything bool) []metric {
	all := []metric{{"Failures", inCount, float64(t.failures)}, {"Applied", inCount, float64(t.applied)}, {"Refused", inCount, float64(t.refused)}, {"DeletionsHeld", inCount, float64(t.held)}}
	if t.failures == 0 && everything {
		all = append(all, metric{"LastSuccess", inSeconds, float64(at.Unix())})
	}
	return all
}

// syncsOf returns the syncs that a run was about: those that were asked for, or all; of a run about single secrets those in which something happened.
func syncsOf(s *daemon.Session, j daemon.Job, r *engine.Report) []secret.SyncName {
	var all []secret.SyncName
	switch {
	case j.Hints != nil:
		for n := range r.Changes {
			all = append(all, r.Changes[n].Sync)
		}
		for _, p := range r.Problems {
			all = append(all, p.Sync)
		}
	case len(j.Syncs) > 0:
		all = slices.Clone(j.Syncs)
	default:
		for _, sync := range s.Syncs {
			all = append(all, sync.Name)
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s secret.SyncName) bool { return s == "" })
}

// tallyOf counts what concerns one sync. What could not be looked at for no sync alone concerns all.
func tallyOf(sync secret.SyncName, r *engine.Report, v verdict) tally {
	var t tally
	of := func(changes []*engine.Result) (n int) {
		for _, c := range changes {
			if c.Sync == sync {
				n++
			}
		}
		return n
	}
	t.failures, t.refused, t.held = of(v.failed)+of(v.late), of(v.refused), of(v.held)
	for _, p := range r.Problems {
		if p.Sync == sync || p.Sync == "" {
			t.failures++
		}
	}
	for n := range r.Changes {
		if c := &r.Changes[n]; c.Sync == sync && c.Outcome == engine.Applied {
			t.applied++
		}
	}
	return t
}
