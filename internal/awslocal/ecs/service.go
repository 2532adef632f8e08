// Package ecs is the Elastic Container Service of the embedded AWS: services of clusters, and their deployments. There are no tasks behind them; the services are what the seed says.
package ecs

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Service is ECS for every account and Region. It is safe for concurrent use.
type Service struct {
	mu     sync.Mutex
	made   int                                   // the number of the deployment made last
	places map[place]map[string]map[string]*unit // by cluster, by name
}

var _ service.Service = (*Service)(nil)

// place is an account in a Region: where clusters live.
type place struct{ account, region string }

// New returns an ECS without services.
func New() *Service { return &Service{places: make(map[place]map[string]map[string]*unit)} }

// SigningName implements service.Service.
func (s *Service) SigningName() string { return "ecs" }

// Serve implements service.Service.
func (s *Service) Serve(_ context.Context, r *service.Request) (*service.Response, *service.Error) {
	var out any
	var refused *service.Error
	switch r.Operation {
	case "DescribeServices":
		out, refused = s.describe(r)
	case "UpdateService":
		out, refused = s.update(r)
	default:
		refused = &service.Error{Code: "UnknownOperationException"}
	}
	if refused != nil {
		return nil, refused
	}
	return &service.Response{JSON: out}, nil
}

func (p place) partition() string {
	switch {
	case strings.HasPrefix(p.region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(p.region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// arn returns that of a "cluster/NAME", a "service/CLUSTER/NAME" or a "task-definition/NAME:1".
func (p place) arn(resource string) string {
	return "arn:" + p.partition() + ":ecs:" + p.region + ":" + p.account + ":" + resource
}

// last returns what follows the last slash: the name that an ARN ends in.
func last(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// clusterOf returns the name of a cluster that is called by its name or its ARN.
func clusterOf(s string) string {
	if s == "" {
		return "default"
	}
	return last(s)
}

func decode[T any](r *service.Request) (*T, *service.Error) {
	in := new(T)
	if json.Unmarshal(r.Body, in) != nil {
		return nil, &service.Error{Code: "SerializationException", Message: "The request body is not a valid document for this operation."}
	}
	return in, nil
}

func refuse(code, message string) *service.Error { return &service.Error{Code: code, Message: message} }

// authorize asks whether the caller may do an action on a service.
func authorize(r *service.Request, at place, action, cluster, name string) *service.Error {
	arn := at.arn("service/" + cluster + "/" + name)
	if r.Note != nil {
		r.Note(arn)
	}
	if r.Authorize == nil {
		return nil
	}
	return r.Authorize("ecs:"+action, arn, map[string][]string{"ecs:cluster": {at.arn("cluster/" + cluster)}})
}
