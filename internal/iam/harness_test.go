package iam_test

import (
	"net/http"
	"testing"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/iam"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/all"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

// opened is a configuration with its stores open.
type opened struct {
	file   *config.File
	stores map[secret.StoreName]store.Store
}

// open reads a configuration. Its stores call aws with an access key; where aws is nil they call nothing.
func open(t *testing.T, text string, aws *awslocal.Server, accessKey string) opened {
	t.Helper()
	var load []func(*awsconfig.LoadOptions) error
	if aws != nil {
		load = []func(*awsconfig.LoadOptions) error{
			awsconfig.WithHTTPClient(&http.Client{Transport: aws.Transport()}), awsconfig.WithBaseEndpoint("http://aws.test"), awsconfig.WithRegion("us-east-1"),
			awsconfig.WithSharedConfigFiles([]string{}), awsconfig.WithSharedCredentialsFiles([]string{}),
			awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(accessKey, "any", "")),
		}
	}
	factory := awscfg.New(awscfg.Options{RunID: "test", MaxBackoff: time.Millisecond, Load: load})
	for _, at := range []awscfg.Target{{Region: east}, {Region: west}, {Role: "SecretSyncRole", Account: spoke, Region: east}} {
		for _, operation := range []string{"DescribeParameters", "GetParameterHistory", "PutParameter", "DeleteParameter"} {
			factory.Raise(at, "SSM", operation, 1000) // these have few turns a second
		}
	}
	registry, err := all.Drivers(factory)
	if err != nil {
		t.Fatal(err)
	}
	file, err := config.Parse("secretsync.yaml", []byte(text), func(string) (string, bool) { return "", false }, wire.Kinds(registry))
	if err != nil {
		t.Fatal(err)
	}
	stores, err := wire.Open(file, registry)
	if err != nil {
		t.Fatal(err)
	}
	return opened{file, stores}
}

func (o opened) engine() *engine.Engine { return engine.New(wire.Setup(o.file, o.stores)) }

// input returns what policies are made from.
func (o opened) input(t *testing.T) iam.Input {
	t.Helper()
	in := iam.Input{Owner: o.file.Owner, Rules: o.file.Rules, Groups: o.file.Groups, Stores: map[secret.StoreName]iam.Store{}}
	if ref := o.file.GroupsFrom; ref != nil {
		in.GroupsFrom = &iam.SecretRef{Store: ref.Store, Secret: ref.Secret}
	}
	for _, n := range o.file.Notify {
		if n.SNS != nil {
			in.Topics = append(in.Topics, n.SNS.TopicARN)
		}
	}
	in.Queue, _ = awscfg.QueueARN(o.file.Serve.Queue)
	for _, r := range o.file.Rotations {
		one := iam.Rotation{Secret: iam.SecretRef{Store: r.Store, Secret: r.Secret}, Plain: r.Engine == "generate"}
		if r.Master != nil {
			one.Master = &iam.SecretRef{Store: r.Master.Store, Secret: r.Master.Secret}
		}
		for _, w := range r.After {
			for _, s := range w.ECS {
				one.Services = append(one.Services, iam.Service{Cluster: s.Cluster, Name: s.Service, Account: s.Account, Region: s.Region, Role: s.Role})
			}
		}
		in.Rotations = append(in.Rotations, one)
	}
	for _, s := range o.file.Stores {
		var settings map[string]any
		if err := s.Decode(&settings); err != nil {
			t.Fatal(err)
		}
		role, _ := settings["role"].(string)
		id, _ := settings["externalId"].(string)
		in.Stores[s.Name] = iam.Store{Store: o.stores[s.Name], Role: role, ExternalID: id}
		if eks, ok := settings["eks"].(map[string]any); ok {
			c := iam.Cluster{Name: eks["cluster"].(string)}
			region, _ := eks["region"].(string)
			c.Region = secret.Region(region)
			c.Role, _ = eks["role"].(string)
			in.Clusters = append(in.Clusters, c)
		}
	}
	return in
}

func generate(t *testing.T, in iam.Input) *iam.Result {
	t.Helper()
	res, err := iam.Generate(in)
	if err != nil {
		t.Fatal(err)
	}
	return res
}
