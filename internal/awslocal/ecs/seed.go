package ecs

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Unit is a service to start with. Only Cluster and Name are needed; a cluster is there as soon as it has a service.
type Unit struct {
	Cluster        string
	Name           string
	Status         string // "" is ACTIVE
	TaskDefinition string // an ARN; "" is NAME:1 of the place
	Desired        int    // how many tasks; 0 is 1
	Progress       int    // how many descriptions show a new deployment in progress before one shows its end
	Fails          bool   // new deployments fail
}

// Seed makes a service with a completed deployment. It is an error if a name is not valid or taken. It is safe for concurrent use.
func (s *Service) Seed(account, region string, now time.Time, of Unit) error {
	if err := of.Check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := place{account: account, region: region}
	if _, taken := s.places[at][of.Cluster][of.Name]; taken {
		return fmt.Errorf("seed %q: it exists already", of.Cluster+"/"+of.Name)
	}
	if of.Status == "" {
		of.Status = "ACTIVE"
	}
	if of.TaskDefinition == "" {
		of.TaskDefinition = at.arn("task-definition/" + of.Name + ":1")
	}
	if of.Desired == 0 {
		of.Desired = 1
	}
	u := &unit{at: at, cluster: of.Cluster, of: of, created: now}
	d := s.deploy(u, now)
	d.PendingCount, d.RunningCount = 0, of.Desired
	d.turn(completed, "completed", now)
	if s.places[at] == nil {
		s.places[at] = make(map[string]map[string]*unit)
	}
	if s.places[at][of.Cluster] == nil {
		s.places[at][of.Cluster] = make(map[string]*unit)
	}
	s.places[at][of.Cluster][of.Name] = u
	return nil
}

// Check says what is wrong with a service, wherever it is to be.
func (u Unit) Check() error {
	switch {
	case !validName(u.Cluster) || !validName(u.Name):
		return errors.New("a service is CLUSTER/NAME, each of up to 255 letters, digits, - and _")
	case u.Status != "" && !slices.Contains([]string{"ACTIVE", "DRAINING", "INACTIVE"}, u.Status):
		return errors.New("a service is ACTIVE, DRAINING or INACTIVE")
	case u.Desired < 0 || u.Progress < 0:
		return errors.New("a count can't be less than 0")
	}
	return nil
}

func validName(s string) bool {
	for i := range len(s) {
		b := s[i]
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '-' && b != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 255
}
