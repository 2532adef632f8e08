package events

import (
	"encoding/json"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// failedEntry is a target that was refused while others were taken. Nothing here refuses one alone.
type failedEntry struct{}

type failedEntries struct {
	FailedEntryCount int
	FailedEntries    []failedEntry
}

func (s *Service) putTargets(r *service.Request) (any, *service.Error) {
	return s.onRule(r, func(u *rule, in *ruleInput) (any, *service.Error) {
		if len(in.Targets) == 0 {
			return nil, validation("1 validation error detected: Value '[]' at 'targets' failed to satisfy constraint: Member must have length greater than or equal to 1")
		}
		var targets []target
		for _, raw := range in.Targets {
			t, err := readTarget(raw)
			if err == nil {
				err = t.check(u.place)
			}
			if err != nil {
				return nil, err
			}
			targets = append(targets, t)
		}
		if err := u.put(targets); err != nil {
			return nil, err
		}
		return failedEntries{FailedEntries: []failedEntry{}}, nil
	})
}

// readTarget reads a target. What would change the event, or is for other kinds of targets, is refused.
func readTarget(raw map[string]any) (target, *service.Error) {
	for name := range raw {
		if !slices.Contains([]string{"Id", "Arn", "RoleArn", "DeadLetterConfig", "RetryPolicy"}, name) {
			return target{}, validation("The embedded AWS knows no %s of a target: it delivers whole events to queues and topics.", name)
		}
	}
	var t target
	text, err := json.Marshal(raw)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil {
		return target{}, refuse("SerializationException", "The request body is not a valid document for this operation.")
	}
	return t, nil
}

func (s *Service) removeTargets(r *service.Request) (any, *service.Error) {
	return s.onRule(r, func(u *rule, in *ruleInput) (any, *service.Error) {
		u.targets = slices.DeleteFunc(slices.Clone(u.targets), func(t target) bool { return slices.Contains(in.IDs, t.ID) })
		return failedEntries{FailedEntries: []failedEntry{}}, nil
	})
}

func (s *Service) listTargetsByRule(r *service.Request) (any, *service.Error) {
	return s.onRule(r, func(u *rule, in *ruleInput) (any, *service.Error) {
		out := struct {
			Targets   []target
			NextToken string `json:",omitempty"`
		}{}
		var err *service.Error
		out.Targets, out.NextToken, err = page(in, append([]target{}, u.targets...))
		return out, err
	})
}
