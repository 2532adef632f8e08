package events

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

// testEventPattern says whether an event matches a pattern, which no rule needs to have.
func testEventPattern(r *service.Request) (any, *service.Error) {
	in, refused := decode[struct {
		EventPattern string
		Event        string
	}](r)
	if refused != nil {
		return nil, refused
	}
	if refused := authorize(r, "TestEventPattern", "*"); refused != nil {
		return nil, refused
	}
	pattern, err := ParsePattern([]byte(in.EventPattern))
	if err != nil {
		return nil, refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: %s", err)
	}
	var event map[string]any
	if decodeJSON([]byte(in.Event), &event) != nil {
		return nil, validation("Parameter Event is not valid. Reason: It is not a JSON object.")
	}
	for _, name := range []string{"id", "account", "source", "time", "region", "resources", "detail-type"} {
		if _, has := event[name]; !has {
			return nil, validation("Parameter Event is not valid. Reason: %s is a required argument.", name)
		}
	}
	return map[string]bool{"Result": pattern.Matches(event)}, nil
}
