// Package kube calls the API of Kubernetes clusters: it finds the cluster and the credentials as kubectl does, or by an EKS cluster's name, paces and
// reports every request, turns errors into the store's kinds, and elects one leader of several replicas.
package kube

import (
	"errors"
	"strings"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Settings say which cluster. The zero Settings are the current context of KUBECONFIG; where that is not set, the cluster that the process runs in, as the
// service account of its pod. The current context of ~/.kube/config is never taken: what is written to has to be said.
type Settings struct {
	// Context is a context of KUBECONFIG, or of ~/.kube/config where that is not set.
	Context string
	// EKS is a cluster of Amazon EKS; not with Context.
	EKS *EKS
	// Cluster is what plans and marks call the cluster. Empty: EKS's name, the context's, or "in-cluster".
	Cluster string
}

// EKS names a cluster of Amazon EKS. Its endpoint is asked for, and it is called as an identity of IAM, which the cluster must know (an access entry).
type EKS struct {
	Cluster string
	// Region is the cluster's. Empty: the ambient one.
	Region string
	// Role is the ARN of a role that is assumed for the cluster. Empty: the ambient credentials are used.
	Role string
	// ExternalID goes with the AssumeRole; empty: none.
	ExternalID string
}

// inCluster is what the cluster that the process runs in is called: it does not know its own name.
const inCluster = "in-cluster"

// Cluster is one cluster. Its methods may be called concurrently.
type Cluster struct {
	factory   *awscfg.Factory
	settings  Settings
	name      string
	files     *clientcmd.ClientConfigLoadingRules // nil: no kubeconfig is read
	connected *once[*connection]
}

// Open returns the cluster that the settings name. It contacts nothing; it reads a kubeconfig only where the settings are empty and KUBECONFIG is set.
// ErrInvalid where the settings name two clusters, where a role is not an ARN, or where that file can't be read or has no current context.
func Open(f *awscfg.Factory, s Settings) (*Cluster, error) {
	c := &Cluster{factory: f, settings: s}
	c.connected = newOnce(c.connect)
	switch {
	case s.EKS != nil:
		c.name = s.EKS.Cluster
		if err := checkEKS(s); err != nil {
			return nil, invalid(secret.Place{Kind: secret.Kubernetes, Cluster: s.Cluster}, err, "")
		}
	case s.Context != "":
		c.name = s.Context
		c.files = kubeconfig()
	case kubeconfigNamed():
		c.files = kubeconfig()
		current, err := c.currentContext()
		if err != nil {
			return nil, err
		}
		c.name = current
	default:
		c.name = inCluster
	}
	if s.Cluster != "" {
		c.name = s.Cluster
	}
	return c, nil
}

// checkEKS returns what is wrong with the settings of a cluster of EKS.
func checkEKS(s Settings) error {
	switch account, _ := awscfg.ARNAccount(s.EKS.Role); {
	case s.Context != "":
		return errors.New("a context and a cluster of EKS are given: one of them is meant")
	case s.EKS.Cluster == "":
		return errors.New("a cluster of EKS without a name")
	case s.EKS.Role != "" && (account == "" || !strings.Contains(s.EKS.Role, ":role/")):
		return errors.New("the role for a cluster of EKS must be an ARN, as in arn:aws:iam::111122223333:role/NAME")
	case s.EKS.Role == "" && s.EKS.ExternalID != "":
		return errors.New("an external id goes with a role only")
	}
	return nil
}

// Name returns what plans and marks call the cluster. It is never empty.
func (c *Cluster) Name() string { return c.name }

// Namespace returns the namespace of the context, or the one that the process's own pod is in; "default" where neither says.
func (c *Cluster) Namespace() string {
	namespace := ""
	switch {
	case c.files != nil:
		if n, _, err := c.clientConfig().Namespace(); err == nil { // what can't be read is Config's to say
			namespace = n
		}
	case c.settings.EKS == nil:
		namespace = podNamespace()
	}
	if namespace == "" {
		return "default"
	}
	return namespace
}

// place returns the cluster as errors name it.
func (c *Cluster) place() secret.Place {
	return secret.Place{Kind: secret.Kubernetes, Cluster: c.name}
}

func invalid(at secret.Place, cause error, help string) error {
	return &store.Error{Op: "open the API", Place: at, Kind: store.ErrInvalid, Err: cause, Help: help}
}
