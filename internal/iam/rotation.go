package iam

import (
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Rotation is a secret that is rotated.
type Rotation struct {
	Secret   SecretRef
	Master   *SecretRef // nil: none, or one that only the secret itself names
	Plain    bool       // it is a value that is used nowhere: there is no master
	Services []Service
}

// Service is a service of ECS that gets a new deployment.
type Service struct {
	Cluster, Name string
	Account       secret.AccountID // empty: the hub's
	Region        secret.Region    // empty: the environment's, which the configuration does not tell
	Role          string           // that is assumed for it; empty: the hub's own credentials
}

// rotation collects what it needs to rotate one secret, and for what follows: nothing of a store that is not in AWS.
func (g *generator) rotation(r Rotation) error {
	st, ok := g.Stores[r.Secret.Store]
	if !ok {
		return fmt.Errorf("store %q is not defined", r.Secret.Store)
	}
	if inAWS(st) {
		at := g.place(st)
		if at.Account == "" {
			return fmt.Errorf("store %q is opened once per account: nothing is rotated there", r.Secret.Store)
		}
		g.grantRotation(need{store: st, account: at.Account, regions: []string{string(at.Region)}}, string(r.Secret.Secret))
		if r.Master == nil && !r.Plain {
			g.warn("secret %q: where its member masterarn names the secret of a master, allow GetSecretValue on that one by hand, or name it in the configuration, as master", string(r.Secret.Secret))
		}
	}
	if r.Master != nil {
		if err := g.only(store.Ref(*r.Master)); err != nil {
			return err
		}
	}
	for _, s := range r.Services {
		g.deploy(s)
	}
	return nil
}

// grantRotation lets one secret be rotated, whatever tags it has: it is a source, and no copy of ours. Its key is not known, so the secret that it encrypts is named.
func (g *generator) grantRotation(n need, name string) {
	role := g.roleOf(n.store, n.account)
	access := n.store.Access(store.UseRotate)
	all := n
	for _, a := range access {
		if p := (pattern{start: name + a.Beside}); a.Resource != store.ScopeKey {
			n.names = []pattern{p}
			all.names = append(all.names, p)
			role.allow(purposeRotate, nil, a.Action, n.secrets(g.Partition))
		}
	}
	for _, a := range access {
		if a.Resource == store.ScopeKey {
			role.allow(purposeSources, all.encrypting(g.Partition, all.via(g.Partition, nil)), a.Action, all.arns(g.Partition, "kms", "key/*"))
		}
	}
}

// deploy lets a service of ECS get a new deployment.
func (g *generator) deploy(s Service) {
	account, region := s.Account, string(s.Region)
	if account == "" {
		account = g.hub.account
	}
	if region == "" {
		region = anything
	}
	service := fmt.Sprintf("arn:%s:ecs:%s:%s:service/%s/%s", g.Partition, region, account, s.Cluster, s.Name)
	if s.Role != "" {
		arn := g.roleARN(s.Role, account)
		g.hub.allow(purposeAssume, nil, "sts:AssumeRole", []string{arn})
		g.warn("the role %s, which is assumed for a service of ECS, needs ecs:UpdateService and ecs:DescribeServices on %s", arn, service)
		return
	}
	for _, action := range []string{"ecs:UpdateService", "ecs:DescribeServices"} {
		g.hub.allow(purposeDeploy, nil, action, []string{service})
	}
}
