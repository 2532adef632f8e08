package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/iam"
)

// The stores of copies, by the action that writes there and what the ARNs there begin with.
const (
	copiesConfig = `version: 1
owner: lab
stores:
  hub: {type: aws-secrets-manager, region: us-east-1, account: "100000000000"}
  vault: {type: vault, address: "https://vault.test:8200"}
  sm: {type: aws-secrets-manager, region: eu-west-1}
  params: {type: aws-parameter-store, region: eu-west-1, prefix: /copies/}
  root: {type: aws-parameter-store, region: us-west-2}
syncs:
  - name: one
    from: %s
    select: %s
    to: [{store: %s}]
`
	secretsThere = "secretsmanager:CreateSecret arn:aws:secretsmanager:eu-west-1:100000000000:secret:"
	paramsThere  = "ssm:PutParameter arn:aws:ssm:eu-west-1:100000000000:parameter/"
	rootThere    = "ssm:PutParameter arn:aws:ssm:us-west-2:100000000000:parameter/"
)

// may asks a policy about an action and a resource, written in one line. A creation brings our mark.
func may(p policy.Document, line string) policy.Decision {
	action, resource, _ := strings.Cut(line, " ")
	return policy.Evaluate([]policy.Document{p}, policy.Request{Action: action, Resource: resource,
		Context: map[string][]string{"aws:RequestTag/secretsync:owner": {"lab"}}})
}

func TestACopyMayHaveEveryNameThatItsSyncMakesAndFewOthers(t *testing.T) {
	for _, c := range []struct {
		from, selection, to string
		made, others        []string
		warning             string
	}{
		{from: "hub", selection: "{prefix: [app/]}", to: "sm", made: []string{secretsThere + "app/db-AbCdEf"}, others: []string{secretsThere + "hr/db-AbCdEf"}},
		{from: "hub", selection: "{glob: ['app/**/db']}", to: "sm",
			made: []string{secretsThere + "app/db-AbCdEf", secretsThere + "app/a/b/db-AbCdEf"}, others: []string{secretsThere + "app/a-AbCdEf"}},
		{from: "hub", selection: "{prefix: [app/]}", to: "params",
			made: []string{paramsThere + "copies/app/db"}, others: []string{paramsThere + "copies/hr/db", paramsThere + "app/db"}},
		{from: "hub", selection: "{names: [/app/db, one]}", to: "params",
			made: []string{paramsThere + "copies/app/db", paramsThere + "copies/one"}, others: []string{paramsThere + "copies/app/db2", paramsThere + "copies/app"}},
		{from: "hub", selection: "{glob: ['*/db']}", to: "params", // "/db" is such a name too
			made: []string{paramsThere + "copies/app/db", paramsThere + "copies/db"}, others: []string{paramsThere + "copies/app/key"}},
		{from: "hub", selection: "{glob: ['**/db', 'x?']}", to: "root",
			made: []string{rootThere + "app/db", rootThere + "db", rootThere + "x1"}, others: []string{rootThere + "app/key", rootThere + "x12"}},
		{from: "hub", selection: "{names: [app/db]}", to: "root", made: []string{rootThere + "app/db"}, others: []string{rootThere + "app/db2"}},
		{from: "hub", selection: "{glob: ['**']}", to: "root", made: []string{rootThere + "app/db"}, warning: "give the store a prefix"},
		{from: "hub", selection: "{prefix: [app/]}", to: `root, name: "/{{ .Base }}"`, made: []string{rootThere + "db"}, warning: "give the store a prefix"},
		{from: "hub", selection: "{prefix: [app/]}", to: `params, name: "/copies/{{ .Base }}"`, made: []string{paramsThere + "copies/db"}, others: []string{paramsThere + "db"}},
		{from: "hub", selection: "{prefix: [app/]}", to: `params, name: "{{ .Base }}"`, made: []string{paramsThere + "copies/db"}, others: []string{paramsThere + "db"}},
		{from: "hub", selection: "{prefix: [app/]}", to: `params, name: "/elsewhere/{{ .Base }}"`, others: []string{paramsThere + "elsewhere/db", paramsThere + "copies/db"}},
		{from: "hub", selection: "{prefix: [app/]}", to: `sm, name: "{{ .Base }}"`, made: []string{secretsThere + "db-AbCdEf"}, warning: "begin name: with some text"},
		{from: "hub", selection: "{prefix: [app/]}", to: `sm, name: "flat/{{ .Base }}"`,
			made: []string{secretsThere + "flat/db-AbCdEf"}, others: []string{secretsThere + "app/db-AbCdEf"}},
		{from: "hub", selection: "{prefix: [app/]}", to: `sm, name: "x/ {{- .Name -}} -y"`,
			made: []string{secretsThere + "x/app/db-y-AbCdEf"}, others: []string{secretsThere + "x/hr/db-y-AbCdEf"}},
		{from: "hub", selection: "{prefix: [app/]}", to: `sm, value: {split: [a, b]}`,
			made: []string{secretsThere + "app/db/a-AbCdEf"}, others: []string{secretsThere + "hr/db/a-AbCdEf"}},
		{from: "hub", selection: "{names: [app/db]}", to: `sm, value: {split: [a, b]}`,
			made:   []string{secretsThere + "app/db/a-AbCdEf", secretsThere + "app/db/b-AbCdEf"},
			others: []string{secretsThere + "app/db/c-AbCdEf", secretsThere + "app/db-AbCdEf"}},
		{from: "hub", selection: "{names: [app/db, app/key]}", to: `sm, name: "{{ .Base }}"`,
			made: []string{secretsThere + "db-AbCdEf", secretsThere + "key-AbCdEf"}, others: []string{secretsThere + "app/db-AbCdEf"}},
		{from: "hub", selection: "{prefix: [app/]}", to: `sm, name: all, value: {merge: "{{ .Base }}"}`,
			made: []string{secretsThere + "all-AbCdEf"}, others: []string{secretsThere + "all/more-AbCdEf"}},
		{from: "vault", selection: "{prefix: [app/]}", to: "sm", made: []string{secretsThere + "app/db-AbCdEf"}, others: []string{secretsThere + "hr/db-AbCdEf"}},
		{from: "vault", selection: "{names: [app/db]}", to: `sm, value: {split: ["a*b"]}`, others: []string{secretsThere + "app/db/axb-AbCdEf"}},
	} {
		t.Run(fmt.Sprintf("%s %s to %s", c.from, c.selection, c.to), func(t *testing.T) {
			res := generate(t, open(t, fmt.Sprintf(copiesConfig, c.from, c.selection, c.to), nil, "").input(t))
			hub := parsed(t, res.Documents[0].Policy, policy.ParseIdentity)
			for _, line := range c.made {
				if got := may(hub, line); got != policy.Allowed {
					t.Errorf("%s: %v", line, got)
				}
			}
			for _, line := range c.others {
				if got := may(hub, line); got == policy.Allowed {
					t.Errorf("%s is allowed", line)
				}
			}
			warned := strings.Join(res.Warnings, "\n")
			if c.warning == "" && warned != "" || !strings.Contains(warned, c.warning) {
				t.Errorf("warnings %q, want %q", warned, c.warning)
			}
		})
	}
}

func TestVaultNeedsNoPolicyOfAWS(t *testing.T) {
	res := generate(t, open(t, `version: 1
stores:
  a: {type: vault, address: "https://a.test:8200", auth: {method: aws, role: secretsync}}
  b: {type: vault, address: "https://b.test:8200"}
syncs:
  - {name: one, from: a, select: {prefix: [app/]}, to: [{store: b}]}
`, nil, "").input(t))
	if len(res.Documents) != 0 || len(res.Warnings) != 1 {
		t.Errorf("%+v", res)
	}
}

func TestOnlyTheConnectionOfAStoreInUseIsRead(t *testing.T) {
	hub := parsed(t, documentOf(t, "vault", iam.Hub).Policy, policy.ParseIdentity)
	const read = "secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:100000000000:secret:"
	for line, want := range map[string]policy.Decision{
		read + "hybrid/vault-connection-AbCdEf":       policy.Allowed,
		read + "hybrid/vault-connection-other-AbCdEf": policy.ImplicitDeny,
		read + "other-connection-AbCdEf":              policy.ImplicitDeny,
		read + "hybrid-aws-secrets/db-AbCdEf":         policy.ImplicitDeny,
		"secretsmanager:CreateSecret arn:aws:secretsmanager:us-east-1:100000000000:secret:hybrid/vault-connection-AbCdEf": policy.ImplicitDeny,
	} {
		if got := may(hub, line); got != want {
			t.Errorf("%s: got %v, want %v", line, got, want)
		}
	}
}

func TestTheOwnerIsTheFirstAccountInTheOrderOfTheSyncs(t *testing.T) {
	const text = `version: 1
stores:
  vault: {type: vault, address: "https://a.test:8200"}
  other: {type: vault, address: "https://b.test:8200"}
  spokes: {type: aws-secrets-manager, role: R, region: us-east-1, allow: {accounts: ["111111111111"]}}
  there: {type: aws-secrets-manager, region: us-east-1, role: "arn:aws:iam::222222222222:role/R"}
  hub: {type: aws-secrets-manager, region: us-east-1, account: "100000000000"}
syncs:
  - {name: a, from: vault, select: {prefix: [app/]}, to: [{store: spokes, accounts: ["111111111111"]}, {store: %s}]}
  - {name: b, from: %s, select: {prefix: [hr/]}, to: [{store: other}]}
`
	for _, c := range []struct{ to, from, want string }{
		{"there", "vault", "secretsync-222222222222"}, {"hub", "vault", "secretsync-100000000000"}, {"there", "hub", "secretsync-100000000000"},
	} {
		in := open(t, fmt.Sprintf(text, c.to, c.from), nil, "").input(t)
		data, err := generate(t, in).Documents[1].Policy.JSON()
		if err != nil || !strings.Contains(string(data), c.want) {
			t.Errorf("to %s, from %s: want owner %s in %s", c.to, c.from, c.want, data)
		}
	}
}

func TestTheConnectionOfTheVaultWithTheGroupsIsRead(t *testing.T) {
	in := open(t, `version: 1
owner: lab
stores:
  hub: {type: aws-secrets-manager, region: us-east-1, account: "100000000000"}
  spokes: {type: aws-secrets-manager, role: R, allow: {accounts: ["111111111111"]}}
  vault: {type: vault, connection: {store: hub, secret: vault-connection}}
groupsFrom: {store: vault, secret: groups}
syncs:
  - {name: one, from: hub, to: [{store: spokes, byTags: true}]}
`, nil, "").input(t)
	hub := parsed(t, generate(t, in).Documents[0].Policy, policy.ParseIdentity)
	if got := may(hub, "secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:100000000000:secret:vault-connection-AbCdEf"); got != policy.Allowed {
		t.Errorf("the connection: %v", got)
	}
}

func TestASpokeOfAVaultNeedsARegion(t *testing.T) {
	const text = `version: 1
owner: lab
stores:
  vault: {type: vault, address: "https://a.test:8200"}
  hub: {type: aws-secrets-manager, region: us-east-1, account: "100000000000"}
  spokes: {type: aws-secrets-manager, role: R%s}
syncs:
  - {name: one, from: vault, select: {prefix: [app/]}, to: [{store: spokes, accounts: ["111111111111"]}]}
`
	if res := generate(t, open(t, fmt.Sprintf(text, ", region: eu-west-1"), nil, "").input(t)); len(res.Documents) != 2 || res.Documents[1].Account != "111111111111" {
		t.Errorf("%+v", res)
	}
	if _, err := iam.Generate(open(t, fmt.Sprintf(text, ""), nil, "").input(t)); err == nil || !strings.Contains(err.Error(), "no Region is known") {
		t.Errorf("without a Region: %v", err)
	}
}

func TestParametersMayBeWhereTheirSourcesAre(t *testing.T) {
	in := open(t, `version: 1
owner: lab
stores:
  hub: {type: aws-secrets-manager, region: us-east-1, account: "100000000000"}
  params: {type: aws-parameter-store, role: R, prefix: /copies/}
syncs:
  - {name: one, from: hub, to: [{store: params, byTags: true}]}
`, nil, "").input(t)
	in.Accounts = append(in.Accounts, "100000000000")
	docs := generate(t, in).Documents
	if len(docs) != 2 || may(parsed(t, docs[1].Policy, policy.ParseIdentity), "ssm:PutParameter arn:aws:ssm:us-east-1:100000000000:parameter/copies/a") != policy.Allowed {
		t.Errorf("%+v", docs)
	}
}
