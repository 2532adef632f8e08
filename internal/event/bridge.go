package event

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// bridgeEvent is the envelope of every event of EventBridge.
type bridgeEvent struct {
	Type      string           `json:"detail-type"`
	Source    string           `json:"source"`
	Account   secret.AccountID `json:"account"`
	Region    secret.Region    `json:"region"`
	Resources []string         `json:"resources"`
	Detail    json.RawMessage  `json:"detail"`
}

// bridge reads an event of EventBridge. The partition does not matter: sources and types are the same in all.
func bridge(data []byte) Message {
	var e bridgeEvent
	if err := decode(data, &e, "the event"); err != nil {
		return Message{Err: err}
	}
	switch {
	case e.Type == "Scheduled Event" && (e.Source == "aws.events" || e.Source == "aws.scheduler"):
		return Message{Run: &Run{}}
	case e.Source == "aws.secretsmanager" && e.Type == "Secret Label Updated":
		return e.about(e.label)
	case e.Source == "aws.secretsmanager" && strings.HasSuffix(e.Type, " via CloudTrail"):
		return e.about(e.cloudTrail)
	case e.Source == "aws.ssm" && e.Type == "Parameter Store Change":
		return e.about(e.parameter)
	}
	return Message{Ignored: unsupported}
}

// about is what an event says: a hint, or why it is ignored.
func (e *bridgeEvent) about(read func() (h Hint, ignored string, err error)) Message {
	if !e.Account.Valid() || e.Region == "" {
		return Message{Err: malformed("the event has no account or no Region")}
	}
	h, ignored, err := read()
	switch {
	case err != nil:
		return Message{Err: err}
	case ignored != "":
		return Message{Ignored: ignored}
	}
	return Message{Hints: []Hint{h}}
}

func (e *bridgeEvent) place() place { return place{account: e.Account, region: e.Region} }

// label reads Secret Label Updated. Its name is exact; its ARN is read where there is none.
func (e *bridgeEvent) label() (Hint, string, error) {
	var d struct {
		Name         string
		LabelUpdated json.RawMessage // a text; a list would be understood too
	}
	if err := decode(e.Detail, &d, "the detail"); err != nil {
		return Hint{}, "", err
	}
	current, err := isCurrent(d.LabelUpdated)
	if err != nil || !current {
		return Hint{}, otherLabel, err
	}
	id := d.Name
	if (id == "" || isARN(id)) && len(e.Resources) > 0 {
		id = e.Resources[0]
	}
	h, err := hintOf(id, byAWS, e.place())
	return h, "", err
}

// isCurrent reports whether AWSCURRENT is the label, or one of the labels, that was updated. None is taken for it.
func isCurrent(updated json.RawMessage) (bool, error) {
	if len(updated) == 0 || string(updated) == "null" {
		return true, nil
	}
	if label, ok := text(updated); ok {
		return label == "AWSCURRENT" || label == "", nil
	}
	var labels []string
	if err := decode(updated, &labels, "the detail"); err != nil {
		return false, err
	}
	return slices.Contains(labels, "AWSCURRENT"), nil
}

// parameter reads Parameter Store Change.
func (e *bridgeEvent) parameter() (Hint, string, error) {
	var d struct{ Name, Operation, Exception string }
	if err := decode(e.Detail, &d, "the detail"); err != nil {
		return Hint{}, "", err
	}
	switch {
	case d.Exception != "":
		return Hint{}, failedCall, nil
	case d.Name == "" || len(d.Name) > maxID:
		return Hint{}, "", malformed("no name of a parameter")
	}
	return Hint{Kind: secret.ParameterStore, Account: e.Account, Region: e.Region, Names: []secret.Name{secret.Name(d.Name)}, Sweep: d.Operation == "Delete"}, "", nil
}
