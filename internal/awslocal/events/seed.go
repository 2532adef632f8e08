package events

import (
	"errors"
	"strconv"
)

// Rule is one to start with. It has to have a pattern or a schedule.
type Rule struct {
	Name     string
	Pattern  string // an event pattern as JSON
	Schedule string // kept and shown; nothing happens by it
	Disabled bool
	Targets  []string // ARNs of queues and topics of the same Region
}

// Seed makes a rule. It is an error if PutRule or PutTargets would refuse it. It is safe for concurrent use.
func (s *Service) Seed(account, region string, of Rule) error {
	state := enabled
	if of.Disabled {
		state = disabled
	}
	u, refused := (&putRuleInput{Name: &of.Name, EventPattern: &of.Pattern, ScheduleExpression: &of.Schedule, State: &state}).
		rule(place{account: account, region: region})
	if refused != nil {
		return errors.New(refused.Message)
	}
	var targets []target
	for i, arn := range of.Targets {
		t := target{ID: "target-" + strconv.Itoa(i+1), Arn: arn}
		if refused := t.check(u.place); refused != nil {
			return errors.New(refused.Message)
		}
		targets = append(targets, t)
	}
	if refused := u.put(targets); refused != nil {
		return errors.New(refused.Message)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.insert(u)
	return nil
}
