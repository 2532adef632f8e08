package daemon

import (
	"net/http"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Metrics are what a daemon tells Prometheus, in a registry of their own. No label holds the name of a secret, but for those that the configuration has rotated. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	lastSuccess   *prometheus.GaugeVec     // sync
	targetSuccess *prometheus.GaugeVec     // target
	targetTook    *prometheus.GaugeVec     // target
	wholeRun      prometheus.Gauge         // when copies was counted
	duration      *prometheus.HistogramVec // trigger
	runs          *prometheus.CounterVec   // trigger, outcome
	changes       *prometheus.CounterVec   // action, outcome
	calls         *prometheus.CounterVec   // service, operation, account, region, outcome
	events        *prometheus.CounterVec   // result
	settled       *prometheus.CounterVec   // outcome
	latency       prometheus.Histogram
	queueErrors   *prometheus.CounterVec // operation
	received      prometheus.Gauge
	held, waiting prometheus.Gauge
	reloads       *prometheus.CounterVec // outcome
	reloadOK      prometheus.Gauge
	reloadedAt    prometheus.Gauge
	leader        prometheus.Gauge
	rotations     *prometheus.CounterVec // outcome
	rotatedAt     *prometheus.GaugeVec   // rotation
	rotationDue   *prometheus.GaugeVec   // rotation
	copies        copies
}

// targetLabels tell targets apart; those that a kind of store does not have are empty.
var targetLabels = []string{"store", "account", "region", "cluster", "namespace", "mount"}

func labelsOf(t plan.Target) []string {
	return []string{string(t.Store), string(t.Account), string(t.Region), t.Cluster, t.Namespace, t.Mount}
}

// NewMetrics returns metrics with nothing counted yet. version is the program's.
func NewMetrics(version string) *Metrics {
	r := prometheus.NewRegistry()
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "secretsync_" + name, Help: help})
		r.MustRegister(g)
		return g
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "secretsync_" + name, Help: help}, labels)
		r.MustRegister(g)
		return g
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "secretsync_" + name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	m := &Metrics{
		registry:      r,
		lastSuccess:   gauges("last_success_timestamp_seconds", "When a run of the sync last ended without a failure; 0: not yet.", "sync"),
		targetTook:    gauges("target_run_duration_seconds", "How long the last scheduled run looked at the target, and wrote there.", targetLabels...),
		targetSuccess: gauges("target_last_success_timestamp_seconds", "When a scheduled run last ended without a failure in the target.", targetLabels...),
		wholeRun:      gauge("last_whole_run_timestamp_seconds", "When a run of all syncs together last ended, which is when copies were counted; 0: not yet."),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "secretsync_run_duration_seconds", Help: "How long runs took.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800}}, []string{"trigger"}),
		runs:    counters("runs_total", "Runs that ended.", "trigger", "outcome"),
		changes: counters("changes_total", "What became of changes.", "action", "outcome"),
		calls:   counters("calls_total", "Attempts of calls to AWS and Kubernetes.", "service", "operation", "account", "region", "outcome"),
		events:  counters("events_total", "Messages that were received from the queue.", "result"),
		settled: counters("queue_settled_total", "What became of received messages: deleted, left for another try, or returned at the end.", "outcome"),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "secretsync_event_latency_seconds",
			Help:    "From when a message was sent to the end of the run that did what it asked for.",
			Buckets: []float64{.25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600}}),
		queueErrors: counters("queue_errors_total", "Calls to the queue that failed.", "operation"),
		received:    gauge("queue_last_receive_timestamp_seconds", "When the queue last answered, with messages or without; 0: not yet."),
		held:        gauge("queue_messages_held", "Messages that were received and not yet settled."),
		waiting:     gauge("queue_secrets_waiting", "Secrets that wait for a run because of a message."),
		reloads:     counters("config_reloads_total", "Reloads of the configuration.", "outcome"),
		reloadOK:    gauge("config_last_reload_successful", "1: the configuration in use is the latest that was asked for; 0: that one was not valid."),
		reloadedAt:  gauge("config_last_reload_success_timestamp_seconds", "When the configuration in use was read."),
		leader:      gauge("leader", "1: this replica makes runs; 0: another one leads."),
		rotations:   counters("rotations_total", "Rotations of secrets that ended.", "outcome"),
		rotatedAt:   gauges("rotation_last_success_timestamp_seconds", "When the secret was rotated last, by whomever; 0: not known.", "rotation"),
		rotationDue: gauges("rotation_due_timestamp_seconds", "When the secret is, or was, to be rotated; 0: not known.", "rotation"),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "secretsync_build_info", Help: "1, with what this is."}, []string{"version", "goversion"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	r.MustRegister(m.duration, m.latency, build, &m.copies, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, trigger := range []string{bySchedule, byEvent} {
		for _, o := range []outcome{succeeded, incomplete, notAttempted, interrupted, panicked} {
			m.runs.WithLabelValues(trigger, string(o))
		}
	}
	for _, result := range []string{accepted, ignored, malformed} {
		m.events.WithLabelValues(result)
	}
	for _, o := range []string{deleted, left, returned} {
		m.settled.WithLabelValues(o)
	}
	for _, o := range []outcome{succeeded, rotationFailed, interrupted, panicked} {
		m.rotations.WithLabelValues(string(o))
	}
	for _, operation := range []string{"receive", "delete", "hide", "return"} {
		m.queueErrors.WithLabelValues(operation)
	}

	for _, o := range []string{"success", "failure"} {
		m.reloads.WithLabelValues(o)
	}
	return m
}

// The values of labels.
const (
	bySchedule, byEvent          = "schedule", "event"
	accepted, ignored, malformed = "accepted", "ignored", "malformed"
	deleted, left, returned      = "deleted", "left", "returned"
)

// Observe counts an attempt of a call. It is for awscfg.Options.Observe.
func (m *Metrics) Observe(c awscfg.Call) {
	m.calls.WithLabelValues(c.Service, c.Operation, string(c.Account), string(c.Region), string(c.Outcome)).Inc()
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// expect makes the series of syncs be there before their first run, and those of syncs that are no more go.
func (m *Metrics) expect(now, before []Sync) {
	for _, s := range before {
		if !has(now, s.Name) {
			m.lastSuccess.DeleteLabelValues(string(s.Name))
		}
	}
	for _, s := range now {
		m.lastSuccess.WithLabelValues(string(s.Name))
	}
}

func has(all []Sync, name secret.SyncName) bool {
	for _, s := range all {
		if s.Name == name {
			return true
		}
	}
	return false
}

// expectRotations does the same for those of secrets that are rotated by themselves.
func (m *Metrics) expectRotations(now, before []Rotation) {
	for _, r := range before {
		if !slices.ContainsFunc(now, func(n Rotation) bool { return n.Name == r.Name && n.ByItself() == r.ByItself() }) {
			m.rotatedAt.DeleteLabelValues(r.Name)
			m.rotationDue.DeleteLabelValues(r.Name)
		}
	}
	for _, r := range now {
		if r.ByItself() {
			m.rotatedAt.WithLabelValues(r.Name)
			m.rotationDue.WithLabelValues(r.Name)
		}
	}
}

// ran counts a run.
func (m *Metrics) ran(trigger string, o outcome, r *engine.Report, took time.Duration) {
	m.duration.WithLabelValues(trigger).Observe(took.Seconds())
	m.runs.WithLabelValues(trigger, string(o)).Inc()
	if r == nil {
		return
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		m.changes.WithLabelValues(string(c.Action), string(c.Outcome)).Inc()
	}
}

// looked notes which targets a scheduled run had no failure in and, where it was a whole one, how the copies are.
func (m *Metrics) looked(r *engine.Report, whole bool, now time.Time) {
	bad := map[plan.Target]bool{}
	for i := range r.Changes {
		if c := &r.Changes[i]; c.Target != nil && c.MayMend() {
			bad[*c.Target] = true
		}
	}
	for _, p := range r.Problems {
		if p.Target != nil {
			bad[*p.Target] = true
		}
	}
	for _, t := range r.Targets {
		m.targetTook.WithLabelValues(labelsOf(t.Target)...).Set(t.Took.Seconds())
		if t.Err == "" && !bad[t.Target] && !r.Interrupted {
			m.targetSuccess.WithLabelValues(labelsOf(t.Target)...).Set(stamp(now))
		}
	}
	if whole && !r.Interrupted {
		for _, t := range m.copies.replace(r.Targets) {
			m.targetSuccess.DeleteLabelValues(labelsOf(t)...)
			m.targetTook.DeleteLabelValues(labelsOf(t)...)
		}
		m.wholeRun.Set(stamp(now))
	}
}

func stamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

var copiesDesc = prometheus.NewDesc("secretsync_copies", "Copies by state, as the last whole run left them.", append(append([]string{}, targetLabels...), "state"), nil)

// copies are the copies in every target by state. A target that could not be looked at keeps what was last seen there.
type copies struct {
	mu  sync.Mutex
	all []engine.TargetState
}

// replace takes the targets of a whole run, and returns those that are no more.
func (c *copies) replace(all []engine.TargetState) (gone []plan.Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := map[plan.Target]engine.TargetState{}
	for _, t := range c.all {
		before[t.Target] = t
	}
	c.all = nil
	for _, t := range all {
		if old, ok := before[t.Target]; ok && t.Err != "" {
			t.States = old.States
		}
		delete(before, t.Target)
		c.all = append(c.all, t)
	}
	for t := range before {
		gone = append(gone, t)
	}
	return gone
}

// Describe is of prometheus.Collector.
func (c *copies) Describe(to chan<- *prometheus.Desc) { to <- copiesDesc }

// Collect is of prometheus.Collector.
func (c *copies) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.all {
		for _, s := range []plan.State{plan.InSync, plan.Behind, plan.DriftedAway, plan.NotOurs, plan.Orphan, plan.Deleting, plan.Refused, plan.Unknown} {
			to <- prometheus.MustNewConstMetric(copiesDesc, prometheus.GaugeValue, float64(t.States[s]), append(labelsOf(t.Target), string(s))...)
		}
	}
}
