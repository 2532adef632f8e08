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
	line("    # externalId: …                     # what the role's trust policy asks for")
	line("    # kmsKey: alias/secretsync          # the key of every copy; the default is AWS's own")
	starterAllow(line, f.accounts)
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
	line("# The brakes on deletions, per target and run.")
	line("limits: {deletes: %d, deletePercent: %d}", plan.DefaultDeletes, plan.DefaultDeletePercent)
	return b.String()
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
