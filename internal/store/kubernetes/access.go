package kubernetes

import "github.com/secretsync-dev/secretsync/internal/store"

// Access returns nothing: the permissions of a cluster are not AWS's. What a cluster of EKS needs of IAM, docs/kubernetes.md says.
func (s *secrets) Access(store.Use) []store.Access { return nil }

// Rules is as store.Divided has it.
func (s *secrets) Rules(use store.Use) []store.Rule {
	core := func(verbs ...string) store.Rule { return store.Rule{Resource: ofSecret, Verbs: verbs} }
	var all []store.Rule
	switch use {
	case store.UseSource:
		all = append(all, core("get", "list"), store.Rule{Resource: "namespaces", Verbs: []string{"get"}, Optional: true})
	case store.UseWrite:
		all = append(all, core("get", "list", "create", "patch"))
		for _, n := range s.set.Namespaces {
			if isGlob(n) {
				all = append(all, store.Rule{Resource: "namespaces", Verbs: []string{"list"}, Clusterwide: true, Optional: true})
				break
			}
		}
		if s.set.Restart {
			for _, kind := range workloads() {
				all = append(all, store.Rule{Group: "apps", Resource: kind, Verbs: []string{"list", "patch"}})
			}
		}
	case store.UseDelete:
		all = append(all, core("get", "patch", "delete"))
	case store.UseVerify:
		all = append(all, core("get"))
	}
	return all
}
