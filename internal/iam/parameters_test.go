package iam_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/iam"
)

const (
	topic            = "arn:aws:sns:us-east-1:100000000000:failures"
	parametersConfig = `
version: 1
owner: lab
stores:
  hub: {type: aws-secrets-manager, region: us-east-1, account: "100000000000"}
  params: {type: aws-parameter-store, region: eu-west-1, prefix: /copies/, kmsKey: "` + drKey + `"}
  spokes: {type: aws-parameter-store, role: SecretSyncRole, externalId: the-id, allow: {accounts: ["111111111111"]}, kmsKey: "` + keyID + `", tier: advanced}
  pool: {type: aws-parameter-store, region: us-east-1, prefix: /pool/}
  dr: {type: aws-secrets-manager, region: eu-west-1, kmsKey: "` + drKey + `"}
syncs:
  - {name: to-params, from: hub, select: {prefix: [app/]}, to: [{store: params}], deletion: delete}
  - {name: to-spoke, from: hub, select: {prefix: [app/]}, to: [{store: spokes, accounts: ["111111111111"], name: "/app/{{ .Base }}"}], deletion: delete}
  - {name: from-pool, from: pool, select: {glob: ["**"]}, to: [{store: dr}]}
notify:
  - sns: {topicArn: "` + topic + `"}
`
	// parametersStory is what the story of parameters tells where nothing is missing.
	parametersStory = `first copy: 6 create applied
new values: 4 update applied
overwritten: 2 update applied
deleted source: 2 delete applied
restored source: 2 restore applied
deleted again: 2 delete applied
a month later: 2 delete applied
at the end: `
)

// parameters is a world in which copies are parameters, and time passes.
type parameters struct {
	*world
	later atomic.Int64
}

func newParameters(t *testing.T, docs []iam.Document) *parameters {
	t.Helper()
	accounts := map[string]awslocal.SeedAccount{
		hub: {
			Users: map[string]awslocal.SeedUser{"root": {AccessKeyID: hub}},
			Regions: map[string]awslocal.SeedRegion{west: {Keys: map[string]awslocal.SeedKey{"alias/dr": {ID: drKey}}}, east: {
				Keys:       map[string]awslocal.SeedKey{"alias/hub": {ID: hubCMK}},
				Secrets:    map[string]awslocal.SeedSecret{"app/db": {Value: "one"}, "app/old": {Value: "two", KMSKey: "alias/hub"}},
				Parameters: map[string]awslocal.SeedParameter{"/pool/a": {Value: "three", KMSKey: "alias/hub"}, "/pool/b": {Value: "four"}, "/hr/a": {Value: "five"}},
				Topics:     map[string]awslocal.SeedTopic{"failures": {}, "other": {}},
			}},
		},
		spoke: {
			Users:   map[string]awslocal.SeedUser{"root": {AccessKeyID: spoke}},
			Regions: map[string]awslocal.SeedRegion{east: {Keys: map[string]awslocal.SeedKey{"alias/copies": {ID: keyID}, "alias/other": {}}}},
		},
	}
	p := &parameters{}
	server := embedded(t, docs, accounts, func() time.Time { return time.Now().Add(time.Duration(p.later.Load())) })
	p.world = &world{t: t, aws: server, e: open(t, parametersConfig, server, hubKey).engine()}
	return p
}

// ssm returns a client of Parameter Store with an access key.
func (p *parameters) ssm(accessKey, region string) *ssm.Client {
	return ssm.New(ssm.Options{Region: region, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: p.aws.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "any", "")})
}

// story is a run of everything that the tool does with parameters, and returns what came of each part of it.
func (p *parameters) story() string {
	ctx, home := p.t.Context(), p.as(hub, east)
	var told []string
	sync := func(what string) { told = append(told, what+": "+p.sync(ctx)) }
	overwrite := func(account, region, description string, names ...string) {
		for _, name := range names {
			p.must(p.ssm(account, region).PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: aws.String("of " + name), Description: &description,
				Overwrite: aws.Bool(true), Type: types.ParameterTypeSecureString, KeyId: aws.String("alias/aws/ssm")}))
		}
	}
	sync("first copy")

	p.must(home.PutSecretValue(ctx, &sm.PutSecretValueInput{SecretId: aws.String("app/db"), SecretString: aws.String("six")}))
	overwrite(hub, east, "", "/pool/a", "/pool/b")
	sync("new values")
	overwrite(spoke, east, "mine", "/app/old")
	overwrite(hub, west, "mine", "/copies/app/old")
	sync("overwritten")

	p.must(home.DeleteSecret(ctx, &sm.DeleteSecretInput{SecretId: aws.String("app/old")}))
	sync("deleted source")
	p.must(home.RestoreSecret(ctx, &sm.RestoreSecretInput{SecretId: aws.String("app/old")}))
	sync("restored source")
	p.must(home.DeleteSecret(ctx, &sm.DeleteSecretInput{SecretId: aws.String("app/old")}))
	sync("deleted again")
	p.later.Store(int64(31 * 24 * time.Hour))
	p.e = open(p.t, parametersConfig, p.aws, hubKey).engine() // whose sessions are new
	sync("a month later")
	sync("at the end")
	return strings.Join(told, "\n")
}

func TestWhatIsGeneratedIsEnoughForParameters(t *testing.T) {
	docs := generate(t, open(t, parametersConfig, nil, "").input(t)).Documents
	if got := newParameters(t, docs).story(); got != parametersStory {
		t.Errorf("got\n%s\nwant\n%s", got, parametersStory)
	}
}

// spare are the actions that no part of the story fails without, and why.
func spare() map[string]string {
	return map[string]string{
		"hub ssm:GetParameters": "the parameters are read one by one instead",
		"hub kms:DescribeKey":   "the keys of the story are all called by their ids",
		"spoke kms:DescribeKey": "the keys of the story are all called by their ids",
	}
}

func TestNothingThatIsGeneratedForParametersIsTooMuch(t *testing.T) {
	docs := generate(t, open(t, parametersConfig, nil, "").input(t)).Documents
	for _, d := range docs {
		for _, action := range actions(d.Policy) {
			if !strings.HasPrefix(action, "ssm:") && !strings.HasPrefix(action, "kms:") {
				continue // others have a story of their own
			}
			t.Run(fmt.Sprintf("%s %s", d.For, action), func(t *testing.T) {
				why, spared := spare()[fmt.Sprintf("%s %s", d.For, action)]
				if got := newParameters(t, without(docs, d.For, action)).story(); spared != (got == parametersStory) {
					t.Errorf("whether %s can be done without should be %v (%s):\n%s", action, spared, why, got)
				}
			})
		}
	}
}

func TestParametersThatNoSyncMakesAreOutOfReach(t *testing.T) {
	docs := generate(t, open(t, parametersConfig, nil, "").input(t)).Documents
	policies := map[iam.For]policy.Document{}
	for _, d := range docs {
		policies[d.For] = parsed(t, d.Policy, policy.ParseIdentity)
	}
	const (
		ours   = " arn:aws:ssm:eu-west-1:100000000000:parameter/copies/app/db"
		theirs = " arn:aws:ssm:eu-west-1:100000000000:parameter/hr/db"
		source = " arn:aws:ssm:us-east-1:100000000000:parameter/pool/a"
		there  = " arn:aws:ssm:us-east-1:111111111111:parameter/app/db"
	)
	for _, c := range []struct {
		who  iam.For
		line string
		want policy.Decision
	}{
		{iam.Hub, "ssm:PutParameter" + ours, policy.Allowed},
		{iam.Hub, "ssm:DeleteParameter" + ours, policy.Allowed},
		{iam.Hub, "ssm:PutParameter" + theirs, policy.ImplicitDeny},
		{iam.Hub, "ssm:GetParameter" + theirs, policy.ImplicitDeny},
		{iam.Hub, "ssm:GetParameterHistory" + theirs, policy.ImplicitDeny},
		{iam.Hub, "ssm:DeleteParameter" + theirs, policy.ImplicitDeny},
		{iam.Hub, "ssm:DeleteParameters" + ours, policy.ImplicitDeny},
		{iam.Hub, "ssm:GetParametersByPath" + ours, policy.ImplicitDeny},
		{iam.Hub, "ssm:AddTagsToResource" + ours, policy.ImplicitDeny},
		{iam.Hub, "ssm:GetParameter" + source, policy.Allowed},
		{iam.Hub, "ssm:PutParameter" + source, policy.ImplicitDeny},
		{iam.Hub, "ssm:GetParameter arn:aws:ssm:us-east-1:100000000000:parameter/hr/a", policy.ImplicitDeny},
		{iam.Hub, "ssm:PutParameter" + there, policy.ImplicitDeny},
		{iam.Spoke, "ssm:PutParameter" + there, policy.Allowed},
		{iam.Spoke, "ssm:PutParameter" + strings.Replace(there, "us-east-1", "eu-west-1", 1), policy.ImplicitDeny},
		{iam.Spoke, "ssm:PutParameter" + strings.Replace(there, "/app/", "/hr/", 1), policy.ImplicitDeny},
		{iam.Hub, "sns:Publish " + topic, policy.Allowed},
		{iam.Hub, "sns:Publish " + topic + "-of-others", policy.ExplicitDeny},
		{iam.Hub, "sns:Subscribe " + topic, policy.ImplicitDeny},
		{iam.Spoke, "sns:Publish " + topic, policy.ImplicitDeny},
	} {
		if got := may(policies[c.who], c.line); got != c.want {
			t.Errorf("%s: %s: got %v, want %v", c.who, c.line, got, c.want)
		}
	}
	for name, want := range map[string]policy.Decision{"copies/app/db": policy.Allowed, "hr/db": policy.ImplicitDeny} {
		got := policy.Evaluate([]policy.Document{policies[iam.Hub]}, policy.Request{Action: "kms:Encrypt", Resource: "arn:aws:kms:eu-west-1:100000000000:key/" + drKey,
			Context: map[string][]string{"kms:ViaService": {"ssm.eu-west-1.amazonaws.com"}, "kms:EncryptionContext:PARAMETER_ARN": {"arn:aws:ssm:eu-west-1:100000000000:parameter/" + name}}})
		if got != want {
			t.Errorf("the key for %s: got %v, want %v", name, got, want)
		}
	}
}

func TestTheHubPublishesToItsTopicAndToNoOther(t *testing.T) {
	p := newParameters(t, generate(t, open(t, parametersConfig, nil, "").input(t)).Documents)
	client := sns.New(sns.Options{Region: east, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: p.aws.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider(hubKey, "any", "")})
	publish := func(arn string) error {
		_, err := client.Publish(t.Context(), &sns.PublishInput{TopicArn: &arn, Message: aws.String("it failed")})
		return err
	}
	if err := publish(topic); err != nil || len(p.aws.Published(topic)) != 1 {
		t.Errorf("%d messages: %v", len(p.aws.Published(topic)), err)
	}
	if err := publish(strings.Replace(topic, "failures", "other", 1)); err == nil || !strings.Contains(err.Error(), "AuthorizationError") {
		t.Errorf("another topic: %v", err)
	}
}

func TestTheConnectionOfAVaultIsReadWithWhatIsGenerated(t *testing.T) {
	const text = `version: 1
owner: lab
stores:
  hub: {type: aws-secrets-manager, region: us-east-1, account: "100000000000"}
  vault: {type: vault, connection: {store: hub, secret: vault-connection}}
syncs:
  - {name: vault-to-aws, from: vault, select: {prefix: [hybrid-aws-secrets/]}, to: [{store: hub}]}
`
	docs := generate(t, open(t, text, nil, "").input(t)).Documents
	ask := func(docs []iam.Document) (string, error) {
		server := embedded(t, docs, map[string]awslocal.SeedAccount{hub: {Regions: map[string]awslocal.SeedRegion{east: {
			Keys:    map[string]awslocal.SeedKey{"alias/hub": {ID: hubCMK}},
			Secrets: map[string]awslocal.SeedSecret{"vault-connection": {Value: `{"vaultAddress": "https://vault.test:8200", "vaultToken": "canary-token"}`, KMSKey: "alias/hub"}},
		}}}}, nil)
		at, err := open(t, text, server, hubKey).stores["vault"].Home(t.Context())
		return at.Host, err
	}
	if host, err := ask(docs); err != nil || host != "vault.test:8200" {
		t.Errorf("host %q: %v", host, err)
	}
	for _, action := range []string{"secretsmanager:GetSecretValue", "kms:Decrypt"} {
		_, err := ask(without(docs, iam.Hub, action))
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("without %s: %v", action, err)
		}
	}
}
