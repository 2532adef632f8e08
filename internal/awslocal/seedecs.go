package awslocal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awslocal/ecs"
)

// SeedService is a service of ECS, with one deployment that is complete. A new one is complete when it is next described, unless something else is asked for here.
type SeedService struct {
	Status         string // empty: ACTIVE
	TaskDefinition string // an ARN; empty: one of its own name
	Desired        int    // how many tasks; 0: 1
	Progress       int    // how many descriptions show a new deployment in progress before one shows its end
	Fails          bool   // new deployments fail
}

// unit returns it as the service wants it. name is CLUSTER/NAME.
func (s SeedService) unit(name string) ecs.Unit {
	cluster, name, _ := strings.Cut(name, "/")
	return ecs.Unit{Cluster: cluster, Name: name, Status: s.Status, TaskDefinition: s.TaskDefinition, Desired: s.Desired, Progress: s.Progress, Fails: s.Fails}
}

func (p *seedParser) service(name string, k, n *yaml.Node) (s SeedService) {
	before := len(p.errs)
	p.object(n, "a service", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "status":
			s.Status = p.text(v)
		case "taskDefinition":
			s.TaskDefinition = p.text(v)
		case "desired":
			s.Desired = p.number(v, 1, 1000)
		case "progress":
			s.Progress = p.number(v, 0, 1000)
		case "fails":
			s.Fails = p.boolean(v)
		default:
			return false
		}
		return true
	}, "status", "taskDefinition", "desired", "progress", "fails")
	if err := s.unit(name).Check(); err != nil && len(p.errs) == before {
		p.fail(k, err.Error())
	}
	return s
}

func (s *Server) plantServices(account, region string, now time.Time, r SeedRegion) error {
	for _, name := range slices.Sorted(maps.Keys(r.Services)) {
		if err := s.containers.Seed(account, region, now, r.Services[name].unit(name)); err != nil {
			return fmt.Errorf("service %q: %w", name, err)
		}
	}
	return nil
}
