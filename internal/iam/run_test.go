package iam_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/iam"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	hub    = "100000000000"
	spoke  = "111111111111"
	east   = "us-east-1"
	west   = "eu-west-1"
	hubKey = "AKIAHUB"
	keyID  = "00000000-0000-4000-8000-000000000001"
	hubCMK = "00000000-0000-4000-8000-000000000002"
	drKey  = "00000000-0000-4000-8000-000000000003"
)

const runConfig = `
version: 1
owner: lab
stores:
  hub: {type: aws-secrets-manager, region: us-east-1, account: "100000000000"}
  spokes: {type: aws-secrets-manager, role: SecretSyncRole, externalId: the-id, allow: {accounts: ["111111111111"]}, kmsKey: "` + keyID + `"}
  dr: {type: aws-secrets-manager, region: eu-west-1, kmsKey: "arn:aws:kms:eu-west-1:100000000000:key/` + drKey + `"}
groupsFrom: {store: hub}
syncs:
  - {name: to-spoke, from: hub, select: {prefix: [app/]}, to: [{store: spokes, accounts: ["111111111111"]}], deletion: delete}
  - {name: to-dr, from: hub, select: {prefix: [app/]}, to: [{store: dr}], deletion: delete}
  - {name: tagged, from: hub, to: [{store: spokes, byTags: true}]}
`

// world is an embedded AWS in which the generated documents are in force.
type world struct {
	t   *testing.T
	aws *awslocal.Server
	e   *engine.Engine
}

// newWorld attaches documents to the roles that they are for.
func newWorld(t *testing.T, docs []iam.Document) *world {
	t.Helper()
	value := func(v string, tags ...string) awslocal.SeedSecret {
		s := awslocal.SeedSecret{Value: v, KMSKey: "alias/hub", Tags: map[string]string{}}
		for i := 0; i < len(tags); i += 2 {
			s.Tags[tags[i]] = tags[i+1]
		}
		return s
	}
	accounts := map[string]awslocal.SeedAccount{
		hub: {
			Users: map[string]awslocal.SeedUser{"root": {AccessKeyID: hub}},
			Regions: map[string]awslocal.SeedRegion{west: {Keys: map[string]awslocal.SeedKey{"alias/dr": {ID: drKey}}}, east: {
				Keys: map[string]awslocal.SeedKey{"alias/hub": {ID: hubCMK}},
				Secrets: map[string]awslocal.SeedSecret{
					"app/db": value("one"), "app/key": value("two", "team", "a"), "app/old": value("three"),
					"tagged/one":         value("four", "SecretSync-SyncDestinationGroup", "Dev"),
					"secret-sync/config": value(`{"Version": "1.0", "AccountGroups": {"Dev": ["111111111111"]}}`),
				},
			}},
		},
		spoke: {
			Users:   map[string]awslocal.SeedUser{"root": {AccessKeyID: spoke}},
			Regions: map[string]awslocal.SeedRegion{east: {Keys: map[string]awslocal.SeedKey{"alias/copies": {ID: keyID}, "alias/other": {}}}},
		},
	}
	server := embedded(t, docs, accounts, nil)
	return &world{t: t, aws: server, e: open(t, runConfig, server, hubKey).engine()}
}

// embedded returns an AWS with documents in force.
func embedded(t *testing.T, docs []iam.Document, accounts map[string]awslocal.SeedAccount, clock func() time.Time) *awslocal.Server {
	t.Helper()
	for _, d := range docs {
		account, accessKey := accounts[string(d.Account)], hubKey
		r := awslocal.SeedRole{Policies: []policy.Document{parsed(t, d.Policy, policy.ParseIdentity)}}
		if d.For == iam.Spoke {
			accessKey = ""
			r.Trust = parsed(t, d.Trust, policy.ParseTrust)
		}
		r.AccessKeyID = accessKey
		account.Roles = map[string]awslocal.SeedRole{d.Name: r}
		accounts[string(d.Account)] = account
	}
	server, err := awslocal.New(awslocal.Options{EnforceIAM: true, Clock: clock, Seed: &awslocal.Seed{Accounts: accounts}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func parsed(t *testing.T, p *iam.Policy, parse func([]byte) (policy.Document, error)) policy.Document {
	t.Helper()
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// as returns a client with the rights of an account's root: somebody who acts behind the tool's back.
func (w *world) as(account, region string) *sm.Client {
	return sm.New(sm.Options{Region: region, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: w.aws.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider(account, "any", "")})
}

// must fails the test where a step that is not about permissions goes wrong.
func (w *world) must(_ any, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// story is a run of everything that the tool does, and returns what came of each part of it.
func (w *world) story() string {
	ctx, home, there := w.t.Context(), w.as(hub, east), w.as(spoke, east)
	var told []string
	sync := func(what string) { told = append(told, what+": "+w.sync(ctx)) }
	sync("first copy")

	w.must(home.PutSecretValue(ctx, &sm.PutSecretValueInput{SecretId: aws.String("app/db"), SecretString: aws.String("five")}))
	w.must(home.PutSecretValue(ctx, &sm.PutSecretValueInput{SecretId: aws.String("tagged/one"), SecretString: aws.String("six")}))
	sync("new values")

	w.must(home.TagResource(ctx, &sm.TagResourceInput{SecretId: aws.String("app/key"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("b")}}}))
	sync("new tag")
	w.must(home.UpdateSecret(ctx, &sm.UpdateSecretInput{SecretId: aws.String("app/key"), Description: aws.String("what it is for")}))
	sync("new description")
	if _, err := there.UpdateSecret(ctx, &sm.UpdateSecretInput{SecretId: aws.String("app/key"), KmsKeyId: aws.String("alias/other")}); err == nil {
		sync("another key")
	}

	w.must(home.DeleteSecret(ctx, &sm.DeleteSecretInput{SecretId: aws.String("app/old")}))
	sync("deleted source")
	w.must(home.RestoreSecret(ctx, &sm.RestoreSecretInput{SecretId: aws.String("app/old")}))
	sync("restored source")
	sync("at the end")
	return strings.Join(told, "\n")
}

// sync runs once and counts what was applied, and what was not.
func (w *world) sync(ctx context.Context) string {
	run, err := w.e.Plan(ctx, engine.Options{})
	if err != nil {
		return "no plan: " + err.Error()
	}
	counts := map[string]int{}
	for _, c := range w.e.Apply(ctx, run).Changes {
		counts[fmt.Sprintf("%s %s", c.Action, c.Outcome)]++
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[k], k))
	}
	return strings.Join(all, ", ")
}

// everything is what the story tells where nothing is missing.
const everything = `first copy: 7 create applied
new values: 3 update applied
new tag: 2 metadata applied
new description: 2 metadata applied
another key: 1 metadata applied
deleted source: 2 delete applied
restored source: 2 restore applied
at the end: `

func TestWhatIsGeneratedIsEnoughForEverything(t *testing.T) {
	docs := generate(t, open(t, runConfig, nil, "").input(t)).Documents
	if got := newWorld(t, docs).story(); got != everything {
		t.Errorf("got\n%s\nwant\n%s", got, everything)
	}
}

// unseen are required actions that no part of the story fails without, and why.
func unseen() map[string]string {
	return map[string]string{
		"hub secretsmanager:DescribeSecret": "the source is listed instead, limited to the name",
		"hub kms:Encrypt":                   "where it is denied AWS leaves the older versions under the older key",
		"spoke kms:Encrypt":                 "where it is denied AWS leaves the older versions under the older key",
	}
}

func TestNothingThatIsGeneratedIsTooMuch(t *testing.T) {
	in := open(t, runConfig, nil, "").input(t)
	docs := generate(t, in).Documents
	optional := optionalActions(in)
	required := docs
	for action := range optional[iam.Spoke] {
		required = without(required, iam.Spoke, action)
	}
	for action := range optional[iam.Hub] {
		required = without(required, iam.Hub, action)
	}
	least := newWorld(t, required).story()
	if !strings.HasPrefix(least, "first copy: 7 create applied\nnew values: 3 update applied\n") {
		t.Errorf("without the optional actions:\n%s", least)
	}
	for _, d := range docs {
		for _, action := range actions(d.Policy) {
			if optional[d.For][action] || unseen()[string(d.For)+" "+action] != "" {
				continue
			}
			t.Run(fmt.Sprintf("%s %s", d.For, action), func(t *testing.T) {
				if newWorld(t, without(docs, d.For, action)).story() != everything {
					return
				}
				// Something optional may have stood in for it.
				if newWorld(t, without(required, d.For, action)).story() == least {
					t.Errorf("everything works without %s", action)
				}
			})
		}
	}
}

// optionalActions returns the actions that no use of a role requires.
func optionalActions(in iam.Input) map[iam.For]map[string]bool {
	optional := map[iam.For]map[string]bool{iam.Hub: {}, iam.Spoke: {}}
	required := map[iam.For]map[string]bool{iam.Hub: {}, iam.Spoke: {}}
	note := func(who iam.For, access []store.Access) {
		for _, a := range access {
			if a.Optional {
				optional[who][a.Action] = true
			} else {
				required[who][a.Action] = true
			}
		}
	}
	note(iam.Hub, in.Stores["hub"].Access(store.UseSource))
	for _, use := range []store.Use{store.UseWrite, store.UseDelete} {
		note(iam.Hub, in.Stores["dr"].Access(use))
		note(iam.Spoke, in.Stores["spokes"].Access(use))
	}
	for who, all := range optional {
		maps.DeleteFunc(all, func(action string, _ bool) bool { return required[who][action] })
	}
	return optional
}

func actions(p *iam.Policy) []string {
	var all []string
	for _, s := range p.Statement {
		if s.Effect == "Allow" {
			all = append(all, s.Action...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// without returns the documents with one action less in those for a role.
func without(docs []iam.Document, who iam.For, action string) []iam.Document {
	docs = slices.Clone(docs)
	for i, d := range docs {
		if d.For != who {
			continue
		}
		p := &iam.Policy{Version: d.Policy.Version}
		for _, s := range d.Policy.Statement {
			if s.Effect == "Allow" {
				s.Action = slices.DeleteFunc(slices.Clone(s.Action), func(a string) bool { return a == action })
			}
			if len(s.Action) > 0 {
				p.Statement = append(p.Statement, s)
			}
		}
		docs[i].Policy = p
	}
	return docs
}
