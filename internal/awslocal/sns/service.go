// Package sns is the Simple Notification Service of the embedded AWS: topics, subscriptions to them, and what was published, in order. Nothing is delivered.
package sns

import (
	"bytes"
	"context"
	"encoding/xml"
	"strings"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Service is SNS for every account and Region. It is safe for concurrent use.
type Service struct {
	newID func() string

	mu     sync.Mutex
	places map[place]map[string]*topic // by name
}

var _ service.Service = (*Service)(nil)

// place is an account in a Region: where topics live.
type place struct{ account, region string }

// New returns an SNS without topics. newID makes the ids of requests, messages and subscriptions.
func New(newID func() string) *Service {
	return &Service{newID: newID, places: make(map[place]map[string]*topic)}
}

// SigningName implements service.Service.
func (s *Service) SigningName() string { return "sns" }

// XMLNamespace is the namespace of the service's documents.
func (s *Service) XMLNamespace() string { return "http://sns.amazonaws.com/doc/2010-03-31/" }

// Serve implements service.Service.
func (s *Service) Serve(_ context.Context, r *service.Request) (*service.Response, *service.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var result any
	var refused *service.Error
	switch r.Operation {
	case "CreateTopic":
		result, refused = s.createTopic(r)
	case "DeleteTopic":
		refused = s.deleteTopic(r)
	case "GetTopicAttributes":
		result, refused = s.getTopicAttributes(r)
	case "ListTopics":
		result, refused = s.listTopics(r)
	case "ListSubscriptionsByTopic":
		result, refused = s.listSubscriptionsByTopic(r)
	case "Publish":
		result, refused = s.publish(r)
	case "Subscribe":
		result, refused = s.subscribe(r)
	default:
		refused = &service.Error{Code: "InvalidAction", Message: "Could not find operation " + r.Operation + " for version 2010-03-31"}
	}
	if refused != nil {
		return nil, refused
	}
	return s.answer(r.Operation, result), nil
}

// answer wraps a result into the document that the query protocol wants: <OpResponse><OpResult>…</OpResult><ResponseMetadata/></OpResponse>.
func (s *Service) answer(operation string, result any) *service.Response {
	var doc bytes.Buffer
	doc.WriteString("<" + operation + `Response xmlns="` + s.XMLNamespace() + `">`)
	if result != nil {
		enc := xml.NewEncoder(&doc)
		// A bytes.Buffer takes everything and the results are plain structs, so neither call can fail.
		_ = enc.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: operation + "Result"}})
		_ = enc.Flush()
	}
	doc.WriteString("<ResponseMetadata><RequestId>" + s.newID() + "</RequestId></ResponseMetadata></" + operation + "Response>")
	return &service.Response{XML: doc.Bytes()}
}

// authorize asks whether the caller may do an action. What others answer AccessDenied to, SNS calls AuthorizationError, and itself it calls SNS.
func authorize(r *service.Request, action, resource string) *service.Error {
	if r.Authorize == nil {
		return nil
	}
	refused := r.Authorize("sns:"+action, resource, nil)
	if refused == nil || refused.Code != "AccessDenied" {
		return refused
	}
	return &service.Error{Code: "AuthorizationError", Status: 403, Message: strings.ReplaceAll(refused.Message, "sns:"+action, "SNS:"+action)}
}

func note(r *service.Request, resource string) {
	if r.Note != nil {
		r.Note(resource)
	}
}

func invalid(what string) *service.Error {
	return &service.Error{Code: "InvalidParameter", Message: "Invalid parameter: " + what}
}

func notFound() *service.Error {
	return &service.Error{Code: "NotFound", Status: 404, Message: "Topic does not exist"}
}
