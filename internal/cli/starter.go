package cli

import (
	"fmt"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// starter returns a configuration for what was found, with a comment for whatever a person may want to change.
func starter(f *findings) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# yaml-language-server: $schema=secretsync.schema.json")
	line("# (secretsync schema > secretsync.schema.json; secretsync validate checks this file without any network)")
	line("version: 1")
	line("")
	line("# The name of this installation. It is written into the mark of every copy: choose it before the first run, and keep it.")
	if f.account != "" {
		line("owner: secretsync-%s", f.account)
	} else {
		line("# owner: secretsync-111111111111       # the default is made of the account of the hub's credentials")
	}
	line("")
	line("stores:")
	line("  # Where the secrets are.")
	line("  hub:")
	line("    type: aws-secrets-manager")
	if f.region != "" {
		line("    region: %s", f.region)
	} else {
		line("    # region: us-east-1                 # the default is the environment's")
	}
	if f.account != "" {
		line("    account: %q           # the credentials must belong to it", f.account)
	} else {
		line("    # account: \"111111111111\"           # the credentials must then belong to it")
	}
	line("")
	line("  # Where the copies go. With a role and no account it is opened once per account and Region.")
	line("  spokes:")
	line("    type: aws-secrets-manager")
	line("    role: SecretSyncRole")
	line("    # externalId: choose-your-own       # what the role's trust policy asks for")
	line("    # kmsKey: alias/secretsync          # the key of every copy; the default is AWS's own")
	starterAllow(line, f.accounts)
	line("")
	starterVault(line, f)
	starterKubernetes(line, f)
	line("  # Parameter Store: values of up to 4 KiB cost nothing there. Syncs name it in the same way.")
	line("  # params:")
	line("  #   type: aws-parameter-store")
	line("  #   role: SecretSyncRole")
	line("  #   prefix: /copies/                  # copies get it in front of their names")
	line("")
	starterGroups(line, f)
	line("syncs:")
	line("  # The tags on each secret decide where it goes:")
	line("  #   %s=GROUP or %s=ACCOUNT put it there,", plan.TagSyncGroup, plan.TagSyncAccount)
	line("  #   %s and %s keep it out, and always win.", plan.TagNoSyncGroup, plan.TagNoSyncAccount)
	line("  - name: hub-to-spokes")
	line("    from: hub")
	line("    to: [{store: spokes, byTags: true}]")
	line("    deletion: retain                    # or delete: schedule the deletion of copies that nothing wants any more")
	line("    drift: mend                         # or report: leave a copy that somebody else has written")
	line("")
	line("  # A rule that needs no tags:")
	line("  # - name: shared")
	line("  #   from: hub")
	line("  #   select: {prefix: [shared/]}")
	line("  #   to: [{store: spokes, accounts: [\"222222222222\"], regions: [eu-west-1]}]")
	line("")
	if f.vault != "" {
		line("  # What is below a path of Vault goes to the hub, under the same names:")
		line("  # - name: vault-to-aws")
		line("  #   from: vault")
		line("  #   select: {prefix: [from-vault/]}")
		line("  #   to: [{store: hub}]")
		line("")
	}
	if f.cluster != "" {
		line("  # What is below a path becomes Secrets of a namespace, one key for each key of a JSON object:")
		line("  # - name: hub-to-cluster")
		line("  #   from: hub")
		line("  #   select: {prefix: [cluster/]}")
		line("  #   to: [{store: cluster, name: \"{{ .Base }}\"}]")
		line("")
	}
	line("  # Two keys of a JSON object, one of them renamed, under another name:")
	line("  # - name: logins")
	line("  #   from: hub")
	line("  #   select: {prefix: [app/]}")
	line("  #   value: {keys: {include: [username, password], rename: {username: user}}}")
	line("  #   to: [{store: params, accounts: [\"222222222222\"], name: \"/copies/{{ .Name }}/login\"}]")
	line("")
	line("# The brakes on deletions, per target and run.")
	line("limits: {deletes: %d, deletePercent: %d}", plan.DefaultDeletes, plan.DefaultDeletePercent)
	line("")
	line("# Who is told of a run that failed; smtp and webhook are possible too.")
	line("# notify:")
	line("#   - sns: {topicArn: \"arn:aws:sns:us-east-1:111122223333:secretsync-failures\"}")
	line("#   - slack: {urlEnv: SLACK_URL}")
	return b.String()
}

// starterVault writes the store that VAULT_ADDR leads to. What a person writes into a variable may hold a "$", which stands doubled in the file.
func starterVault(line func(string, ...any), f *findings) {
	if f.vault == "" {
		return
	}
	line("  # A KV version 2 engine of Vault, or of OpenBao. Vault's own variables (VAULT_TOKEN, VAULT_NAMESPACE, VAULT_CACERT, …) count.")
	line("  vault:")
	line("    type: vault")
	line("    address: %q", strings.ReplaceAll(f.vault, "$", "$$"))
	line("    mount: secret")
	line("    auth: {method: token}               # VAULT_TOKEN, else the file ~/.vault-token")
	line("    # auth: {method: approle, roleId: secretsync}                   # the secret id is in VAULT_SECRET_ID, or in secretIdFile")
	line("    # auth: {method: aws, role: secretsync}                         # as the AWS identity in use")
	line("    # auth: {method: kubernetes, role: secretsync}                  # as the pod's service account")
	line("    # auth: {method: jwt, role: secretsync, jwtFile: /run/jwt}      # with a token of an identity provider")
	line("")
}

// starterKubernetes writes the store for the cluster that the environment names.
func starterKubernetes(line func(string, ...any), f *findings) {
	if f.cluster == "" {
		return
	}
	line("  # The Secrets of a Kubernetes cluster.")
	line("  cluster:")
	line("    type: kubernetes")
	if f.inCluster {
		line("    # cluster: NAME                   # what plans call it; the default for the cluster that the program runs in is in-cluster")
	} else {
		line("    context: %q", strings.ReplaceAll(f.cluster, "$", "$$"))
	}
	line("    # (in place of a context, a cluster of Amazon EKS by its name: eks: {cluster: prod, region: us-east-1})")
	line("    namespace: %q                # of copies, where a sync names none", f.namespace)
	line("    # namespaces: [%q, \"team-*\"]     # where copies may go, for a destination whose namespace is a template", f.namespace)
	line("    # restart: true                     # restart the workloads that use a Secret when it has changed")
	line("")
}

func starterAllow(line func(string, ...any), accounts []secret.AccountID) {
	if len(accounts) == 0 {
		line("    # The accounts that tags may send secrets to. Without it: every account whose role trusts us.")
		line("    # allow: {accounts: [\"222222222222\"]}")
		return
	}
	line("    # The accounts that tags may send secrets to: those that tags and groups name today.")
	line("    allow:")
	line("      accounts:")
	for _, a := range accounts {
		line("        - %q", a)
	}
}

func starterGroups(line func(string, ...any), f *findings) {
	if f.groups {
		line("# The account groups that tags may name are in this secret.")
		line("groupsFrom: {store: hub, secret: %s}", config.DefaultGroupsSecret)
	} else {
		line("# The account groups that tags may name; they may live in a secret instead:")
		line("# groupsFrom: {store: hub, secret: %s}", config.DefaultGroupsSecret)
		line("# groups:")
		line("#   Production: {accounts: [\"222222222222\"], region: us-east-1}")
	}
	line("")
}
