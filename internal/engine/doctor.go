package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Check is one thing that Doctor looked at.
type Check struct {
	Check   string `json:"check"`   // "list", "describe", "read", "account", "key", "groups"
	Subject string `json:"subject"` // what it was looked at in: a store, a target
	OK      bool   `json:"ok"`
	Detail  string `json:"detail"`
}

// probe is a name that no secret has: to be told that it is not found takes the permission to ask.
const probe secret.Name = "secretsync/doctor/no-such-secret"

// Doctor tries, without changing anything, what a run would do: credentials, listings, descriptions and readings of every source, and every target's account, listing and key.
// It reads no value but that of the groups' secret.
func (e *Engine) Doctor(ctx context.Context, o Options) ([]Check, error) {
	rules, err := e.rules(o)
	if err != nil {
		return nil, err
	}
	var all []Check
	note := func(check, subject string, err error, good string) {
		c := Check{Check: check, Subject: subject, OK: err == nil, Detail: good}
		if err != nil {
			c.Detail = err.Error()
		}
		all = append(all, c)
	}
	views := e.look(ctx, rules, o)
	s := e.surveyOf(ctx, rules, views, o)
	sources := map[secret.StoreName]bool{}
	for _, r := range rules {
		if !o.about(r) {
			continue
		}
		if v := views[r.From]; !sources[r.From] {
			sources[r.From] = true
			subject := strings.TrimSpace(fmt.Sprintf("source %s %s", v.name, v.place))
			note("list", subject, v.err, fmt.Sprintf("secrets: %d", len(v.metas)))
			if v.source != nil {
				_, err := v.source.Stat(ctx, s.anyOf(v, e.probeIn(v)))
				note("describe", subject, notFoundIsFine(err), "permitted")
				err, detail := notFoundIsFine(v.source.Read(ctx, []secret.Name{e.probeIn(v)})[0].Err), "permitted"
				if errors.Is(err, store.ErrNotPermitted) {
					err, detail = nil, "denied for a secret that does not exist, as by a policy that is limited to the selected ones: a sync tells"
				}
				note("read", subject, err, detail)
			}
		}
	}
	for _, r := range s.about() {
		if views[r.From].err == nil {
			note("route", fmt.Sprintf("sync %s", r.Name), s.unrouted(r), "every route can be resolved")
		}
	}
	targets := slices.Concat(s.places()...)
	results := make([][]Check, len(targets))
	each(ctx, len(targets), accountsAtOnce, func(i int) { results[i] = e.examine(ctx, targets[i]) })
	for _, r := range results {
		all = append(all, r...)
	}
	return all, ctx.Err()
}

// unrouted says why the rule fails, or which of its secrets are refused before any target is looked at; nil if none is.
func (s *scope) unrouted(r *plan.Rule) error {
	if err := s.failed[r.Name]; err != nil {
		return err
	}
	var first *plan.Change
	n := 0
	for i := range s.refusals {
		if s.refusals[i].Sync == r.Name {
			if first == nil {
				first = &s.refusals[i]
			}
			n++
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("refused secrets: %d; the first is %q (%s): %s", n, first.Name, first.Reason, first.Detail)
}

// probeIn returns a name that no secret has, where the store and the rules look for some: a policy may allow no more.
func (e *Engine) probeIn(v *view) secret.Name {
	if len(v.within) > 0 {
		return secret.Name(v.within[0]) + probe
	}
	return e.set.Stores[v.name].CopyName(probe)
}

// anyOf returns the name of a secret of the source that the rules are about, or else one that no secret has.
func (s *scope) anyOf(v *view, none secret.Name) secret.Name {
	for _, c := range s.candidates {
		if c.want.Rule.From == v.name {
			return c.want.Source.Name
		}
	}
	return none
}

func notFoundIsFine(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func (e *Engine) examine(ctx context.Context, t plan.Target) []Check {
	subject := "target " + t.String()
	var all []Check
	note := func(check string, err error, good string) bool {
		c := Check{Check: check, Subject: subject, OK: err == nil, Detail: good}
		if err != nil {
			c.Detail = err.Error()
		}
		all = append(all, c)
		return c.OK
	}
	dest, err := e.set.Stores[t.Store].Destination(ctx, t.Place)
	if err == nil {
		err = dest.Verify(ctx)
	}
	good := "the credentials are this account's"
	if !t.Kind.InAWS() {
		good = "it can be opened"
	}
	if !note("account", err, good) {
		return all
	}
	_, listErr := dest.List(ctx)
	_, statErr := dest.Stat(ctx, e.set.Stores[t.Store].CopyName(probe))
	statErr = notFoundIsFine(statErr)
	switch {
	case listErr != nil && statErr == nil && errors.Is(listErr, store.ErrNotPermitted):
		note("list", nil, "not permitted: each wanted secret is described instead, and orphans are unknown")
	default:
		note("list", listErr, "permitted")
	}
	note("describe", statErr, "permitted")
	if examiner, ok := dest.(store.KeyExaminer); ok {
		if key := e.set.Stores[t.Store].Key(); key != "" {
			note("key", examiner.ExamineKey(ctx, key), fmt.Sprintf("%s is enabled", key))
		}
	}
	return all
}
