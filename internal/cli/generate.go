package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/iam"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// generateFlags are those of generate.
type generateFlags struct {
	audience string
	out      string
	hubRole  string
	accounts []string
}

func newGenerate(a *app) *cobra.Command {
	var flags generateFlags
	c := &cobra.Command{
		Use: "generate iam", Short: "Make least-privilege policies from the configuration",
		Long: `Make the IAM policies that this configuration needs and no more: for the role that runs secretsync (the hub), and for the role in
every account that copies go to (a spoke), with the trust policy that lets the hub in. Stores outside AWS need none. AWS is not asked for anything.`,
		Example: "  secretsync generate iam --for spoke\n  secretsync generate iam --hub-role arn:aws:iam::123456789012:role/SecretSyncLambdaRole --out policies",
		Args:    whatToGenerate, ValidArgs: []string{"iam"},
		RunE: func(cmd *cobra.Command, _ []string) error { return runGenerate(cmd, a, flags) },
	}
	c.Flags().StringVar(&flags.audience, "for", "", "only these: hub or spoke (default both)")
	c.Flags().StringVar(&flags.out, "out", "", "write files into this directory instead of standard output")
	c.Flags().StringVar(&flags.hubRole, "hub-role", "", "the ARN of the role that runs secretsync (default "+iam.DefaultHubRole+" of the hub's account)")
	c.Flags().StringArrayVar(&flags.accounts, "account", nil, "an account that the configuration does not name, as those of the groups' secret (repeatable)")
	return c
}

func whatToGenerate(_ *cobra.Command, args []string) error {
	switch {
	case len(args) != 1:
		return fmt.Errorf("say what to generate: secretsync generate iam")
	case args[0] != "iam":
		if slices.Contains([]string{"cloudformation", "sam", "terraform", "cdk", "pulumi", "stackset", "scp", "vault-policy", "kubernetes-rbac"}, args[0]) {
			return fmt.Errorf("generate %s is not in this version: want iam", args[0])
		}
		return fmt.Errorf("can't generate %q: want iam", args[0])
	}
	return nil
}

func runGenerate(cmd *cobra.Command, a *app, flags generateFlags) error {
	audience := iam.For(flags.audience)
	if audience != "" && audience != iam.Hub && audience != iam.Spoke {
		return fmt.Errorf("--for %q: want hub or spoke", flags.audience)
	}
	s, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	in, err := iamInput(s)
	if err != nil {
		return err
	}
	in.HubRole = flags.hubRole
	for _, id := range flags.accounts {
		account := secret.AccountID(id)
		if !account.Valid() {
			return fmt.Errorf("--account %q: want 12 digits", id)
		}
		in.Accounts = append(in.Accounts, account)
	}
	res, err := iam.Generate(in)
	if err != nil {
		return err
	}
	a.warnAll(res.Warnings)
	if in.Queue == "" && s.file.Serve.Queue != "" {
		a.warn("serve: queue: its URL does not tell its ARN: allow sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility on it by hand")
	}
	docs := []iam.Document{}
	for _, d := range res.Documents {
		if audience == "" || audience == d.For {
			docs = append(docs, d)
		}
	}
	switch {
	case flags.out != "":
		return a.writeDocuments(flags.out, docs)
	case a.json():
		return a.printJSON(struct {
			Version   int            `json:"version"`
			Documents []iam.Document `json:"documents"`
		}{1, docs})
	}
	text, err := documentsText(docs)
	if err != nil {
		return err
	}
	return a.print(text)
}

// iamInput returns what policies are made from: the configuration, and of each store how the hub gets there.
func iamInput(s *session) (iam.Input, error) {
	f := s.file
	in := iam.Input{Owner: f.Owner, Rules: f.Rules, Groups: f.Groups, Stores: map[secret.StoreName]iam.Store{}}
	if f.GroupsFrom != nil {
		in.GroupsFrom = &iam.SecretRef{Store: f.GroupsFrom.Store, Secret: f.GroupsFrom.Secret}
	}
	for _, n := range f.Notify {
		if n.SNS != nil {
			in.Topics = append(in.Topics, n.SNS.TopicARN)
		}
	}
	in.Queue, _ = awscfg.QueueARN(f.Serve.Queue)
	for i := range f.Rotations {
		in.Rotations = append(in.Rotations, rotationAccess(&f.Rotations[i]))
	}
	for _, st := range f.Stores {
		var settings map[string]any
		if err := st.Decode(&settings); err != nil {
			return in, err
		}
		role, _ := settings["role"].(string)
		externalID, _ := settings["externalId"].(string)
		in.Stores[st.Name] = iam.Store{Store: s.stores[st.Name], Role: role, ExternalID: externalID}
		if eks, ok := settings["eks"].(map[string]any); ok {
			in.Clusters = append(in.Clusters, clusterOf(eks))
		}
		if at, _ := s.stores[st.Name].Fixed(); in.Partition == "" && at.Region != "" {
			in.Partition = awscfg.Partition(at.Region)
		}
	}
	return in, nil
}

// rotationAccess returns what permissions for a rotation follow from.
func rotationAccess(r *config.Rotation) iam.Rotation {
	all := iam.Rotation{Secret: iam.SecretRef{Store: r.Store, Secret: r.Secret}, Plain: r.Engine == "generate"}
	if r.Master != nil {
		master := iam.SecretRef(*r.Master)
		all.Master = &master
	}
	for _, w := range r.After {
		for _, s := range w.ECS {
			all.Services = append(all.Services, iam.Service{Cluster: s.Cluster, Name: s.Service, Account: s.Account, Region: s.Region, Role: s.Role})
		}
	}
	return all
}

// clusterOf reads what a store of Kubernetes says of its cluster of EKS.
func clusterOf(eks map[string]any) iam.Cluster {
	text := func(key string) string {
		s, _ := eks[key].(string)
		return s
	}
	return iam.Cluster{Name: text("cluster"), Region: secret.Region(text("region")), Role: text("role")}
}

// documentsText returns documents one after the other, each under a heading.
func documentsText(docs []iam.Document) (string, error) {
	var b strings.Builder
	for _, part := range parts(docs) {
		data, err := part.policy.JSON()
		if err != nil {
			return "", err
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "# %s\n%s", part.heading, data)
	}
	return b.String(), nil
}

// part is one policy of a document.
type part struct {
	heading string
	file    string
	policy  *iam.Policy
}

// parts returns every policy of documents with its heading and the name of its file. An account's only role has the account's name.
func parts(docs []iam.Document) []part {
	roles := map[secret.AccountID]int{}
	for _, d := range docs {
		if d.For == iam.Spoke {
			roles[d.Account]++
		}
	}
	var all []part
	for _, d := range docs {
		name := string(d.For)
		if d.For == iam.Spoke {
			name += "-" + string(d.Account)
			if roles[d.Account] > 1 {
				name += "-" + d.Name
			}
		}
		if d.Trust != nil {
			all = append(all, part{fmt.Sprintf("%s: role %s in %s: who may assume it", d.For, d.Name, d.Account), name + "-trust.json", d.Trust})
		}
		all = append(all, part{fmt.Sprintf("%s: role %s in %s: what it may do", d.For, d.Name, d.Account), name + "-policy.json", d.Policy})
	}
	return all
}
