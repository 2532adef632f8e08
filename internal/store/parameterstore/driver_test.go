package parameterstore_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/all"
)

func TestSettingsAreChecked(t *testing.T) {
	for _, test := range []struct{ settings, want string }{
		{`{}`, ""},
		{`{region: us-gov-west-1, account: "012345678901", prefix: /app/, tier: advanced, requestsPerSecond: 1000}`, ""},
		{`{role: path/to/Role_1, externalId: "a/b:c", allow: {accounts: ["111111111111"]}, kmsKey: alias/secretsync, tier: intelligent-tiering}`, ""},
		{`{prefix: /}`, ""},
		{`{prefix: app/}`, "prefix"},
		{`{prefix: /app}`, "prefix"},
		{`{prefix: /a//b/}`, "prefix"},
		{`{prefix: "/a b/"}`, "prefix"},
		{`{prefix: /AWS/x/}`, "belong to AWS"},
		{`{prefix: /ssm-x/}`, "belong to AWS"},
		{`{tier: Standard}`, "tier"},
		{`{tier: cheap}`, "tier"},
		{`{requestsPerSecond: 39}`, "requestsPerSecond"},
		{`{requestsPerSecond: 10001}`, "requestsPerSecond"},
		{`{requestsPerSecond: many}`, "line"},
		{`{region: useast1}`, "region"},
		{`{account: "1234"}`, "account"},
		{`{role: "a b"}`, "role"},
		{`{role: R, externalId: x}`, "externalId"},
		{`{externalId: "7c1f"}`, "externalId without role"},
		{`{role: "arn:aws:iam::111111111111:role/R", account: "222222222222"}`, "a role of account 111111111111"},
		{`{role: R, allow: {accounts: []}}`, "allow.accounts is empty"},
		{`{role: R, account: "222222222222", allow: {accounts: ["111111111111"]}}`, "not among allow.accounts"},
		{`{kmsKey: "my key"}`, "kmsKey"},
		{`{label: prod}`, ""},
		{`{label: 1st}`, "label"},
		{`{label: "a b"}`, "label"},
	} {
		_, err := tryOpen(awscfg.New(awscfg.Options{}), test.settings)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.settings, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want %q in it", test.settings, err, test.want)
		}
	}
}

func TestCopiesAreNamedAsParametersAre(t *testing.T) {
	for _, test := range []struct {
		settings   string
		name, want secret.Name
	}{
		{`{}`, "db", "db"},
		{`{}`, "app/db", "/app/db"},
		{`{}`, "/app/db", "/app/db"},
		{`{}`, "/db", "/db"},
		{`{prefix: /copies/of/}`, "app/db", "/copies/of/app/db"},
		{`{prefix: /copies/}`, "/db", "/copies/db"},
		{`{prefix: /}`, "db", "/db"},
	} {
		if got := open(t, awscfg.New(awscfg.Options{}), test.settings).CopyName(test.name); got != test.want {
			t.Errorf("%s: %q becomes %q, want %q", test.settings, test.name, got, test.want)
		}
	}
}

func TestAStoreIsOnePlaceOrAFamily(t *testing.T) {
	for _, test := range []struct {
		settings string
		at       secret.Place
		one      bool
	}{
		{`{}`, secret.Place{Kind: secret.ParameterStore}, true},
		{`{role: R}`, secret.Place{Kind: secret.ParameterStore}, false},
		{`{role: R, region: eu-west-1}`, secret.Place{Kind: secret.ParameterStore, Region: "eu-west-1"}, false},
		{`{role: "arn:aws:iam::222222222222:role/R"}`, secret.Place{Kind: secret.ParameterStore, Account: spoke}, true},
	} {
		s := open(t, awscfg.New(awscfg.Options{}), test.settings)
		if at, one := s.Fixed(); at != test.at || one != test.one {
			t.Errorf("%s: got %+v, one %t", test.settings, at, one)
		}
	}
	s := open(t, factory(t, "http://127.0.0.1:1", hub), `{role: R}`)
	_, err := s.Source(t.Context(), nil)
	wantKind(t, err, store.ErrInvalid)
	_, err = s.Home(t.Context())
	wantKind(t, err, store.ErrInvalid)
}

func TestADestinationOpensOnlyWhereTheStoreIs(t *testing.T) {
	for _, test := range []struct {
		settings string
		at       secret.Place
		ok       bool
	}{
		{`{role: R, allow: {accounts: ["222222222222"]}}`, secret.Place{Account: spoke, Region: "eu-west-1"}, true},
		{`{role: R, allow: {accounts: ["222222222222"]}}`, secret.Place{Account: hub, Region: "eu-west-1"}, false},
		{`{role: R}`, secret.Place{Account: "12", Region: "eu-west-1"}, false},
		{`{role: R}`, secret.Place{Account: spoke}, false},
		{`{account: "111111111111"}`, secret.Place{Account: spoke, Region: "us-east-1"}, false},
		{`{account: "111111111111", region: us-east-1}`, secret.Place{Account: hub, Region: "us-east-1"}, true},
	} {
		_, err := open(t, factory(t, "http://127.0.0.1:1", hub), test.settings).Destination(t.Context(), test.at)
		if test.ok {
			wantKind(t, err, nil)
		} else {
			wantKind(t, err, store.ErrInvalid)
		}
	}
}

func TestTheSchemaNamesEverySetting(t *testing.T) {
	r, err := all.Drivers(awscfg.New(awscfg.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	d, ok := r.Driver("aws-parameter-store")
	if !ok {
		t.Fatal("not registered")
	}
	for _, key := range []string{"region", "account", "role", "externalId", "allow", "kmsKey", "prefix", "label", "tier", "requestsPerSecond"} {
		if d.Schema[key] == nil {
			t.Errorf("%s is missing", key)
		}
	}
	if len(d.Schema) != 10 {
		t.Errorf("%d settings, want 10", len(d.Schema))
	}
}

func TestOnlyTheAdvancedTierHasAPrice(t *testing.T) {
	for settings, price := range map[string]float64{`{}`: 0, `{tier: standard}`: 0, `{tier: intelligent-tiering}`: 0, `{tier: advanced}`: 0.05} {
		want := store.Traits{Kind: secret.ParameterStore, Keys: true, Forgets: true, PricePerMonth: price}
		if got := open(t, awscfg.New(awscfg.Options{}), settings).Traits(); got != want {
			t.Errorf("%s: got %+v", settings, got)
		}
	}
}

func TestNamesThatCantBeAreTold(t *testing.T) {
	dest := func(settings string) store.Destination {
		return target(t, factory(t, "http://127.0.0.1:1", hub), settings)
	}
	arn := len("arn:aws:ssm:us-east-1:222222222222:parameter/")
	longest := strings.Repeat("n", 1011-arn)
	for _, test := range []struct {
		settings string
		name     string
		ok       bool
	}{
		{"", "db", true}, {"", "/db", true}, {"", "/app/db_1.x-y", true}, {"", longest, true}, {"", "/" + longest, true},
		{"", "/" + strings.Repeat("l/", 14) + "n", true}, {"prefix: /app/", "/app/x", true},
		{"", "", false}, {"", "app/db", false}, {"", "a b", false}, {"", "a*", false}, {"", "a@b", false}, {"", "/a//b", false}, {"", "/a/", false}, {"", "/", false}, {"", "//a", false},
		{"", longest + "n", false}, {"", "/" + strings.Repeat("l/", 15) + "n", false}, {"", "aws-x", false}, {"", "/AWS/x", false}, {"", "/ssmx", false},
		{"prefix: /app/", "/other/x", false}, {"", "\u00e9", false},
	} {
		w := writing(1, nil)
		w.Name = secret.Name(test.name)
		if err := dest(test.settings).Check(w); test.ok {
			wantKind(t, err, nil)
		} else {
			wantKind(t, err, store.ErrBadName)
		}
	}
	w := writing(1, nil)
	w.Key = "arn:aws:kms:eu-west-1:111122223333:alias/x"
	wantKind(t, dest("").Check(w), store.ErrKey)
	w = writing(1, nil)
	w.Mark.Owner = secret.Owner(strings.Repeat("\u00e9", 150))
	wantKind(t, dest("").Check(w), store.ErrInvalid)
}

func TestDeletionVerificationAndConnectionAskForTheirPermissionsAlone(t *testing.T) {
	actions := func(settings string, use store.Use) (all []string) {
		for _, a := range open(t, awscfg.New(awscfg.Options{}), settings).Access(use) {
			all = append(all, a.Action)
		}
		return all
	}
	if got := actions(`{role: R, kmsKey: alias/x}`, store.UseWrite); slices.Contains(got, "ssm:DeleteParameter") || slices.Contains(got, "ssm:GetParameters") {
		t.Errorf("writing asks for %v", got)
	}
	if got := actions(`{role: R}`, store.UseConnect); !slices.Equal(got, []string{"sts:AssumeRole"}) {
		t.Errorf("connecting asks for %v", got)
	}
	if got := actions(`{}`, store.UseConnect); len(got) != 0 {
		t.Errorf("connecting without a role asks for %v", got)
	}
	if got := actions(`{kmsKey: alias/x, tier: advanced}`, store.UseWrite); slices.Contains(got, "kms:Encrypt") {
		t.Errorf("writing advanced parameters asks for %v", got)
	}
}
