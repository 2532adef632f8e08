package event

import (
	"bytes"
	"encoding/json"
)

// sweeps says of every event that CloudTrail tells and that we look at whether copies may have become unwanted by it: the secret went, came back, or has other
// tags, which may route it elsewhere. A creation routes nothing away: what a secret of that name had before went with a DeleteSecret of its own.
var sweeps = map[string]bool{
	"CreateSecret":                 false,
	"PutSecretValue":               false,
	"UpdateSecret":                 false,
	"UpdateSecretVersionStage":     false,
	"DeleteSecret":                 true,
	"RestoreSecret":                true,
	"TagResource":                  true,
	"UntagResource":                true,
	"RotateSecret":                 false,
	"CancelRotateSecret":           false,
	"PutResourcePolicy":            false, // whoever could not read may now
	"DeleteResourcePolicy":         false,
	"ReplicateSecretToRegions":     false,
	"RemoveRegionsFromReplication": false,
	"StopReplicationToReplica":     false, // a replica is no source, a secret is
	"StartSecretVersionDelete":     true,
	"CancelSecretVersionDelete":    true,
	"EndSecretVersionDelete":       true,
}

// trailDetail is what CloudTrail tells of a call, or of what a service did by itself.
type trailDetail struct {
	EventName    string          `json:"eventName"`
	EventType    string          `json:"eventType"`
	ErrorCode    string          `json:"errorCode"`
	ErrorMessage string          `json:"errorMessage"`
	ReadOnly     json.RawMessage `json:"readOnly"`
	Request      json.RawMessage `json:"requestParameters"`
	Response     json.RawMessage `json:"responseElements"`
	Additional   json.RawMessage `json:"additionalEventData"`
	Service      json.RawMessage `json:"serviceEventDetails"`
}

// ids are the members that name a secret. Their names match in any case: an ARN is "arn" today, and was "aRN"; SecretId is also written secretId.
type ids struct {
	ARN      string `json:"arn"`
	SecretID string `json:"secretId"`
	Name     string `json:"name"`
}

// idsOf returns what a part of the detail names; nothing where it is null or has another form.
func idsOf(part json.RawMessage) ids {
	var i ids
	if !reads(part, &i) {
		return ids{}
	}
	return i
}

// cloudTrail reads an event that CloudTrail tells. What the answer of a call names is preferred to what the caller wrote, which may be a part of an ARN.
func (e *bridgeEvent) cloudTrail() (Hint, string, error) {
	var d trailDetail
	if err := decode(e.Detail, &d, "the detail"); err != nil {
		return Hint{}, "", err
	}
	sweep, known := sweeps[d.EventName]
	id, by := first(idsOf(d.Response).ARN, idsOf(d.Additional).SecretID, idsOf(d.Service).SecretID), byAWS
	switch {
	case d.ErrorCode != "" || d.ErrorMessage != "":
		return Hint{}, failedCall, nil
	case bytes.Equal(d.ReadOnly, []byte("true")):
		return Hint{}, readOnly, nil
	case !known && (d.EventType != "AwsServiceEvent" || id == ""): // what a service did is worth a look, whatever it was
		return Hint{}, unsupported, nil
	}
	if id == "" {
		request := idsOf(d.Request)
		id, by = first(request.SecretID, request.Name), byCaller
	}
	h, err := hintOf(id, by, e.place())
	h.Sweep = sweep
	return h, "", err
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
