package config

import (
	"net"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// Serve is how the daemon runs. The zero Serve listens nowhere, and takes events from no queue.
type Serve struct {
	Listen   string // HOST:PORT of health and metrics; empty: none
	Queue    string // the URL of the SQS queue that events come from; empty: none
	Schedule string // of the syncs that have none of their own; empty: DefaultSchedule
	Lease    *Lease // nil: every replica runs
}

// Lease names the Kubernetes Lease by which one of several replicas leads.
type Lease struct {
	Namespace string // empty: the namespace that the process runs in
	Name      string
}

// DefaultSchedule is when a sync runs that has no schedule, where serve has none either.
const DefaultSchedule = "rate(1 hour)"

const (
	leaseForm     = `^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`
	namespaceForm = `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`
	queueForm     = `^https?://[^/?#]+/[0-9]{12}/[A-Za-z0-9_-]{1,80}$`
	defaultLease  = "secretsync"
)

var (
	isLease     = regexp.MustCompile(leaseForm).MatchString
	isNamespace = regexp.MustCompile(namespaceForm).MatchString
	isQueue     = regexp.MustCompile(queueForm).MatchString
)

func (p *parser) serve(n *yaml.Node) Serve {
	var s Serve
	p.mapping(n, "serve",
		field{"listen", false, func(n *yaml.Node) {
			text, ok := p.text(n, "serve: listen")
			if ok && !isAddress(text) {
				p.errorf(n, "serve: listen: %q is not HOST:PORT, as in 127.0.0.1:8080; leave out the host to listen everywhere", p.raw.text(n))
			}
			s.Listen = text
		}},
		field{"queue", false, func(n *yaml.Node) {
			text, ok := p.text(n, "serve: queue")
			if ok && !isQueue(text) {
				p.errorf(n, "serve: queue: %q is not the URL of an SQS queue, https://sqs.us-east-1.amazonaws.com/111122223333/NAME", p.raw.text(n))
			}
			s.Queue = text
		}},
		field{"schedule", false, func(n *yaml.Node) { s.Schedule = p.schedule(n, "serve: schedule") }},
		field{"lease", false, func(n *yaml.Node) { s.Lease = p.lease(n) }},
	)
	return s
}

func (p *parser) lease(n *yaml.Node) *Lease {
	l := Lease{Name: defaultLease}
	p.mapping(n, "serve: lease",
		field{"namespace", false, func(n *yaml.Node) {
			text, ok := p.text(n, "serve: lease: namespace")
			if ok && !isNamespace(text) {
				p.errorf(n, "serve: lease: namespace: %q is not the name of a namespace", p.raw.text(n))
			}
			l.Namespace = text
		}},
		field{"name", false, func(n *yaml.Node) {
			text, ok := p.text(n, "serve: lease: name")
			if ok && !isLease(text) {
				p.errorf(n, "serve: lease: name: %q can't be the name of a Lease: small letters, digits, hyphens and dots", p.raw.text(n))
			}
			l.Name = text
		}},
	)
	return &l
}

func isAddress(s string) bool {
	_, port, err := net.SplitHostPort(s)
	number, bad := strconv.Atoi(port)
	return err == nil && bad == nil && number >= 0 && number <= 65535
}
