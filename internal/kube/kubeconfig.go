package kube

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// podNamespaceFile holds the namespace of the process's pod.
const podNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

var (
	errNoCluster  = errors.New("no cluster is named, and the process does not run in one")
	errNoContext  = errors.New("the kubeconfig has no current context")
	helpNoCluster = "set context: or eks: in the configuration, or KUBECONFIG"
)

// kubeconfig returns where kubectl looks for its configuration: the files of KUBECONFIG, or ~/.kube/config.
func kubeconfig() *clientcmd.ClientConfigLoadingRules {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.WarnIfAllMissing = false
	return rules
}

func kubeconfigNamed() bool { return os.Getenv(clientcmd.RecommendedConfigPathEnvVar) != "" }

// clientConfig returns the kubeconfig with the context that the settings name. It is read anew by each question.
func (c *Cluster) clientConfig() clientcmd.ClientConfig {
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(c.files, &clientcmd.ConfigOverrides{CurrentContext: c.settings.Context})
}

func (c *Cluster) currentContext() (string, error) {
	raw, err := c.clientConfig().RawConfig()
	if err != nil {
		return "", invalid(c.place(), fmt.Errorf("read the kubeconfig: %w", err), "")
	}
	if raw.CurrentContext == "" {
		return "", invalid(c.place(), fmt.Errorf("%w: %s", errNoContext, strings.Join(c.files.GetLoadingPrecedence(), ", ")), "set context: in the configuration, or correct KUBECONFIG")
	}
	return raw.CurrentContext, nil
}

// fromKubeconfig returns the configuration of the context. A context that is not there is an error, also in a pod.
func (c *Cluster) fromKubeconfig() (*rest.Config, error) {
	raw, err := c.clientConfig().RawConfig()
	if err != nil {
		return nil, invalid(c.place(), fmt.Errorf("read the kubeconfig: %w", err), "")
	}
	name := c.settings.Context
	if name == "" {
		name = raw.CurrentContext
	}
	if raw.Contexts[name] == nil {
		return nil, invalid(c.place(), fmt.Errorf("no context %q in %s", name, strings.Join(c.files.GetLoadingPrecedence(), ", ")), "see kubectl config get-contexts")
	}
	cfg, err := clientcmd.NewNonInteractiveClientConfig(raw, name, &clientcmd.ConfigOverrides{}, c.files).ClientConfig()
	if err != nil {
		return nil, invalid(c.place(), fmt.Errorf("context %q: %w", name, err), "")
	}
	return cfg, nil
}

// fromPod returns the configuration of the cluster that the process runs in.
func (c *Cluster) fromPod() (*rest.Config, error) {
	cfg, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return nil, invalid(c.place(), errNoCluster, helpNoCluster)
	}
	if err != nil {
		return nil, invalid(c.place(), fmt.Errorf("the pod's service account: %w", err), "see automountServiceAccountToken")
	}
	return cfg, nil
}

func podNamespace() string {
	data, err := os.ReadFile(podNamespaceFile)
	if err != nil {
		return "" // it runs in no pod
	}
	return strings.TrimSpace(string(data))
}
