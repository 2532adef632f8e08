package events

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type putRuleInput struct {
	Name               *string
	EventBusName       *string
	EventPattern       *string
	ScheduleExpression *string
	State              *string
	Description        *string
	RoleArn            *string
}

// putRule makes a rule, or changes one: what is not given is then nothing. Its targets stay. Tags are not kept.
func (s *Service) putRule(r *service.Request) (any, *service.Error) {
	in, err := decode[putRuleInput](r)
	if err != nil {
		return nil, err
	}
	here := place{account: r.Account, region: r.Region}
	u, err := in.rule(here)
	if err != nil {
		return nil, err
	}
	note(r, u.arn())
	if err := authorize(r, "PutRule", u.arn()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.places[here][u.name]; old != nil {
		u.targets = old.targets
	}
	s.insert(u)
	return map[string]string{"RuleArn": u.arn()}, nil
}

func (in *putRuleInput) rule(at place) (*rule, *service.Error) {
	u := &rule{
		place: at, name: deref(in.Name), text: deref(in.EventPattern), schedule: deref(in.ScheduleExpression),
		state: deref(in.State), description: deref(in.Description), role: deref(in.RoleArn),
	}
	if u.state == "" {
		u.state = enabled
	}
	switch {
	case !ValidName(u.name):
		return nil, validation("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+", u.name)
	case !slices.Contains([]string{enabled, disabled, enabledRead}, u.state):
		return nil, validation("1 validation error detected: Value '%s' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [%s, %s, %s]",
			u.state, enabled, disabled, enabledRead)
	case u.text == "" && u.schedule == "":
		return nil, validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	if err := at.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	if u.text != "" {
		p, err := ParsePattern([]byte(u.text))
		if err != nil {
			return nil, refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: %s", err)
		}
		u.pattern = p
	}
	return u, nil
}

type ruleInput struct {
	Name         *string
	Rule         *string // instead of Name, of the operations on targets
	EventBusName *string
	NextToken    *string
	Limit        *int
	NamePrefix   string
	Targets      []map[string]any
	IDs          []string `json:"Ids"`
}

// named locks the service, and finds the rule that a call is about; nil where there is none. It is unlocked by the caller, also after an error.
func (s *Service) named(r *service.Request, in *ruleInput, action string) (*rule, *service.Error) {
	s.mu.Lock()
	here, name := place{account: r.Account, region: r.Region}, deref(in.Name)
	if in.Rule != nil {
		name = *in.Rule
	}
	if err := here.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	note(r, here.ruleARN(name))
	if err := authorize(r, action, here.ruleARN(name)); err != nil {
		return nil, err
	}
	return s.places[here][name], nil
}

// onRule is what the operations on one rule, which has to be there, have in common.
func (s *Service) onRule(r *service.Request, do func(u *rule, in *ruleInput) (any, *service.Error)) (any, *service.Error) {
	in, err := decode[ruleInput](r)
	if err != nil {
		return nil, err
	}
	u, err := s.named(r, in, r.Operation)
	defer s.mu.Unlock()
	if err == nil && u == nil {
		name := deref(in.Name)
		if in.Rule != nil {
			name = *in.Rule
		}
		err = noRule(name)
	}
	if err != nil {
		return nil, err
	}
	return do(u, in)
}

func (s *Service) enableRule(r *service.Request) (any, *service.Error) {
	return s.onRule(r, func(u *rule, _ *ruleInput) (any, *service.Error) {
		u.state = enabled
		return nothing{}, nil
	})
}

func (s *Service) disableRule(r *service.Request) (any, *service.Error) {
	return s.onRule(r, func(u *rule, _ *ruleInput) (any, *service.Error) {
		u.state = disabled
		return nothing{}, nil
	})
}

func (s *Service) describeRule(r *service.Request) (any, *service.Error) {
	return s.onRule(r, func(u *rule, _ *ruleInput) (any, *service.Error) {
		out := u.shown()
		out.CreatedBy = u.account
		return out, nil
	})
}

// deleteRule deletes a rule without targets. That there is none is no error.
func (s *Service) deleteRule(r *service.Request) (any, *service.Error) {
	in, err := decode[ruleInput](r)
	if err != nil {
		return nil, err
	}
	u, err := s.named(r, in, "DeleteRule")
	defer s.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case u == nil:
		return nothing{}, nil
	case len(u.targets) > 0:
		return nil, validation("Rule can't be deleted since it has targets.")
	}
	delete(s.places[u.place], u.name)
	return nothing{}, nil
}

// shownRule is a rule on the wire.
type shownRule struct {
	Name               string
	Arn                string
	EventPattern       string `json:",omitempty"`
	ScheduleExpression string `json:",omitempty"`
	State              string
	Description        string `json:",omitempty"`
	RoleArn            string `json:",omitempty"`
	EventBusName       string
	CreatedBy          string `json:",omitempty"`
}

func (u *rule) shown() shownRule {
	return shownRule{
		Name: u.name, Arn: u.arn(), EventPattern: u.text, ScheduleExpression: u.schedule, State: u.state,
		Description: u.description, RoleArn: u.role, EventBusName: bus,
	}
}

func (s *Service) listRules(r *service.Request) (any, *service.Error) {
	in, err := decode[ruleInput](r)
	if err != nil {
		return nil, err
	}
	here := place{account: r.Account, region: r.Region}
	if err := here.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	if err := authorize(r, "ListRules", here.ruleARN("*")); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []shownRule{}
	for _, name := range slices.Sorted(maps.Keys(s.places[here])) {
		if strings.HasPrefix(name, in.NamePrefix) {
			all = append(all, s.places[here][name].shown())
		}
	}
	out := struct {
		Rules     []shownRule
		NextToken string `json:",omitempty"`
	}{}
	out.Rules, out.NextToken, err = page(in, all)
	return out, err
}

// page returns the part of a listing that a request asks for.
func page[T any](in *ruleInput, all []T) (part []T, next string, refused *service.Error) {
	from, size := 0, 100
	if in.Limit != nil {
		if size = *in.Limit; size < 1 || size > 100 {
			return nil, "", validation("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and 100", size)
		}
	}
	if in.NextToken != nil {
		var err error
		if from, err = strconv.Atoi(*in.NextToken); err != nil || from < 0 {
			return nil, "", validation("NextToken is not valid.")
		}
	}
	from = min(from, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[from:to], next, nil
}

// deref returns what p points to, and the zero value for nil.
func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
