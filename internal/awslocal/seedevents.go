package awslocal

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/eks"
	"github.com/secretsync-dev/secretsync/internal/awslocal/events"
	"github.com/secretsync-dev/secretsync/internal/awslocal/sqs"
)

// SeedQueue is an SQS queue. The zero SeedQueue has what AWS gives a queue.
type SeedQueue struct {
	VisibilityTimeout *int         // seconds, up to 43,200; nil: 30
	WaitTime          int          // seconds, up to 20, that a ReceiveMessage waits which does not say how long
	Retention         int          // seconds from 60 up to 1,209,600; 0: 345,600, which is four days
	Redrive           *SeedRedrive // nil: messages stay
	Policy            string       // a resource policy as JSON; it counts for EventBridge where IAM is enforced, and for other accounts always; empty: none
}

// SeedRedrive says where messages of a queue go that were received so often, and not deleted.
type SeedRedrive struct {
	Queue string // the name of another queue of the Region, which has no redrive itself
	After int    // 1 to 1,000
}

// queue returns it as the service wants it.
func (q SeedQueue) queue(name, account, region string) sqs.Queue {
	attributes := make(map[string]string)
	if q.VisibilityTimeout != nil {
		attributes["VisibilityTimeout"] = strconv.Itoa(*q.VisibilityTimeout)
	}
	if q.WaitTime != 0 {
		attributes["ReceiveMessageWaitTimeSeconds"] = strconv.Itoa(q.WaitTime)
	}
	if q.Retention != 0 {
		attributes["MessageRetentionPeriod"] = strconv.Itoa(q.Retention)
	}
	if q.Policy != "" {
		attributes["Policy"] = q.Policy
	}
	if q.Redrive != nil {
		attributes["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, sqs.ARN(account, region, q.Redrive.Queue), q.Redrive.After)
	}
	return sqs.Queue{Name: name, Attributes: attributes}
}

// SeedRule is a rule on the default bus of EventBridge.
type SeedRule struct {
	Pattern  string   // an event pattern as JSON
	Targets  []string // "queue/NAME" and "topic/NAME" of the Region, or ARNs
	Disabled bool
}

// rule returns it as the service wants it.
func (r SeedRule) rule(name, account, region string) events.Rule {
	out := events.Rule{Name: name, Pattern: r.Pattern, Disabled: r.Disabled}
	for _, t := range r.Targets {
		if queue, ok := strings.CutPrefix(t, "queue/"); ok {
			t = sqs.ARN(account, region, queue)
		} else if topic, ok := strings.CutPrefix(t, "topic/"); ok {
			t = strings.Replace(sqs.ARN(account, region, topic), ":sqs:", ":sns:", 1)
		}
		out.Targets = append(out.Targets, t)
	}
	return out
}

// SeedCluster is a cluster that EKS describes. There is no Kubernetes behind it but what listens at its endpoint.
type SeedCluster struct {
	Endpoint             string // the URL of an API server
	CertificateAuthority string // of the endpoint: PEM in base64, as EKS has it
	Status               string // empty: ACTIVE
	Version              string // empty: 1.33
	Tags                 map[string]string
}

// cluster returns it as the service wants it.
func (c SeedCluster) cluster(name string) eks.Cluster {
	return eks.Cluster{Name: name, Endpoint: c.Endpoint, CertificateAuthority: c.CertificateAuthority, Status: c.Status, Version: c.Version, Tags: c.Tags}
}

// plantEvents puts queues, rules and clusters into an empty server: the queues first that others send their dead letters to.
func (s *Server) plantEvents(account, region string, now time.Time, r SeedRegion) error {
	for _, last := range []bool{false, true} {
		for _, name := range slices.Sorted(maps.Keys(r.Queues)) {
			if (r.Queues[name].Redrive != nil) != last {
				continue
			}
			if err := s.queues.Seed(account, region, now, r.Queues[name].queue(name, account, region)); err != nil {
				return fmt.Errorf("queue %q: %w", name, err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Rules)) {
		if err := r.knows(r.Rules[name].Targets); err != nil {
			return fmt.Errorf("rule %q: %w", name, err)
		}
		if err := s.bus.Seed(account, region, r.Rules[name].rule(name, account, region)); err != nil {
			return fmt.Errorf("rule %q: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Clusters)) {
		if err := s.clusters.Seed(account, region, now, r.Clusters[name].cluster(name)); err != nil {
			return fmt.Errorf("cluster %q: %w", name, err)
		}
	}
	return nil
}

// knows says which of targets that are named is not there.
func (r SeedRegion) knows(targets []string) error {
	for _, t := range targets {
		kind, name, _ := strings.Cut(t, "/")
		_, queue := r.Queues[name]
		_, topic := r.Topics[name]
		if kind == "queue" && !queue || kind == "topic" && !topic || kind != "queue" && kind != "topic" && !strings.HasPrefix(t, "arn:") {
			return fmt.Errorf("target %q: neither queue/NAME nor topic/NAME of this Region, nor an ARN", t)
		}
	}
	return nil
}
