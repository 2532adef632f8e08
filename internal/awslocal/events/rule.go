package events

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// The states of a rule.
const (
	enabled     = "ENABLED"
	disabled    = "DISABLED"
	enabledRead = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" // like enabled: there are no events of calls that read
)

const (
	bus        = "default"
	maxTargets = 5 // of a rule
)

// rule is guarded by the service's lock.
type rule struct {
	place
	name        string
	pattern     *Pattern // nil: it has a schedule only, and no event matches it
	text        string   // of the pattern
	schedule    string   // kept and shown; nothing happens by it
	state       string
	description string
	role        string
	targets     []target // by id
}

// target is a target on the wire as well.
type target struct {
	ID               string `json:"Id"`
	Arn              string
	RoleArn          string            `json:",omitempty"` // kept and shown
	DeadLetterConfig *deadLetterConfig `json:",omitempty"`
	RetryPolicy      json.RawMessage   `json:",omitempty"` // kept and shown: nothing is retried
}

type deadLetterConfig struct {
	Arn string
}

func (p place) arn(resource string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(p.region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(p.region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":events:" + p.region + ":" + p.account + ":" + resource
}

func (p place) ruleARN(name string) string { return p.arn("rule/" + name) }

func (u *rule) arn() string { return u.ruleARN(u.name) }

// ValidName reports whether a rule may have that name.
func ValidName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(".-_", c) < 0 {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// onBus says whether a bus is the default one of that place, as its name, its ARN, or nothing at all.
func (p place) onBus(name *string) *service.Error {
	if name == nil || *name == "" || *name == bus || *name == p.arn("event-bus/"+bus) {
		return nil
	}
	return refuse("ResourceNotFoundException", "Event bus %s does not exist.", *name)
}

// check says whether the target of a rule there can be delivered to.
func (t target) check(at place) *service.Error {
	const ours = "the embedded AWS delivers whole events to standard queues and topics of the same Region"
	parts := strings.SplitN(t.Arn, ":", 6)
	switch {
	case t.ID == "":
		return validation("1 validation error detected: Value '' at 'targets' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case len(parts) != 6 || parts[0] != "arn":
		return validation("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", t.Arn)
	case !slices.Contains([]string{"sqs", "sns"}, parts[2]) || strings.HasSuffix(t.Arn, ".fifo"):
		return validation("Parameter %s is not valid. Reason: %s.", t.Arn, ours)
	case parts[3] != at.region:
		return validation("Parameter %s is not valid. Reason: Provided Arn is not in the Region of the rule.", t.Arn)
	}
	return nil
}

// put sets the targets of a rule. One that has the id of an older one takes its place.
func (u *rule) put(targets []target) *service.Error {
	next := slices.Clone(u.targets)
	for _, t := range targets {
		if i := slices.IndexFunc(next, func(old target) bool { return old.ID == t.ID }); i >= 0 {
			next[i] = t
		} else {
			next = append(next, t)
		}
	}
	if len(next) > maxTargets {
		return refuse("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	u.targets = next
	return nil
}

// insert makes a rule known.
func (s *Service) insert(u *rule) {
	if s.places[u.place] == nil {
		s.places[u.place] = make(map[string]*rule)
	}
	s.places[u.place][u.name] = u
}
