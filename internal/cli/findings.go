package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/kube"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

// lookFor is how long init looks around: without credentials the SDK asks places that may not answer.
const lookFor = 30 * time.Second

// findings are what init finds around it.
type findings struct {
	account  secret.AccountID // empty: no credentials
	region   secret.Region    // empty: the environment names none
	trouble  error            // why the secrets could not be listed; nil: they were
	secrets  int
	tagged   int // secrets that a tag routes
	groups   bool
	noGroups error // the secret with the groups is there and can't be used
	accounts []secret.AccountID
	vault    string // Vault's address; empty: none, or none that can be used
	noVault  error  // why VAULT_ADDR can't be used
	// cluster is the current context of KUBECONFIG, or "in-cluster"; empty: none, or none that can be used.
	cluster   string
	inCluster bool
	namespace string
	noCluster error // why KUBECONFIG can't be used
}

// find looks around with the ambient credentials. It reads no value but that of the groups' secret. What it can't find is not an error.
func find(ctx context.Context, factory *awscfg.Factory, registry *store.Registry) (*findings, error) {
	within, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	f := &findings{}
	f.trouble = f.look(within, factory, registry)
	return f, ctx.Err()
}

func (f *findings) look(ctx context.Context, factory *awscfg.Factory, registry *store.Registry) error {
	var err error
	if f.region, err = factory.Region(ctx); err != nil {
		return err
	}
	if f.account, err = factory.Account(ctx); err != nil {
		return err
	}
	file, err := config.Default(wire.Kinds(registry))
	if err != nil {
		return err
	}
	stores, err := wire.Open(file, registry)
	if err != nil {
		return err
	}
	hub, err := stores[file.Rules[0].From].Source(ctx, nil)
	if err != nil {
		return err
	}
	metas, err := hub.List(ctx)
	if err != nil {
		return err
	}
	accounts := map[secret.AccountID]bool{}
	f.read(metas, accounts)
	if f.groups {
		f.readGroups(hub.Read(ctx, []secret.Name{config.DefaultGroupsSecret})[0], accounts)
	}
	f.accounts = slices.Sorted(maps.Keys(accounts))
	return nil
}

func (f *findings) read(metas []secret.Meta, accounts map[secret.AccountID]bool) {
	for i := range metas {
		m := &metas[i]
		if !m.Deleted.IsZero() {
			continue
		}
		f.secrets++
		if m.Name == config.DefaultGroupsSecret {
			f.groups = true
		}
		_, byGroup := m.Tags[plan.TagSyncGroup]
		account, byAccount := m.Tags[plan.TagSyncAccount]
		if byGroup || byAccount {
			f.tagged++
		}
		if a := secret.AccountID(account); a.Valid() {
			accounts[a] = true
		}
	}
}

func (f *findings) readGroups(got store.Reading, accounts map[secret.AccountID]bool) {
	if f.noGroups = got.Err; got.Err != nil {
		return
	}
	groups, _, err := config.ParseGroups(got.Value.Reveal())
	if f.noGroups = err; err != nil {
		return
	}
	for _, g := range groups {
		for _, a := range g.Accounts {
			if a.Valid() {
				accounts[a] = true
			}
		}
	}
}

// vaultAddress returns what VAULT_ADDR holds, if it can stand in a configuration. The error does not quote it: it may hold credentials. Vault is not called.
func vaultAddress(value string) (string, error) {
	if value == "" {
		return "", nil
	}
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || strings.ContainsAny(value, "@?# ") {
		return "", errors.New("it is no address as in https://vault.example.com:8200")
	}
	return value, nil
}

// kubernetes looks for the cluster that the environment names: by KUBECONFIG, or as a pod has it.
func (f *findings) kubernetes(factory *awscfg.Factory, getenv func(string) string) {
	f.inCluster = getenv("KUBERNETES_SERVICE_HOST") != ""
	if kubeconfig := getenv("KUBECONFIG"); kubeconfig != "" {
		f.inCluster = false
	} else if !f.inCluster {
		return
	}
	c, err := kube.Open(factory, kube.Settings{})
	if err != nil {
		f.noCluster = err
		return
	}
	f.cluster, f.namespace = c.Name(), c.Namespace()
}

// problems says what could not be found or used, and why; never nil, which JSON would show as null.
func (f *findings) problems() []string {
	all := []string{}
	switch {
	case f.trouble != nil && f.account == "":
		all = append(all, fmt.Sprintf("AWS credentials: %v", f.trouble))
	case f.trouble != nil:
		all = append(all, fmt.Sprintf("the secrets: %v", f.trouble))
	}
	if f.noGroups != nil {
		all = append(all, fmt.Sprintf("the secret %s can't be used: %v", config.DefaultGroupsSecret, f.noGroups))
	}
	if f.noVault != nil {
		all = append(all, fmt.Sprintf("VAULT_ADDR: %v", f.noVault))
	}
	if f.noCluster != nil {
		all = append(all, fmt.Sprintf("KUBECONFIG: %v", f.noCluster))
	}
	return all
}

// summary says what was found, a line each.
func (f *findings) summary() []string {
	var lines []string
	switch {
	case f.account != "":
		lines = append(lines, fmt.Sprintf("found: account %s, Region %s", f.account, f.region))
	case f.region != "":
		lines = append(lines, fmt.Sprintf("found: Region %s", f.region))
	}
	switch {
	case f.trouble != nil && f.account == "":
		lines = append(lines, fmt.Sprintf("not found: AWS credentials: %v", f.trouble))
	case f.trouble != nil:
		lines = append(lines, fmt.Sprintf("not found: the secrets: %v", f.trouble))
	default:
		lines = append(lines, fmt.Sprintf("found: %s, %d with a routing tag", count(f.secrets, "secret", "secrets"), f.tagged))
	}
	switch {
	case f.noGroups != nil:
		lines = append(lines, fmt.Sprintf("found: the secret %s, which can't be used: %v", config.DefaultGroupsSecret, f.noGroups))
	case f.groups:
		lines = append(lines, fmt.Sprintf("found: groups of accounts in the secret %s", config.DefaultGroupsSecret))
	}
	switch {
	case f.noVault != nil:
		lines = append(lines, fmt.Sprintf("found: VAULT_ADDR, which can't be used: %v", f.noVault))
	case f.vault != "":
		lines = append(lines, fmt.Sprintf("found: Vault's address in VAULT_ADDR, %s", f.vault))
	}
	switch {
	case f.noCluster != nil:
		lines = append(lines, fmt.Sprintf("found: KUBECONFIG, which can't be used: %v", f.noCluster))
	case f.cluster != "":
		lines = append(lines, fmt.Sprintf("found: the Kubernetes cluster %s", f.cluster))
	}
	return lines
}
