package iam

import (
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Cluster is a cluster of Amazon EKS that copies go to.
type Cluster struct {
	Name   string
	Region secret.Region // empty: the environment's, which the configuration does not tell
	Role   string        // the ARN of a role that is assumed for it; empty: the hub's own credentials
}

// events lets the hub take events from the queue.
func (g *generator) events() {
	if g.Queue == "" {
		return
	}
	for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"} {
		g.hub.allow(purposeEvents, nil, action, []string{g.Queue})
	}
}

// clusters lets the hub find clusters by their names. What it may do in them is for their own RBAC to say.
func (g *generator) clusters() {
	for _, c := range g.Clusters {
		if c.Role != "" {
			g.hub.allow(purposeAssume, nil, "sts:AssumeRole", []string{c.Role})
			g.warn("the role %s, which is assumed for the EKS cluster %s, needs eks:DescribeCluster on it", c.Role, c.Name)
			continue
		}
		region := string(c.Region)
		if region == "" {
			region = anything
		}
		g.hub.allow(purposeClusters, nil, "eks:DescribeCluster", []string{fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", g.Partition, region, g.hub.account, c.Name)})
	}
}
