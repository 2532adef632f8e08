package events

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// envelope is an event as targets get it.
type envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// Put takes an event of an AWS service to the bus. It returns when every target has what it gets. It is safe for concurrent use.
func (s *Service) Put(e service.Event) {
	if !s.Listens(e.Account, e.Region) {
		return
	}
	detail, err := encode(e.Detail)
	if err != nil {
		return // a service makes its detail of texts and numbers, which always can be encoded
	}
	s.route(e, detail)
}

// Listens reports whether there is a rule in that account and Region that could deliver something. It is safe for concurrent use.
func (s *Service) Listens(account, region string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.places[place{account: account, region: region}] {
		if u.listens() {
			return true
		}
	}
	return false
}

func (u *rule) listens() bool { return u.state != disabled && u.pattern != nil && len(u.targets) > 0 }

// encode writes JSON the way AWS does: & and < stand for themselves.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// route delivers an event to the targets of all rules that match it, and returns its id.
func (s *Service) route(e service.Event, detail json.RawMessage) (id string) {
	v := envelope{
		Version: "0", ID: s.newID(), DetailType: e.DetailType, Source: e.Source, Account: e.Account,
		Time: e.Time.UTC().Format(time.RFC3339), Region: e.Region, Resources: e.Resources, Detail: detail,
	}
	if v.Resources == nil {
		v.Resources = []string{}
	}
	body, err := encode(v)
	if err != nil {
		return v.ID // detail is JSON, so this never happens
	}
	for _, d := range s.matched(place{account: e.Account, region: e.Region}, body) {
		if s.deliver(Delivery{Rule: d.rule, Target: d.Arn, Body: string(body)}) != nil && d.DeadLetterConfig != nil {
			_ = s.deliver(Delivery{Rule: d.rule, Target: d.DeadLetterConfig.Arn, Body: string(body)}) // AWS drops what it can't even give up
		}
	}
	return v.ID
}

type delivery struct {
	target
	rule string // its ARN
}

// matched returns the targets of all rules that match an event.
func (s *Service) matched(at place, body []byte) []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []delivery
	var event map[string]any
	for _, u := range s.places[at] {
		if !u.listens() {
			continue
		}
		if event == nil && decodeJSON(body, &event) != nil {
			return nil
		}
		if u.pattern.Matches(event) {
			for _, t := range u.targets {
				found = append(found, delivery{t, u.arn()})
			}
		}
	}
	return found
}

// decodeJSON keeps numbers as they were written.
func decodeJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

type putEntry struct {
	Time         *float64
	Source       string
	Resources    []string
	DetailType   string
	Detail       *string
	EventBusName *string
}

type putResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

// putEvents takes events of applications. Those that are not valid fail alone.
func (s *Service) putEvents(r *service.Request) (any, *service.Error) {
	in, err := decode[struct{ Entries []putEntry }](r)
	if err != nil {
		return nil, err
	}
	here := place{account: r.Account, region: r.Region}
	note(r, here.arn("event-bus/"+bus))
	if n := len(in.Entries); n < 1 || n > 10 {
		return nil, validation("1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and 10, and has %d", n)
	}
	if err := authorize(r, "PutEvents", here.arn("event-bus/"+bus)); err != nil {
		return nil, err
	}
	out := struct {
		FailedEntryCount int
		Entries          []putResult
	}{}
	for _, e := range in.Entries {
		if code, message := e.check(here); code != "" {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, putResult{ErrorCode: code, ErrorMessage: message})
			continue
		}
		at := r.Now
		if e.Time != nil {
			at = time.UnixMilli(int64(*e.Time * 1000))
		}
		id := s.route(service.Event{
			Account: r.Account, Region: r.Region, Time: at, Source: e.Source, DetailType: e.DetailType, Resources: e.Resources,
		}, json.RawMessage(*e.Detail))
		out.Entries = append(out.Entries, putResult{EventID: id})
	}
	return out, nil
}

func (e putEntry) check(at place) (code, message string) {
	const invalid = "InvalidArgument"
	var detail map[string]any
	switch {
	case e.Source == "":
		return invalid, "Parameter Source is not valid. Reason: Source is a required argument."
	case e.DetailType == "":
		return invalid, "Parameter DetailType is not valid. Reason: DetailType is a required argument."
	case e.Detail == nil || *e.Detail == "":
		return invalid, "Parameter Detail is not valid. Reason: Detail is a required argument."
	case decodeJSON([]byte(*e.Detail), &detail) != nil || !json.Valid([]byte(*e.Detail)):
		return "MalformedDetail", "Detail is malformed."
	case strings.HasPrefix(e.Source, "aws."):
		return "NotAuthorizedForSourceException", "Not authorized for the source."
	case at.onBus(e.EventBusName) != nil:
		return "ResourceNotFoundException", at.onBus(e.EventBusName).Message
	}
	return "", ""
}
