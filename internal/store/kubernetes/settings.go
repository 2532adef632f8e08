package kubernetes

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// settings are an entry of `stores:`, as written.
type settings struct {
	Context    string   `yaml:"context"`
	EKS        *eks     `yaml:"eks"`
	Cluster    string   `yaml:"cluster"`
	Namespace  string   `yaml:"namespace"`
	Namespaces []string `yaml:"namespaces"`
	Key        string   `yaml:"key"`
	SecretType string   `yaml:"secretType"`
	Restart    bool     `yaml:"restart"`
}

// eks names a cluster of Amazon EKS.
type eks struct {
	Cluster    string `yaml:"cluster"`
	Region     string `yaml:"region"`
	Role       string `yaml:"role"`
	ExternalID string `yaml:"externalId"`
}

const (
	clusterPattern   = `^[A-Za-z0-9]([A-Za-z0-9_.:@/-]*[A-Za-z0-9])?$`
	namespacePattern = `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`
	globPattern      = `^[a-z0-9*]([a-z0-9*-]{0,61}[a-z0-9*])?$`
	keyPattern       = `^[A-Za-z0-9._-]{1,253}$`
	typePattern      = `^[A-Za-z0-9]([A-Za-z0-9./_-]*[A-Za-z0-9])?$`
	eksPattern       = `^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`
	regionPattern    = `^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`
	rolePattern      = `^arn:aws[a-z-]*:iam::[0-9]{12}:role/([\x21-\x7e]*/)?[A-Za-z0-9_+=,.@-]{1,64}$`
	externalPattern  = `^[A-Za-z0-9_+=,.@:/-]{2,}$`
)

// maxExternalID is how long an ExternalId may be.
const maxExternalID = 1224

func settingsSchema() map[string]any {
	match := func(pattern, description string) map[string]any {
		return map[string]any{"type": "string", "pattern": pattern, "description": description}
	}
	externalID := match(externalPattern, "The ExternalId that the role's trust policy asks for.")
	externalID["maxLength"] = maxExternalID
	return map[string]any{
		"context": map[string]any{
			"type": "string", "minLength": 1,
			"description": "A context of the kubeconfig. Without it, and without eks: the current one where KUBECONFIG is set, else the cluster that the process runs in.",
		},
		"eks": map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"cluster"},
			"description": "A cluster of Amazon EKS: it is found by its name, and signed in to with AWS credentials.",
			"properties": map[string]any{
				"cluster":    match(eksPattern, "Its name."),
				"region":     match(regionPattern, "Its Region. Without it: the one of the environment."),
				"role":       match(rolePattern, "The ARN of a role to assume for it."),
				"externalId": externalID,
			},
		},
		"cluster":   match(clusterPattern, "What plans and marks call the cluster. Without it: the name of the EKS cluster or of the context, else in-cluster."),
		"namespace": match(namespacePattern, "The namespace of copies whose sync gives none, and of a source. Without it: that of the context or of the pod, else default."),
		"namespaces": map[string]any{
			"type": "array", "minItems": 1, "uniqueItems": true, "items": match(globPattern, "A namespace, or a glob of several."),
			"description": "The namespaces that a sync may give its copies, as in [apps, \"team-*\"]. Without it: only the store's own.",
		},
		"key":        match(keyPattern, "The key of a value that is no JSON object. Default: value."),
		"secretType": match(typePattern, "The type of Secrets that a sync gives none. Default: Opaque."),
		"restart": map[string]any{
			"type":        "boolean",
			"description": "Restarts the Deployments, StatefulSets and DaemonSets that mount or read a Secret whose data was changed. Default: false.",
		},
	}
}

// complete puts the defaults in.
func (set *settings) complete() {
	if set.Key == "" {
		set.Key = "value"
	}
	if set.SecretType == "" {
		set.SecretType = opaque
	}
}

// check returns everything that is wrong with completed settings, joined.
func (set *settings) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	match := func(key, value, pattern, want string) {
		if value != "" && !regexp.MustCompile(pattern).MatchString(value) {
			bad("%s %q: %s", key, value, want)
		}
	}
	if set.Context != "" && set.EKS != nil {
		bad("context and eks: give one of them")
	}
	if e := set.EKS; e != nil {
		if e.Cluster == "" {
			bad("eks.cluster is missing")
		}
		match("eks.cluster", e.Cluster, eksPattern, "want the name of a cluster")
		match("eks.region", e.Region, regionPattern, `want a Region, as in "us-east-1"`)
		match("eks.role", e.Role, rolePattern, "want the ARN of a role")
		match("eks.externalId", e.ExternalID, externalPattern, "want 2 to 1224 of letters, digits and _ + = , . @ : / -")
		if len(e.ExternalID) > maxExternalID {
			bad("eks.externalId has %d characters, and %d is the most", len(e.ExternalID), maxExternalID)
		}
		if e.ExternalID != "" && e.Role == "" {
			bad("eks.externalId without eks.role: it goes with the assumption of a role")
		}
	}
	match("cluster", set.Cluster, clusterPattern, "want letters, digits and _ . : @ / -")
	match("namespace", set.Namespace, namespacePattern, "want up to 63 lower-case letters, digits and -")
	for _, n := range set.Namespaces {
		match("namespaces", n, globPattern, "want a namespace, or a glob as in team-*")
	}
	if set.Namespace != "" && len(set.Namespaces) > 0 && !set.allows(set.Namespace) {
		bad("namespace %q is not under namespaces", set.Namespace)
	}
	if why := badKey(set.Key); why != "" {
		bad("key %q: %s", set.Key, why)
	}
	match("secretType", set.SecretType, typePattern, "want a type, as in kubernetes.io/tls")
	if why := refusedType(set.SecretType); why != "" {
		bad("secretType %q: %s", set.SecretType, why)
	}
	return errors.Join(errs...)
}

// allows reports whether copies may be in a namespace because a sync names it.
func (set *settings) allows(namespace string) bool {
	return slices.ContainsFunc(set.Namespaces, func(glob string) bool {
		ok, err := path.Match(glob, namespace)
		return ok && err == nil
	})
}

func isGlob(s string) bool { return strings.Contains(s, "*") }

// badKey says why a Secret can't have such a key; empty if it can.
func badKey(key string) string {
	if len(validation.IsConfigMapKey(key)) == 0 {
		return ""
	}
	return "want 1 to 253 letters, digits and - _ . which are not . or begin with .."
}
