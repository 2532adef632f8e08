package sqs

import (
	"encoding/json"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// decode reads the parameters of a call.
func decode[T any](r *service.Request) (*T, *service.Error) {
	in := new(T)
	if len(r.Body) == 0 {
		return in, nil
	}
	if err := json.Unmarshal(r.Body, in); err != nil {
		return nil, refuse("SerializationException", "The request body is not a valid document for this operation.")
	}
	return in, nil
}

func refuse(code, format string, args ...any) *service.Error {
	return &service.Error{Code: code, Message: fmt.Sprintf(format, args...), Query: code}
}

// refuseAs is refuse for the codes that have another name in the query protocol, which every SDK still tells its user.
func refuseAs(code, query, format string, args ...any) *service.Error {
	e := refuse(code, format, args...)
	e.Query = query
	return e
}

func invalidValue(format string, args ...any) *service.Error {
	return refuse("InvalidParameterValue", format, args...)
}

func missing(parameter string) *service.Error {
	return refuse("MissingParameter", "The request must contain the parameter %s.", parameter)
}

func noQueue() *service.Error {
	return refuseAs("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
}

func unsupported(format string, args ...any) *service.Error {
	return refuseAs("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", format, args...)
}

// authorize asks whether the caller may do an action. What others call AccessDeniedException has the name of the query protocol here.
func authorize(r *service.Request, action, resource string) *service.Error {
	if r.Authorize == nil {
		return nil
	}
	refused := r.Authorize("sqs:"+action, resource, nil)
	if refused != nil && refused.Code == "AccessDeniedException" {
		return &service.Error{Code: refused.Code, Message: refused.Message, Status: 403, Query: "AccessDenied"}
	}
	return refused
}

func note(r *service.Request, resource string) {
	if r.Note != nil {
		r.Note(resource)
	}
}
