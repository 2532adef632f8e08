package iam

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Cluster is a cluster of Amazon EKS that copies go to.
type Cluster struct {
	Name   string
	Region secret.Region // empty: the environment's, which the configuration does not tell
	Role   string        // the ARN of a role that is assumed for it; empty: the hub's own credentials
}

// queueHost finds the Region in the name of an endpoint of SQS.
var queueHost = regexp.MustCompile(`(?:^|\.)sqs(?:-fips)?\.([a-z]{2,}(?:-[a-z]+)+-[0-9]+)\.`)

// queueARN returns the ARN of a queue from its URL; false where the URL does not tell it.
func queueARN(queue, partition string) (string, bool) {
	u, err := url.Parse(queue)
	if err != nil {
		return "", false
	}
	region := queueHost.FindStringSubmatch(u.Host)
	account, name, ok := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if region == nil || !ok || !secret.AccountID(account).Valid() || strings.Contains(name, "/") {
		return "", false
	}
	return strings.Join([]string{"arn", partition, "sqs", region[1], account, name}, ":"), true
}

// events lets the hub take events from the queue.
func (g *generator) events() {
	if g.Queue == "" {
		return
	}
	arn, ok := queueARN(g.Queue, g.Partition)
	if !ok {
		g.warn("serve: queue: its URL does not tell its Region, account and name: allow sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility on it by hand")
		return
	}
	for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"} {
		g.hub.allow(purposeEvents, nil, action, []string{arn})
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
