package secretsmanager

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// trailed reports whether CloudTrail's record of an operation becomes an event: those that only read do not.
func trailed(operation string) bool {
	switch operation {
	case "CancelRotateSecret", "CreateSecret", "DeleteResourcePolicy", "DeleteSecret", "PutResourcePolicy", "PutSecretValue", "RemoveRegionsFromReplication",
		"ReplicateSecretToRegions", "RestoreSecret", "RotateSecret", "StopReplicationToReplica", "TagResource", "UntagResource", "UpdateSecret", "UpdateSecretVersionStage":
		return true
	}
	return false
}

// logged reports whether CloudTrail's record has a parameter. What is not known is left out, because it may be a value: SecretString, SecretBinary
// and RotationToken, and whatever else somebody sends.
func logged(parameter string) bool {
	switch parameter {
	case "SecretId", "Name", "ClientRequestToken", "Description", "KmsKeyId", "Type", "Tags", "TagKeys", "VersionStages", "VersionStage",
		"RemoveFromVersionId", "MoveToVersionId", "RecoveryWindowInDays", "ForceDeleteWithoutRecovery", "AddReplicaRegions", "ForceOverwriteReplicaSecret",
		"RemoveReplicaRegions", "RotationLambdaARN", "RotationRules", "RotateImmediately", "ResourcePolicy", "BlockPublicPolicy":
		return true
	}
	return false
}

// trailRecord is what CloudTrail writes down.
type trailRecord struct {
	EventVersion        string         `json:"eventVersion"`
	UserIdentity        any            `json:"userIdentity"`
	EventTime           string         `json:"eventTime"`
	EventSource         string         `json:"eventSource"`
	EventName           string         `json:"eventName"`
	AWSRegion           string         `json:"awsRegion"`
	SourceIPAddress     string         `json:"sourceIPAddress"`
	UserAgent           string         `json:"userAgent"`
	ErrorCode           string         `json:"errorCode,omitempty"`
	ErrorMessage        string         `json:"errorMessage,omitempty"`
	RequestParameters   any            `json:"requestParameters"`
	ResponseElements    any            `json:"responseElements"`
	AdditionalEventData map[string]any `json:"additionalEventData,omitempty"`
	RequestID           string         `json:"requestID,omitempty"`
	EventID             string         `json:"eventID"`
	ReadOnly            bool           `json:"readOnly"`
	EventType           string         `json:"eventType"`
	ManagementEvent     bool           `json:"managementEvent"`
	RecipientAccountID  string         `json:"recipientAccountId"`
	EventCategory       string         `json:"eventCategory"`
	TLSDetails          any            `json:"tlsDetails,omitempty"`
}

const host = "secretsmanager.amazonaws.com"

func trailTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// apiEvent is CloudTrail's record of the call.
func (c *call) apiEvent(at place, out any, refused *service.Error) service.Event {
	d := trailRecord{
		EventVersion: "1.11", UserIdentity: userIdentity(c.r.Principal), EventTime: trailTime(c.r.Now), EventSource: host, EventName: c.r.Operation,
		AWSRegion: at.region, SourceIPAddress: "127.0.0.1", UserAgent: "sandbox", RequestParameters: requestParameters(c.r.Body),
		RequestID: uuid.NewString(), EventID: uuid.NewString(), EventType: "AwsApiCall", ManagementEvent: true,
		RecipientAccountID: at.account, EventCategory: "Management",
		TLSDetails: map[string]string{
			"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": "secretsmanager." + at.region + ".amazonaws.com",
		},
	}
	if refused != nil {
		d.ErrorCode, d.ErrorMessage = refused.Code, refused.Message
	} else {
		d.ResponseElements = responseElements(c.about.arn, out)
	}
	return service.Event{
		Account: at.account, Region: at.region, Time: c.r.Now, Source: eventSource, DetailType: "AWS API Call via CloudTrail", Detail: d, Trail: true,
	}
}

// responseElements is what CloudTrail keeps of an answer: which secret it was, and when a deleted one goes.
func responseElements(arn string, out any) map[string]any {
	kept := map[string]any{"arn": arn}
	if d, ok := out.(deleteOutput); ok {
		kept["arn"], kept["name"] = d.ARN, d.Name
		kept["deletionDate"] = time.Time(d.DeletionDate).UTC().Format("Jan 2, 2006 3:04:05 PM")
	}
	return kept
}

// serviceRecord is CloudTrail's record of what Secrets Manager does by itself: EndSecretVersionDelete when a secret goes, and the fate of rotations.
func serviceRecord(x *record, name string, at time.Time) trailRecord {
	return trailRecord{
		EventVersion: "1.11", UserIdentity: map[string]string{"accountId": x.account, "invokedBy": host},
		EventTime: trailTime(at), EventSource: host, EventName: name, AWSRegion: x.region, SourceIPAddress: host, UserAgent: host,
		AdditionalEventData: map[string]any{"SecretId": x.arn},
		EventID:             uuid.NewString(), EventType: "AwsServiceEvent", ManagementEvent: true, RecipientAccountID: x.account, EventCategory: "Management",
	}
}

// requestParameters is what CloudTrail keeps of a request: its keys begin with a small letter. nil where it can't be read.
func requestParameters(body []byte) map[string]any {
	var in map[string]any
	if json.Unmarshal(body, &in) != nil {
		return nil
	}
	kept := make(map[string]any)
	for name, value := range in {
		if logged(name) && value != nil {
			kept[small(name)] = smaller(value)
		}
	}
	return kept
}

// smaller does with the keys in a value what small does with one.
func smaller(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			out[small(name)] = smaller(e)
		}
		return out
	case []any:
		out := slices.Clone(v)
		for i, e := range out {
			out[i] = smaller(e)
		}
		return out
	}
	return value
}

func small(name string) string {
	if name == "" {
		return name
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// userIdentity says who called, as CloudTrail does.
func userIdentity(who service.Principal) map[string]any {
	id := map[string]any{"type": "Root", "principalId": who.UserID, "arn": who.ARN, "accountId": who.Account}
	resource := who.ARN[strings.LastIndexByte(who.ARN, ':')+1:]
	kind, name, _ := strings.Cut(resource, "/")
	switch kind {
	case "user":
		id["type"], id["userName"] = "IAMUser", name
	case "assumed-role":
		role, _, _ := strings.Cut(name, "/")
		issuer, _, _ := strings.Cut(who.UserID, ":")
		id["type"] = "AssumedRole"
		id["sessionContext"] = map[string]any{"sessionIssuer": map[string]any{
			"type": "Role", "principalId": issuer, "arn": strings.Replace(who.ARN[:len(who.ARN)-len(resource)], ":sts:", ":iam:", 1) + "role/" + role,
			"accountId": who.Account, "userName": role,
		}}
	}
	return id
}
