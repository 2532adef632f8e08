package eks_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

const seed = `
accounts:
  "111111111111":
    users:
      root: {accessKeyId: "111111111111"}
      some: {accessKeyId: some, policies: [{Version: 2012-10-17, Statement: [{Effect: Allow, Action: "eks:DescribeCluster", Resource: "arn:aws:eks:us-east-1:111111111111:cluster/prod"}]}]}
    regions:
      us-east-1:
        clusters:
          prod: {endpoint: "https://127.0.0.1:6443", certificateAuthority: cGVt, tags: {team: blue}}
          test: {status: CREATING, version: "1.32"}
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

func client(s *awslocal.Server, accessKey string) *sdk.Client {
	return sdk.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: s.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "any", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	})
}

func TestClustersAreWhatTheSeedSays(t *testing.T) {
	s := newServer(t, false)
	c := client(s, "111111111111")
	out, err := c.DescribeCluster(t.Context(), &sdk.DescribeClusterInput{Name: aws.String("prod")})
	if err != nil {
		t.Fatal(err)
	}
	got := out.Cluster
	if *got.Name != "prod" || *got.Arn != "arn:aws:eks:us-east-1:111111111111:cluster/prod" || *got.Endpoint != "https://127.0.0.1:6443" || *got.CertificateAuthority.Data != "cGVt" ||
		got.Status != types.ClusterStatusActive || *got.Version != "1.33" || got.Tags["team"] != "blue" || got.CreatedAt == nil {
		t.Errorf("%+v", got)
	}
	if out, err = c.DescribeCluster(t.Context(), &sdk.DescribeClusterInput{Name: aws.String("test")}); err != nil || out.Cluster.Status != types.ClusterStatusCreating || out.Cluster.Endpoint != nil {
		t.Errorf("%+v, %v", out, err)
	}
	list, err := c.ListClusters(t.Context(), &sdk.ListClustersInput{MaxResults: aws.Int32(1)})
	if err != nil || !slices.Equal(list.Clusters, []string{"prod"}) || list.NextToken == nil {
		t.Fatalf("%+v, %v", list, err)
	}
	if list, err = c.ListClusters(t.Context(), &sdk.ListClustersInput{NextToken: list.NextToken}); err != nil || !slices.Equal(list.Clusters, []string{"test"}) || list.NextToken != nil {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err = client(s, "222222222222").ListClusters(t.Context(), &sdk.ListClustersInput{}); err != nil || len(list.Clusters) != 0 {
		t.Errorf("another account: %+v, %v", list, err)
	}
	if n := s.Ledger().Count(awslocal.Match{Service: "eks", Operation: "DescribeCluster", Resource: "*:cluster/prod", Outcome: awslocal.OK}); n != 1 {
		t.Errorf("%d calls in the ledger", n)
	}
}

func TestEKSRefusesAsAWSDoes(t *testing.T) {
	s := newServer(t, false)
	c := client(s, "111111111111")
	_, err := c.DescribeCluster(t.Context(), &sdk.DescribeClusterInput{Name: aws.String("none")})
	var typed *types.ResourceNotFoundException
	var res *smithyhttp.ResponseError
	if !errors.As(err, &typed) || typed.ErrorMessage() != "No cluster found for name: none." || !errors.As(err, &res) || res.HTTPStatusCode() != 404 {
		t.Errorf("error %v", err)
	}
	_, err = c.DeleteCluster(t.Context(), &sdk.DeleteClusterInput{Name: aws.String("prod")})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "UnknownOperationException" {
		t.Errorf("an operation that is not there: %v", err)
	}
	s.Faults().Add(awslocal.Fault{Service: "eks", Operation: "DescribeCluster", Resource: "prod", Code: "ServerException", Status: 500, Times: 1})
	_, err = c.DescribeCluster(t.Context(), &sdk.DescribeClusterInput{Name: aws.String("prod")})
	if !errors.As(err, &api) || api.ErrorCode() != "ServerException" {
		t.Errorf("a fault: %v", err)
	}
}

func TestWithIAMAClusterIsForWhomAPolicyAllowsIt(t *testing.T) {
	c := client(newServer(t, true), "some")
	if _, err := c.DescribeCluster(t.Context(), &sdk.DescribeClusterInput{Name: aws.String("prod")}); err != nil {
		t.Error(err)
	}
	_, err := c.DescribeCluster(t.Context(), &sdk.DescribeClusterInput{Name: aws.String("test")})
	var typed *types.AccessDeniedException
	var res *smithyhttp.ResponseError
	if !errors.As(err, &typed) || !strings.Contains(typed.ErrorMessage(), "eks:DescribeCluster on resource: arn:aws:eks:us-east-1:111111111111:cluster/test") ||
		!errors.As(err, &res) || res.HTTPStatusCode() != 403 {
		t.Errorf("error %v", err)
	}
}
