package parameterstore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// parse reads a policy document.
func parse(t *testing.T, as func([]byte) (policy.Document, error), document map[string]any) policy.Document {
	t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	d, err := as(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func statement(fields map[string]any) map[string]any {
	fields["Effect"] = "Allow"
	return map[string]any{"Version": "2012-10-17", "Statement": []any{fields}}
}

// guarded starts an embedded AWS with permissions in force, where the spoke's role may do what is given to it: parameters below /app/, the spoke's keys, and
// what knows no resource.
func guarded(t *testing.T, clock *ahead, access []store.Access) (url string) {
	t.Helper()
	resources := map[string]string{
		store.ScopeAny: "*", store.ScopeParameter: "arn:aws:ssm:us-east-1:222222222222:parameter/app/*", store.ScopeKey: "arn:aws:kms:us-east-1:222222222222:key/*",
	}
	var policies []policy.Document
	for _, a := range access {
		policies = append(policies, parse(t, policy.ParseIdentity, statement(map[string]any{"Action": a.Action, "Resource": resources[a.Resource]})))
	}
	_, url = embedded(t, awslocal.Options{EnforceIAM: true, Clock: clock.now, Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{
		hub: {Users: map[string]awslocal.SeedUser{"hub": {AccessKeyID: "AKIAHUB", Policies: []policy.Document{
			parse(t, policy.ParseIdentity, statement(map[string]any{"Action": "sts:AssumeRole", "Resource": "*"}))}}}},
		spoke: {
			Users: map[string]awslocal.SeedUser{"somebody else": {AccessKeyID: spoke}},
			Roles: map[string]awslocal.SeedRole{"SecretSyncRole": {
				Trust: parse(t, policy.ParseTrust, statement(map[string]any{"Action": "sts:AssumeRole", "Principal": map[string]any{"AWS": "arn:aws:iam::111111111111:root"}})), Policies: policies,
			}},
			Regions: map[string]awslocal.SeedRegion{home: {Keys: map[string]awslocal.SeedKey{"alias/copies": {ID: "11111111-1111-4111-8111-111111111111"}}}},
		},
	}}})
	return url
}

// uses are what each use is for: all that the driver does for it.
var uses = map[store.Use]func(t *testing.T, s store.Store, back backdoor, clock *ahead) error{
	store.UseSource: func(t *testing.T, s store.Store, back backdoor, _ *ahead) error {
		for _, name := range []string{"/app/a", "/app/b"} {
			back.put(t, &api.PutParameterInput{Name: &name, Value: aws.String("x"), Type: types.ParameterTypeSecureString, KeyId: aws.String("alias/copies")})
		}
		src, err := s.Source(t.Context(), nil)
		if err != nil {
			return err
		}
		all, err := src.List(t.Context())
		if err != nil || len(all) != 2 {
			return errors.Join(err, fmt.Errorf("%d secrets", len(all)))
		}
		if _, err := src.Stat(t.Context(), "/app/none"); !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("an absence is not proved: %w", err)
		}
		return firstError(src.Read(t.Context(), []secret.Name{"/app/a", "/app/b"}))
	},
	store.UseWrite: func(t *testing.T, s store.Store, back backdoor, _ *ahead) error {
		d := destinationOf(t, s)
		w := keyed(1, nil)
		w.Have = nil
		if _, err := d.Write(t.Context(), w); err != nil {
			return err
		}
		back.put(t, theirs(aws.String("")))
		c, err := d.Stat(t.Context(), "/app/db")
		if err != nil {
			return err
		}
		if c.Mark.Owner == "" {
			return errors.New("the mark in the history was not found")
		}
		_, err = d.Write(t.Context(), keyed(2, &c))
		return err
	},
	store.UseDelete: func(t *testing.T, s store.Store, _ backdoor, clock *ahead) error {
		d := destinationOf(t, s)
		c, err := d.Write(t.Context(), keyed(1, nil))
		if err != nil {
			return err
		}
		if err := d.(store.Deleter).Delete(t.Context(), c, 7); err != nil {
			return err
		}
		clock.forward(8 * 24 * time.Hour)
		if c, err = d.Stat(t.Context(), "/app/db"); err != nil {
			return err
		}
		return d.(store.Deleter).Delete(t.Context(), c, 7)
	},
	store.UseVerify: func(t *testing.T, s store.Store, _ backdoor, _ *ahead) error {
		d := destinationOf(t, s)
		for _, name := range []secret.Name{"/app/a", "/app/b"} {
			w := keyed(1, nil)
			w.Name = name
			if _, err := d.Write(t.Context(), w); err != nil {
				return err
			}
		}
		v := d.(store.Verifier)
		return firstError(append(v.Read(t.Context(), []secret.Name{"/app/a", "/app/b"}), v.Read(t.Context(), []secret.Name{"/app/a"})...))
	},
	store.UseRotate: func(t *testing.T, s store.Store, back backdoor, _ *ahead) error {
		tier := types.ParameterTierStandard
		if s.Traits().PricePerMonth > 0 {
			tier = types.ParameterTierAdvanced
		}
		back.put(t, &api.PutParameterInput{Name: aws.String("/app/db"), Value: aws.String("1"), Type: types.ParameterTypeSecureString, KeyId: aws.String("alias/copies"), Tier: tier})
		r := rotationOf(t, s)
		now, err := r.Stages(t.Context(), "/app/db")
		if err != nil {
			return err
		}
		if _, err := r.Value(t.Context(), "/app/db", now.Current); err != nil {
			return err
		}
		if err := r.Propose(t.Context(), now, "token", secret.Text([]byte("2"))); err != nil {
			return err
		}
		if now, err = r.Stages(t.Context(), "/app/db"); err != nil {
			return err
		}
		_, err = r.Promote(t.Context(), now)
		return err
	},
}

// keyed is a write under the spoke's own key.
func keyed(n int, have *secret.Copy) store.Write {
	w := writing(n, have)
	w.Key = "alias/copies"
	return w
}

func destinationOf(t *testing.T, s store.Store) store.Destination {
	t.Helper()
	d, err := s.Destination(t.Context(), secret.Place{Account: spoke, Region: home})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func firstError(all []store.Reading) error {
	for _, r := range all {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// accessFor returns what a use needs: deletion and verification go beyond writing.
func accessFor(s store.Store, use store.Use) (beyond, all []store.Access) {
	beyond = s.Access(use)
	if use == store.UseDelete || use == store.UseVerify {
		return beyond, append(slices.Clone(s.Access(store.UseWrite)), beyond...)
	}
	return beyond, beyond
}

func TestAccessIsEnoughAndWhatIsNotOptionalIsNeeded(t *testing.T) {
	for _, tier := range []string{"standard", "advanced"} {
		settings := fmt.Sprintf(`{role: SecretSyncRole, account: %q, region: %s, kmsKey: alias/copies, prefix: /app/, tier: %s}`, spoke, home, tier)
		for use, do := range uses {
			attempt := func(t *testing.T, without ...store.Access) error {
				clock := &ahead{}
				_, granted := accessFor(open(t, awscfg.New(awscfg.Options{}), settings), use)
				granted = slices.DeleteFunc(granted, func(a store.Access) bool {
					return slices.ContainsFunc(without, func(w store.Access) bool { return w.Action == a.Action })
				})
				url := guarded(t, clock, granted)
				f := factory(t, url, "AKIAHUB")
				hurry(f, spoke)
				return do(t, open(t, f, settings), backdoor{rawClient(url, keys(spoke))}, clock)
			}
			beyond, _ := accessFor(open(t, awscfg.New(awscfg.Options{}), settings), use)
			var optional []store.Access
			for _, a := range beyond {
				if a.Optional {
					optional = append(optional, a)
				}
			}
			t.Run(fmt.Sprint(tier, " ", use), func(t *testing.T) {
				wantKind(t, attempt(t), nil)
				wantKind(t, attempt(t, optional...), nil)
				for _, a := range beyond {
					if a.Optional {
						continue
					}
					if err := attempt(t, a); err == nil {
						t.Errorf("it goes without %s too", a.Action)
					}
				}
			})
		}
	}
}
