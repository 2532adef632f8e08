package secretsmanager_test

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
		{`{region: us-gov-west-1, account: "012345678901"}`, ""},
		{`{role: path/to/Role_1, externalId: "a/b:c", allow: {accounts: ["111111111111"]}, kmsKey: alias/secretsync}`, ""},
		{`{role: "arn:aws-cn:iam::111111111111:role/x/R", kmsKey: "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234"}`, ""},
		{`{kmsKey: 11111111-1111-4111-8111-111111111111}`, ""},
		{`{region: useast1}`, "region"},
		{`{account: "1234"}`, "account"},
		{`{role: "a b"}`, "role"},
		{`{role: R, externalId: x}`, "externalId"},
		{`{externalId: "7c1f"}`, "externalId without role"},
		{`{role: "arn:aws:iam::111111111111:role/R", account: "222222222222"}`, "a role of account 111111111111"},
		{`{role: R, allow: {accounts: []}}`, "allow.accounts is empty"},
		{`{role: R, allow: {accounts: ["x"]}}`, "allow.accounts"},
		{`{role: R, allow: {organization: o-1}}`, "organization"},
		{`{role: R, account: "222222222222", allow: {accounts: ["111111111111"]}}`, "not among allow.accounts"},
		{`{kmsKey: "my key"}`, "kmsKey"},
		{`{regions: [us-east-1]}`, "regions"},
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

func TestAStoreIsOnePlaceOrAFamily(t *testing.T) {
	for _, test := range []struct {
		settings string
		at       secret.Place
		one      bool
	}{
		{`{}`, secret.Place{Kind: secret.SecretsManager}, true},
		{`{region: eu-west-1}`, secret.Place{Kind: secret.SecretsManager, Region: "eu-west-1"}, true},
		{`{role: R}`, secret.Place{Kind: secret.SecretsManager}, false},
		{`{role: R, region: eu-west-1}`, secret.Place{Kind: secret.SecretsManager, Region: "eu-west-1"}, false},
		{`{role: R, account: "222222222222"}`, secret.Place{Kind: secret.SecretsManager, Account: spoke}, true},
		{`{role: "arn:aws:iam::222222222222:role/R"}`, secret.Place{Kind: secret.SecretsManager, Account: spoke}, true},
	} {
		at, one := open(t, awscfg.New(awscfg.Options{}), test.settings).Fixed()
		if at != test.at || one != test.one {
			t.Errorf("%s: got %+v, one %t", test.settings, at, one)
		}
	}
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
		{`{region: us-east-1}`, secret.Place{Account: hub, Region: "eu-west-1"}, true},
		{`{account: "111111111111"}`, secret.Place{Account: spoke, Region: "us-east-1"}, false},
		{`{account: "111111111111", region: us-east-1}`, secret.Place{Account: hub, Region: "us-east-1"}, true},
	} {
		_, err := open(t, factory(t, "http://127.0.0.1:1", hub), test.settings).Destination(t.Context(), test.at)
		if test.ok && err != nil || !test.ok && err == nil {
			t.Errorf("%s at %s: %v", test.settings, test.at, err)
		}
		if !test.ok {
			wantKind(t, err, store.ErrInvalid)
		}
	}
	s := open(t, factory(t, "http://127.0.0.1:1", hub), `{role: R}`)
	_, err := s.Source(t.Context(), nil)
	wantKind(t, err, store.ErrInvalid)
	_, err = s.Home(t.Context())
	wantKind(t, err, store.ErrInvalid)
}

func TestTheSchemaNamesEverySetting(t *testing.T) {
	r, err := all.Drivers(awscfg.New(awscfg.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	d, ok := r.Driver("aws-secrets-manager")
	if !ok {
		t.Fatal("not registered")
	}
	for _, key := range []string{"region", "account", "role", "externalId", "allow", "kmsKey"} {
		if d.Schema[key] == nil {
			t.Errorf("%s is missing", key)
		}
	}
	if len(d.Schema) != 6 {
		t.Errorf("%d settings, want 6", len(d.Schema))
	}
}

func TestDeletionVerificationAndConnectionAskForTheirPermissionsAlone(t *testing.T) {
	s := open(t, awscfg.New(awscfg.Options{}), `{role: R, kmsKey: alias/x}`)
	actions := func(use store.Use) (all []string) {
		for _, a := range s.Access(use) {
			all = append(all, a.Action)
		}
		return all
	}
	if got := actions(store.UseWrite); slices.Contains(got, "secretsmanager:DeleteSecret") || slices.Contains(got, "secretsmanager:GetSecretValue") {
		t.Errorf("writing asks for %v", got)
	}
	if got := actions(store.UseConnect); !slices.Equal(got, []string{"sts:AssumeRole"}) {
		t.Errorf("connecting asks for %v", got)
	}
	if got := open(t, awscfg.New(awscfg.Options{}), `{}`).Access(store.UseConnect); len(got) != 0 {
		t.Errorf("connecting without a role asks for %v", got)
	}
}
