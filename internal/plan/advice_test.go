package plan

import (
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestAdviceIsForCopiesThatAWSCouldSpare(t *testing.T) {
	sources := map[secret.StoreName]secret.Place{
		"hub":   {Kind: secret.SecretsManager, Account: "111111111111", Region: "us-east-1"},
		"vault": {Kind: secret.Vault, Host: "v", Mount: "m"},
	}
	rules := []Rule{{Name: "s", To: []Route{{Store: "spokes"}}}, {Name: "shaped", To: []Route{{Store: "spokes", Shape: &Shape{}}}}}
	base := func(do func(*Change)) []Change {
		c := Change{
			Action: Create, Sync: "s", Source: SourceRef{Store: "hub", Name: "app/db"}, Name: "app/db",
			Target: &Target{Store: "spokes", Place: secret.Place{Kind: secret.SecretsManager, Account: "222222222222", Region: "us-east-1"}},
		}
		do(&c)
		return []Change{c}
	}
	for name, c := range map[string]struct {
		changes []Change
		want    Advice
	}{
		"another account":            {base(func(*Change) {}), Advice{Sharable: 1}},
		"another Region":             {base(func(c *Change) { c.Target.Account, c.Target.Region = "111111111111", "eu-west-1" }), Advice{Replicable: 1}},
		"another account and Region": {base(func(c *Change) { c.Target.Region = "eu-west-1" }), Advice{}},
		"another name":               {base(func(c *Change) { c.Name = "app/db2" }), Advice{}},
		"another value":              {base(func(c *Change) { c.Sync = "shaped" }), Advice{}},
		"a copy that is there":       {base(func(c *Change) { c.Action = Update }), Advice{}},
		"from Vault":                 {base(func(c *Change) { c.Source.Store = "vault" }), Advice{}},
		"to Parameter Store":         {base(func(c *Change) { c.Target.Kind = secret.ParameterStore }), Advice{}},
		"a source that is not known": {base(func(c *Change) { c.Source.Store = "other" }), Advice{}},
		"a refusal without a target": {base(func(c *Change) { c.Action, c.Target = Refusal, nil }), Advice{}},
	} {
		if got := Advise(c.changes, rules, sources); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
