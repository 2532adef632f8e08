package ecs_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

const seed = `
accounts:
  "111111111111":
    users:
      root: {accessKeyId: "111111111111"}
      some: {accessKeyId: some, policies: [{Version: 2012-10-17, Statement: [
        {Effect: Allow, Action: "ecs:UpdateService", Resource: "arn:aws:ecs:us-east-1:111111111111:service/apps/web"},
        {Effect: Allow, Action: "ecs:DescribeServices", Resource: "*", Condition: {ArnEquals: {"ecs:cluster": "arn:aws:ecs:us-east-1:111111111111:cluster/apps"}}}]}]}
    regions:
      us-east-1:
        services:
          apps/web: {desired: 2}
          apps/slow: {progress: 2}
          apps/broken: {fails: true}
          apps/old: {status: INACTIVE}
          default/web: {taskDefinition: "arn:aws:ecs:us-east-1:111111111111:task-definition/other:7"}
`

func newServer(t *testing.T, enforce bool) *awslocal.Server {
	t.Helper()
	parsed, err := awslocal.ParseSeed(strings.NewReader(seed), "seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := awslocal.New(awslocal.Options{Seed: parsed, EnforceIAM: enforce})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func config(accessKey string) aws.Config {
	return aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(accessKey, "any", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func client(s *awslocal.Server, accessKey string) *sdk.Client {
	cfg := config(accessKey)
	cfg.BaseEndpoint, cfg.HTTPClient = aws.String("http://aws.test"), &http.Client{Transport: s.Transport()}
	return sdk.NewFromConfig(cfg)
}

func force(t *testing.T, c *sdk.Client, cluster, name string) (*types.Service, error) {
	t.Helper()
	out, err := c.UpdateService(t.Context(), &sdk.UpdateServiceInput{Cluster: aws.String(cluster), Service: aws.String(name), ForceNewDeployment: true})
	if err != nil {
		return nil, err
	}
	return out.Service, nil
}

func describe(t *testing.T, c *sdk.Client, cluster, name string) types.Service {
	t.Helper()
	out, err := c.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Cluster: aws.String(cluster), Services: []string{name}})
	if err != nil || len(out.Services) != 1 || len(out.Failures) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	return out.Services[0]
}

// rollout tells the deployments of a service as "STATUS STATE".
func rollout(s types.Service) string {
	var all []string
	for _, d := range s.Deployments {
		all = append(all, fmt.Sprintf("%s %s", *d.Status, d.RolloutState))
	}
	return strings.Join(all, ", ")
}

func TestServicesAreWhatTheSeedSays(t *testing.T) {
	s := newServer(t, false)
	c := client(s, "111111111111")
	got := describe(t, c, "arn:aws:ecs:us-east-1:111111111111:cluster/apps", "arn:aws:ecs:us-east-1:111111111111:service/apps/web")
	if *got.ServiceArn != "arn:aws:ecs:us-east-1:111111111111:service/apps/web" || *got.ClusterArn != "arn:aws:ecs:us-east-1:111111111111:cluster/apps" || *got.Status != "ACTIVE" ||
		got.DesiredCount != 2 || got.RunningCount != 2 || *got.TaskDefinition != "arn:aws:ecs:us-east-1:111111111111:task-definition/web:1" || rollout(got) != "PRIMARY COMPLETED" || got.CreatedAt == nil {
		t.Errorf("%+v", got)
	}
	if got := describe(t, c, "", "web"); !strings.HasSuffix(*got.TaskDefinition, "other:7") || *got.ServiceArn != "arn:aws:ecs:us-east-1:111111111111:service/default/web" {
		t.Errorf("%+v", got)
	}
	if n := s.Ledger().Count(awslocal.Match{Service: "ecs", Operation: "DescribeServices", Resource: "*:service/apps/web", Outcome: awslocal.OK}); n != 1 {
		t.Errorf("%d calls in the ledger", n)
	}
}

func TestANewDeploymentTakesThePlaceOfTheOldOne(t *testing.T) {
	c := client(newServer(t, false), "111111111111")
	before := describe(t, c, "apps", "web").Deployments[0]
	made, err := force(t, c, "apps", "web")
	if err != nil || rollout(*made) != "PRIMARY IN_PROGRESS, ACTIVE COMPLETED" || *made.Deployments[0].Id == *before.Id || made.Deployments[0].CreatedAt == nil || *made.Deployments[1].Id != *before.Id {
		t.Fatalf("%+v, %v", made, err)
	}
	if got := describe(t, c, "apps", "web"); rollout(got) != "PRIMARY COMPLETED" || *got.Deployments[0].Id != *made.Deployments[0].Id || got.RunningCount != 2 {
		t.Errorf("%+v", got)
	}
	if _, err := force(t, c, "apps", "slow"); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"PRIMARY IN_PROGRESS, ACTIVE COMPLETED", "PRIMARY IN_PROGRESS, ACTIVE COMPLETED", "PRIMARY COMPLETED"} {
		if got := rollout(describe(t, c, "apps", "slow")); got != want {
			t.Errorf("description %d: %s", i+1, got)
		}
	}
	if _, err := force(t, c, "apps", "broken"); err != nil {
		t.Fatal(err)
	}
	got := describe(t, c, "apps", "broken")
	if rollout(got) != "PRIMARY FAILED, ACTIVE COMPLETED" || got.Deployments[0].FailedTasks != 1 || !strings.Contains(*got.Deployments[0].RolloutStateReason, "failed") {
		t.Errorf("%+v", got)
	}
	unforced, err := c.UpdateService(t.Context(), &sdk.UpdateServiceInput{Cluster: aws.String("apps"), Service: aws.String("web")})
	if err != nil || rollout(*unforced.Service) != "PRIMARY COMPLETED" {
		t.Errorf("without force: %+v, %v", unforced, err)
	}
}

func TestECSRefusesAsAWSDoes(t *testing.T) {
	s := newServer(t, false)
	c := client(s, "111111111111")
	for want, at := range map[string][2]string{
		"ClusterNotFoundException":  {"none", "web"},
		"ServiceNotFoundException":  {"apps", "none"},
		"ServiceNotActiveException": {"apps", "old"},
	} {
		if _, err := force(t, c, at[0], at[1]); code(err) != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if _, err := force(t, client(s, "222222222222"), "apps", "web"); code(err) != "ClusterNotFoundException" {
		t.Errorf("another account: %v", err)
	}
	var many []string
	for range 11 {
		many = append(many, "web")
	}
	for _, names := range [][]string{many, {}} {
		if _, err := c.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Cluster: aws.String("apps"), Services: names}); code(err) != "InvalidParameterException" {
			t.Errorf("error %v", err)
		}
	}
	if _, err := c.ListServices(t.Context(), &sdk.ListServicesInput{}); code(err) != "UnknownOperationException" {
		t.Errorf("an operation that is not there: %v", err)
	}
	s.Faults().Add(awslocal.Fault{Service: "ecs", Operation: "UpdateService", Resource: "web", Code: "ServerException", Status: 500, Times: 1})
	if _, err := force(t, c, "apps", "web"); code(err) != "ServerException" {
		t.Errorf("a fault: %v", err)
	}
}

func code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	return api.ErrorCode()
}

func TestWithIAMAServiceIsForWhomAPolicyAllowsIt(t *testing.T) {
	c := client(newServer(t, true), "some")
	if _, err := force(t, c, "apps", "web"); err != nil {
		t.Error(err)
	}
	describe(t, c, "apps", "slow")
	_, err := force(t, c, "apps", "slow")
	if code(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "ecs:UpdateService on resource: arn:aws:ecs:us-east-1:111111111111:service/apps/slow") {
		t.Errorf("error %v", err)
	}
	if _, err := c.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Services: []string{"web"}}); code(err) != "AccessDeniedException" {
		t.Errorf("another cluster: %v", err)
	}
}

// TestAnotherAWSAgrees runs the same story against the embedded AWS and against moto, which others wrote.
func TestAnotherAWSAgrees(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { story(t, client(newServer(t, false), "111111111111")) })
	t.Run("moto", func(t *testing.T) {
		cfg := config("111111111111")
		cfg.BaseEndpoint = aws.String(storetest.Moto(t))
		c := sdk.NewFromConfig(cfg)
		if _, err := c.CreateCluster(t.Context(), &sdk.CreateClusterInput{ClusterName: aws.String("apps")}); err != nil {
			t.Fatal(err)
		}
		_, err := c.RegisterTaskDefinition(t.Context(), &sdk.RegisterTaskDefinitionInput{Family: aws.String("web"), ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: aws.String("web"), Memory: aws.Int32(64),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.CreateService(t.Context(), &sdk.CreateServiceInput{Cluster: aws.String("apps"), ServiceName: aws.String("web"), TaskDefinition: aws.String("web"), DesiredCount: aws.Int32(2)}); err != nil {
			t.Fatal(err)
		}
		story(t, c)
	})
}

func story(t *testing.T, c *sdk.Client) {
	before := describe(t, c, "apps", "web")
	if *before.ServiceName != "web" || !strings.HasSuffix(*before.ServiceArn, ":service/apps/web") || !strings.HasSuffix(*before.ClusterArn, ":cluster/apps") || *before.Status != "ACTIVE" ||
		len(before.Deployments) != 1 || *before.Deployments[0].Status != "PRIMARY" || !strings.HasPrefix(*before.Deployments[0].Id, "ecs-svc/") || before.DesiredCount != 2 {
		t.Errorf("%+v", before)
	}
	made, err := force(t, c, "apps", "web")
	if err != nil || *made.Deployments[0].Status != "PRIMARY" || *made.Deployments[0].Id == *before.Deployments[0].Id {
		t.Errorf("%+v, %v", made, err)
	}
	if after := describe(t, c, "apps", "web"); *after.Deployments[0].Id != *made.Deployments[0].Id {
		t.Errorf("%+v", after)
	}
	out, err := c.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Cluster: aws.String("apps"), Services: []string{"none", "web"}})
	if err != nil || len(out.Services) != 1 || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("%+v, %v", out, err)
	}
	_, err = force(t, c, "apps", "none")
	var noService *types.ServiceNotFoundException
	if !errors.As(err, &noService) || noService.ErrorMessage() != "Service not found." {
		t.Errorf("error %v", err)
	}
	_, err = force(t, c, "none", "web")
	var noCluster *types.ClusterNotFoundException
	if !errors.As(err, &noCluster) || noCluster.ErrorMessage() != "Cluster not found." {
		t.Errorf("error %v", err)
	}
}
