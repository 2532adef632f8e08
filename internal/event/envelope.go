package event

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// maxDepth is how many envelopes may be around a message. A Pipe's list, a record of SQS and a notification of SNS are three.
const maxDepth = 5

// unwrap reads one JSON text, whatever envelope it is. The error concerns the whole of it.
func unwrap(data []byte, depth int) ([]Message, error) {
	switch {
	case depth > maxDepth:
		return nil, malformed("more than %d envelopes, one in the other", maxDepth)
	case !json.Valid(data):
		return nil, malformed("not JSON")
	case data[0] == 'n': // null, as it is valid
		return []Message{{Run: &Run{}}}, nil
	case data[0] == '[':
		return list(data, depth)
	case data[0] != '{':
		return nil, malformed("neither an object nor a list")
	}
	var members map[string]json.RawMessage
	if err := decode(data, &members, "the event"); err != nil {
		return nil, err
	}
	if records, ok := members["Records"]; ok {
		return list(records, depth)
	}
	if len(data) > MaxMessage {
		return nil, tooLarge(MaxMessage)
	}
	if kind, message, ok := notification(members); ok {
		if kind != "Notification" {
			return []Message{{Ignored: noMessage}}, nil
		}
		return inner(message, depth)
	}
	if _, ok := members["detail-type"]; ok {
		return []Message{bridge(data)}, nil
	}
	m := direct(data, members)
	if m.Step != nil && depth > 0 {
		m = Message{Err: malformed("a step of a rotation is a call of Secrets Manager, and comes in no envelope")}
	}
	return []Message{m}, nil
}

// list reads the messages of a batch, as Lambda (Records) and Pipes (a bare list) hand them over.
func list(data []byte, depth int) ([]Message, error) {
	var elements []json.RawMessage
	if err := decode(data, &elements, "the list of messages"); err != nil {
		return nil, err
	}
	if len(elements) == 0 {
		return nil, malformed("no message in it")
	}
	var all []Message
	for _, e := range elements {
		some, err := element(e, depth)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// record is a message in a batch of SQS or SNS. The names of its members match in any case: SNS writes EventSource, SQS eventSource.
type record struct {
	EventSource string          `json:"eventSource"`
	MessageID   string          `json:"messageId"`
	Attributes  json.RawMessage `json:"attributes"`
	Body        json.RawMessage `json:"body"`
	SNS         json.RawMessage `json:"Sns"`
}

// element reads one of a batch. Its error is one that makes the whole batch unreadable; those of a message are in the message.
func element(data []byte, depth int) ([]Message, error) {
	var r record
	if !reads(data, &r) || r.EventSource == "" {
		return contained("", data, depth), nil
	}
	switch r.EventSource {
	case "aws:sqs":
		if r.MessageID == "" {
			return nil, malformed("a record of SQS without a messageId")
		}
		body, ok := text(r.Body)
		if !ok {
			return []Message{{ID: r.MessageID, Err: malformed("a record of SQS without a body")}}, nil
		}
		all := contained(r.MessageID, []byte(body), depth)
		for i := range all {
			all[i].Sent = r.sent()
		}
		return all, nil
	case "aws:sns":
		var sns struct{ Message json.RawMessage }
		if !reads(r.SNS, &sns) {
			return []Message{{Err: malformed("a record of SNS without a message")}}, nil
		}
		return contained("", sns.Message, depth), nil
	}
	return []Message{{Ignored: unsupported}}, nil
}

// sent returns when a record of SQS says that its message was sent.
func (r *record) sent() time.Time {
	var attributes struct{ SentTimestamp string }
	if !reads(r.Attributes, &attributes) {
		return time.Time{}
	}
	ms, err := strconv.ParseInt(attributes.SentTimestamp, 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// contained reads what is in an element of a batch, which may be a text that holds JSON. All that is in it has the element's id; what is wrong is an error of it.
func contained(id string, data []byte, depth int) []Message {
	if s, ok := text(data); ok {
		data = []byte(s)
	}
	if len(data) > MaxMessage {
		return []Message{{ID: id, Err: tooLarge(MaxMessage)}}
	}
	all, err := inner(data, depth)
	if err != nil {
		return []Message{{ID: id, Err: err}}
	}
	for i := range all {
		if id != "" {
			all[i].ID = id
		}
	}
	return all
}

// inner reads what an envelope holds: JSON, or a text that is JSON.
func inner(data []byte, depth int) ([]Message, error) {
	if s, ok := text(data); ok {
		data = []byte(s)
	}
	return unwrap(bytes.TrimSpace(data), depth+1)
}

// notification returns the message of a notification of SNS, and its type. ok is false where the object is none.
func notification(members map[string]json.RawMessage) (kind string, message json.RawMessage, ok bool) {
	kind, _ = text(members["Type"])
	if _, topic := members["TopicArn"]; !topic {
		return "", nil, false
	}
	switch kind {
	case "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation":
		return kind, members["Message"], true
	}
	return "", nil, false
}

// reads reports whether JSON has the form of what it is read into.
func reads(data json.RawMessage, into any) bool {
	return len(data) > 0 && json.Unmarshal(data, into) == nil
}

// text returns a JSON string; ok is false where it is something else.
func text(data json.RawMessage) (s string, ok bool) {
	if len(data) == 0 || data[0] != '"' {
		return "", false
	}
	err := json.Unmarshal(data, &s)
	return s, err == nil
}
