package ecs

import (
	"fmt"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const maxDescribed = 10 // services in one call

// The states of a deployment's rollout.
const (
	inProgress = "IN_PROGRESS"
	completed  = "COMPLETED"
	failed     = "FAILED"
)

// unit is a service, as it is called in ECS.
type unit struct {
	at            place
	cluster       string
	of            Unit
	created       time.Time
	deployments   []*deployment // the primary one first
	stillProgress int           // how many more descriptions show the primary deployment as it goes on
}

// deployment is one on the wire as well.
type deployment struct {
	ID                 string  `json:"id"`
	Status             string  `json:"status"` // PRIMARY, ACTIVE
	TaskDefinition     string  `json:"taskDefinition"`
	DesiredCount       int     `json:"desiredCount"`
	PendingCount       int     `json:"pendingCount"`
	RunningCount       int     `json:"runningCount"`
	FailedTasks        int     `json:"failedTasks"`
	CreatedAt          float64 `json:"createdAt"`
	UpdatedAt          float64 `json:"updatedAt"`
	LaunchType         string  `json:"launchType"`
	RolloutState       string  `json:"rolloutState"`
	RolloutStateReason string  `json:"rolloutStateReason"`
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (d *deployment) turn(state, how string, now time.Time) {
	d.RolloutState, d.RolloutStateReason, d.UpdatedAt = state, "ECS deployment "+d.ID+" "+how+".", seconds(now)
}

// deploy makes a new primary deployment. The caller holds the lock.
func (s *Service) deploy(u *unit, now time.Time) *deployment {
	s.made++
	d := &deployment{
		ID: fmt.Sprintf("ecs-svc/%019d", 1_000_000_000_000_000_000+s.made), Status: "PRIMARY", TaskDefinition: u.of.TaskDefinition, LaunchType: "FARGATE",
		DesiredCount: u.of.Desired, PendingCount: u.of.Desired, CreatedAt: seconds(now),
	}
	d.turn(inProgress, "in progress", now)
	for _, old := range u.deployments {
		old.Status = "ACTIVE"
	}
	u.deployments = append([]*deployment{d}, u.deployments...)
	u.stillProgress = u.of.Progress
	return d
}

// settle lets the primary deployment come to its end. The caller holds the lock.
func (u *unit) settle(now time.Time) {
	d := u.deployments[0]
	switch {
	case d.RolloutState != inProgress:
	case u.stillProgress > 0:
		u.stillProgress--
	case u.of.Fails:
		d.FailedTasks = d.DesiredCount
		d.turn(failed, "failed: tasks failed to start", now)
	default:
		u.deployments = u.deployments[:1]
		d.PendingCount, d.RunningCount = 0, d.DesiredCount
		d.turn(completed, "completed", now)
	}
}

// view returns a service on the wire.
func (u *unit) view() map[string]any {
	running, pending := 0, 0
	all := make([]deployment, len(u.deployments))
	for i, d := range u.deployments {
		running, pending = running+d.RunningCount, pending+d.PendingCount
		all[i] = *d
	}
	return map[string]any{
		"serviceArn": u.at.arn("service/" + u.cluster + "/" + u.of.Name), "serviceName": u.of.Name, "clusterArn": u.at.arn("cluster/" + u.cluster), "status": u.of.Status,
		"desiredCount": u.of.Desired, "runningCount": running, "pendingCount": pending, "taskDefinition": u.of.TaskDefinition, "launchType": "FARGATE", "schedulingStrategy": "REPLICA",
		"deploymentController": map[string]string{"type": "ECS"}, "createdAt": seconds(u.created), "deployments": all, "events": []string{}, "loadBalancers": []string{},
	}
}

func (s *Service) describe(r *service.Request) (any, *service.Error) {
	in, refused := decode[struct {
		Cluster  string   `json:"cluster"`
		Services []string `json:"services"`
	}](r)
	if refused != nil {
		return nil, refused
	}
	here, cluster := place{account: r.Account, region: r.Region}, clusterOf(in.Cluster)
	switch n := len(in.Services); {
	case n == 0:
		return nil, refuse("InvalidParameterException", "Services cannot be empty.")
	case n > maxDescribed:
		return nil, refuse("InvalidParameterException", "Services can have at most 10 items.")
	}
	for _, name := range in.Services {
		if refused := authorize(r, here, "DescribeServices", cluster, last(name)); refused != nil {
			return nil, refused
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	units, ok := s.places[here][cluster]
	if !ok {
		return nil, refuse("ClusterNotFoundException", "Cluster not found.")
	}
	found, failures := []map[string]any{}, []map[string]string{}
	for _, name := range in.Services {
		u := units[last(name)]
		if u == nil {
			failures = append(failures, map[string]string{"arn": here.arn("service/" + cluster + "/" + last(name)), "reason": "MISSING"})
			continue
		}
		u.settle(r.Now)
		found = append(found, u.view())
	}
	return map[string]any{"services": found, "failures": failures}, nil
}

func (s *Service) update(r *service.Request) (any, *service.Error) {
	in, refused := decode[struct {
		Cluster            string `json:"cluster"`
		Service            string `json:"service"`
		ForceNewDeployment bool   `json:"forceNewDeployment"`
	}](r)
	if refused != nil {
		return nil, refused
	}
	here, cluster, name := place{account: r.Account, region: r.Region}, clusterOf(in.Cluster), last(in.Service)
	if name == "" {
		return nil, refuse("InvalidParameterException", "Service name cannot be empty.")
	}
	if refused := authorize(r, here, "UpdateService", cluster, name); refused != nil {
		return nil, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	units, ok := s.places[here][cluster]
	u := units[name]
	switch {
	case !ok:
		return nil, refuse("ClusterNotFoundException", "Cluster not found.")
	case u == nil:
		return nil, refuse("ServiceNotFoundException", "Service not found.")
	case u.of.Status != "ACTIVE":
		return nil, refuse("ServiceNotActiveException", "Service was not ACTIVE.")
	}
	if in.ForceNewDeployment {
		s.deploy(u, r.Now)
	}
	return map[string]any{"service": u.view()}, nil
}
