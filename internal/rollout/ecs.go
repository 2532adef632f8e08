package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	lookEvery = 5 * time.Second
	lookFor   = 30 * time.Minute
	maxReason = 300 // characters of AWS's own text
)

// account returns the account that is named, or that of a role that is named by its ARN; empty where there is neither.
func (e ECSService) account() secret.AccountID {
	if e.Account == "" {
		account, _ := awscfg.ARNAccount(e.Role)
		return account
	}
	return e.Account
}

func (e ECSService) name() string {
	cluster := e.Cluster[strings.LastIndexByte(e.Cluster, '/')+1:]
	if cluster == "" {
		cluster = "default"
	}
	return cluster + "/" + e.Service[strings.LastIndexByte(e.Service, '/')+1:]
}

// what is what reports call it: "ecs 111122223333/us-east-1 apps/web", with as much of the place as is configured.
func (e ECSService) what() string {
	at := secret.Place{Account: e.account(), Region: e.Region}.String()
	if at != "" {
		at += " "
	}
	return "ecs " + at + e.name()
}

// deployment is a new deployment of a service.
type deployment struct {
	wave *wave
	of   ECSService

	client *ecs.Client
	at     secret.Place
	id     string
}

// open finds out where and as whom the service is called.
func (d *deployment) open(ctx context.Context) error {
	factory := d.wave.AWS
	if factory == nil {
		return errors.New("there are no AWS credentials to call ECS with")
	}
	t := awscfg.Target{Account: d.of.account(), Region: d.of.Region, Role: d.of.Role}
	var err error
	if t.Region == "" {
		if t.Region, err = factory.Region(ctx); err != nil {
			return err
		}
	}
	if t.Account == "" {
		if t.Account, err = factory.Account(ctx); err != nil {
			return err
		}
	} else if t.Role == "" || strings.HasPrefix(t.Role, "arn:") {
		if err := factory.Verify(ctx, t, t.Account); err != nil {
			return err
		}
	}
	cfg, err := factory.Config(ctx, t)
	if err != nil {
		return err
	}
	d.client, d.at = ecs.NewFromConfig(cfg), secret.Place{Account: t.Account, Region: t.Region}
	return nil
}

// cluster returns the cluster as a call has it.
func (d *deployment) cluster() *string {
	if d.of.Cluster == "" {
		return nil
	}
	return &d.of.Cluster
}

// force makes a new deployment, unless the one that is there will do.
func (d *deployment) force(ctx context.Context) error {
	if err := d.open(ctx); err != nil {
		return err
	}
	if last := d.wave.last(); d.wave.Again && !last.IsZero() {
		of, err := d.describe(ctx)
		if err != nil {
			return err
		}
		if p := primary(of.Deployments); p != nil && !aws.ToTime(p.CreatedAt).Before(last) {
			d.id = aws.ToString(p.Id)
			return nil
		}
	}
	out, err := d.client.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: d.cluster(), Service: &d.of.Service, ForceNewDeployment: true})
	if err != nil {
		return d.failed("UpdateService", err)
	}
	if out.Service != nil {
		if p := primary(out.Service.Deployments); p != nil {
			d.id = aws.ToString(p.Id)
		}
	}
	return nil
}

// last returns when what the tasks of the wave read was written last; zero: now, or nobody knows.
func (w *wave) last() time.Time {
	switch {
	case w.written.Copies > 0:
		return time.Time{}
	case w.written.Changed.After(w.Since):
		return w.written.Changed
	}
	return w.Since
}

// primary returns the deployment that is the one to come; nil where there is none.
func primary(all []types.Deployment) *types.Deployment {
	for i := range all {
		if aws.ToString(all[i].Status) == "PRIMARY" {
			return &all[i]
		}
	}
	return nil
}

// describe returns the service as it is.
func (d *deployment) describe(ctx context.Context) (types.Service, error) {
	out, err := d.client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: d.cluster(), Services: []string{d.of.Service}})
	if err != nil {
		return types.Service{}, d.failed("DescribeServices", err)
	}
	if len(out.Services) == 0 {
		return types.Service{}, &store.Error{Op: "DescribeServices", Name: secret.Name(d.of.name()), Place: d.at, Kind: store.ErrNotFound}
	}
	return out.Services[0], nil
}

// wait waits until the new deployment is complete.
func (d *deployment) wait(ctx context.Context) error {
	if d.id == "" {
		return d.refused(errors.New("it has no deployment of ECS's own, and can't be waited for"))
	}
	limited, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	for {
		complete, err := d.look(limited)
		switch {
		case complete:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case limited.Err() != nil:
			return d.refused(fmt.Errorf("deployment %s is not complete after %s", d.id, lookFor))
		case err != nil:
			return err
		}
		sleep(limited, lookEvery)
	}
}

// look reports whether the new deployment is complete; an error where it never will be.
func (d *deployment) look(ctx context.Context) (bool, error) {
	of, err := d.describe(ctx)
	if err != nil {
		return false, err
	}
	for _, one := range of.Deployments {
		if aws.ToString(one.Id) == d.id {
			return d.judge(of, one)
		}
	}
	if p := primary(of.Deployments); p != nil { // a younger one: its tasks read the secret later
		d.id = aws.ToString(p.Id)
		return false, nil
	}
	return false, d.refused(fmt.Errorf("deployment %s is gone, and no other took its place", d.id))
}

// judge reports whether a deployment is complete.
//
//	rollout state   means
//	COMPLETED       complete
//	FAILED          an error
//	IN_PROGRESS     not yet; one that another takes the place of is gone in the end: look
//	none            complete where it is the only one and all its tasks run
func (d *deployment) judge(of types.Service, one types.Deployment) (bool, error) {
	switch one.RolloutState {
	case types.DeploymentRolloutStateCompleted:
		return true, nil
	case types.DeploymentRolloutStateFailed:
		reason := []rune(aws.ToString(one.RolloutStateReason))
		return false, d.refused(fmt.Errorf("deployment %s failed: %s", d.id, string(reason[:min(len(reason), maxReason)])))
	}
	return one.RolloutState == "" && len(of.Deployments) == 1 && one.RunningCount >= one.DesiredCount, nil
}

// refused is an error of a service that answers, and does not do what it should.
func (d *deployment) refused(why error) error {
	return &store.Error{Op: "wait for", Name: secret.Name(d.of.name()), Place: d.at, Err: why}
}

// failed turns an error of the SDK into one that names action, service and place.
func (d *deployment) failed(op string, err error) error {
	e := awscfg.Error(op, d.at, err)
	e.Name = secret.Name(d.of.name())
	switch e.Code {
	case "ClusterNotFoundException", "ServiceNotFoundException":
		e.Kind = store.ErrNotFound
	case "ServiceNotActiveException", "InvalidParameterException", "ClientException":
		e.Kind = store.ErrInvalid
	}
	if errors.Is(e, store.ErrNotPermitted) && e.Help == "" {
		e.Help = "it takes ecs:UpdateService and ecs:DescribeServices on service/" + d.of.name()
	}
	return e
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
