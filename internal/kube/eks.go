package kube

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"k8s.io/client-go/rest"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const describeCluster = "DescribeCluster"

// fromEKS returns the configuration of a cluster of EKS, after one DescribeCluster.
func (c *Cluster) fromEKS(ctx context.Context) (*rest.Config, error) {
	s := c.settings.EKS
	account, _ := awscfg.ARNAccount(s.Role)
	cfg, err := c.factory.Config(ctx, awscfg.Target{Role: s.Role, Account: account, ExternalID: s.ExternalID, Region: secret.Region(s.Region)})
	if err != nil {
		return nil, err
	}
	at := secret.Place{Kind: secret.Kubernetes, Account: account, Region: secret.Region(cfg.Region)}
	out, err := eks.NewFromConfig(cfg).DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String(s.Cluster)})
	if err != nil {
		return nil, eksError(s.Cluster, at, err)
	}
	if err := usable(out.Cluster); err != nil {
		return nil, &store.Error{Op: describeCluster, Name: secret.Name(s.Cluster), Place: at, Kind: store.ErrUnavailable, Err: err, Help: "run again when it is ACTIVE"}
	}
	ca, err := base64.StdEncoding.DecodeString(aws.ToString(out.Cluster.CertificateAuthority.Data))
	if err != nil {
		return nil, &store.Error{Op: describeCluster, Name: secret.Name(s.Cluster), Place: at, Kind: store.ErrUnavailable, Err: errors.New("its certificate authority is not base64")}
	}
	found := &rest.Config{Host: aws.ToString(out.Cluster.Endpoint), TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
	source := newTokenSource(cfg, s.Cluster, at)
	found.Wrap(func(next http.RoundTripper) http.RoundTripper { return &bearer{next: next, source: source} })
	return found, nil
}

// usable returns why a cluster can't be called; nil where it can. One that is being updated can.
func usable(c *types.Cluster) error {
	switch {
	case c == nil:
		return errors.New("the answer names no cluster")
	case c.Status != types.ClusterStatusActive && c.Status != types.ClusterStatusUpdating:
		return fmt.Errorf("the cluster is %s", c.Status)
	case aws.ToString(c.Endpoint) == "" || c.CertificateAuthority == nil || aws.ToString(c.CertificateAuthority.Data) == "":
		return errors.New("the cluster has no endpoint yet")
	}
	return nil
}

func eksError(cluster string, at secret.Place, err error) error {
	e := awscfg.Error(describeCluster, at, err)
	e.Name = secret.Name(cluster)
	switch {
	case e.Code == "ResourceNotFoundException":
		e.Kind, e.Help = store.ErrInvalid, "correct eks.cluster: or eks.region: in the configuration, or use credentials of the cluster's account" // not ErrNotFound: that is said of secrets
	case errors.Is(e.Kind, store.ErrNotPermitted) && e.Help == "":
		e.Help = "grant eks:DescribeCluster on the cluster"
	}
	return e
}
