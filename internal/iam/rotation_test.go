package iam_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/rotate"
	generator "github.com/secretsync-dev/secretsync/internal/rotate/generate"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

// rotationConfig copies what is nowhere: only rotation needs anything of its secrets.
const rotationConfig = `
version: 1
owner: lab
stores:
  hub: {type: aws-secrets-manager, region: us-east-1, account: "100000000000"}
  params: {type: aws-parameter-store, region: us-east-1}
  advanced: {type: aws-parameter-store, region: us-east-1, tier: advanced}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: none, from: hub, select: {names: [none]}, to: [{store: dr}]}
rotations:
  - {store: hub, secret: rds/app, engine: generate}
  - {store: params, secret: /app/key, engine: generate}
  - {store: advanced, secret: /app/long, engine: generate}
`

// rotateAll rotates everything, gives a rotation up, and rolls back. It returns what went wrong.
func rotateAll(t *testing.T, server *awslocal.Server) error {
	t.Helper()
	o := open(t, rotationConfig, server, hubKey)
	r := &rotate.Rotator{Engines: map[string]rotate.Engine{"generate": generator.New()}, Owner: "lab"}
	var errs []error
	for _, entry := range o.file.Rotations {
		s, err := wire.Rotatable(t.Context(), o.file, o.stores, nil, store.Ref{Store: entry.Store, Secret: entry.Secret})
		if err != nil {
			return err
		}
		_, err = r.Rotate(t.Context(), s)
		errs = append(errs, err)
		_, err = r.Rollback(t.Context(), s)
		errs = append(errs, err)
		now, err := s.At.Stages(t.Context(), s.Name)
		if err == nil && now.Since.IsZero() {
			err = errors.New("nobody knows how old it is")
		}
		if err == nil {
			err = s.At.Propose(t.Context(), now, "11111111-1111-4111-8111-111111111111", secret.Text([]byte("given up")))
		}
		errs = append(errs, err)
		_, err = r.Cancel(t.Context(), s)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func rotationAccounts() map[string]awslocal.SeedAccount {
	return map[string]awslocal.SeedAccount{hub: {Regions: map[string]awslocal.SeedRegion{east: {
		Keys:    map[string]awslocal.SeedKey{"alias/hub": {ID: hubCMK}},
		Secrets: map[string]awslocal.SeedSecret{"rds/app": {Value: "one", KMSKey: "alias/hub"}},
		Parameters: map[string]awslocal.SeedParameter{
			"/app/key": {Value: "two", KMSKey: "alias/hub"}, "/app/long": {Value: "three", KMSKey: "alias/hub", Tier: "Advanced"},
		},
	}}}}
}

func TestWhatIsGeneratedIsEnoughToRotateAndNothingOfItIsTooMuch(t *testing.T) {
	docs := generate(t, open(t, rotationConfig, nil, "").input(t)).Documents
	if err := rotateAll(t, embedded(t, docs, rotationAccounts(), nil)); err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		for _, s := range d.Policy.Statement {
			if !strings.HasPrefix(s.Sid, "RotateSecrets") && !strings.HasPrefix(s.Sid, "DecryptSources") || s.Effect != "Allow" {
				continue
			}
			for _, action := range s.Action {
				t.Run(action, func(t *testing.T) {
					err := rotateAll(t, embedded(t, without(docs, d.For, action), rotationAccounts(), nil))
					if spared := action == "secretsmanager:RotateSecret"; spared != (err == nil) { // for secrets that have a rotation of their own
						t.Errorf("without %s: %v", action, err)
					}
				})
			}
		}
	}
}
