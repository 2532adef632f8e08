package ssm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

const policies = `
accounts:
  "111111111111":
    users:
      root: {accessKeyId: "111111111111"}
      app:
        accessKeyId: app
        policies:
          - Statement:
              - {Effect: Allow, Action: "ssm:*", Resource: "arn:aws:ssm:us-east-1:111111111111:parameter/app/*"}
              - {Effect: Deny, Action: "ssm:GetParameter", Resource: "arn:aws:ssm:us-east-1:111111111111:parameter/app/denied"}
              - {Effect: Deny, Action: "ssm:PutParameter", Resource: "*", Condition: {StringEquals: {"ssm:Overwrite": "true"}}}
              - {Effect: Deny, Action: "ssm:DeleteParameter", Resource: "*", Condition: {StringEquals: {"aws:ResourceTag/keep": "yes"}}}
              - {Effect: Deny, Action: "ssm:AddTagsToResource", Resource: "*", Condition: {StringEquals: {"aws:RequestTag/team": "red"}}}
              - {Effect: Deny, Action: "ssm:GetParametersByPath", Resource: "*", Condition: {StringEquals: {"ssm:Recursive": "true"}}}
      lister:
        accessKeyId: lister
        policies:
          - Statement: [{Effect: Allow, Action: "ssm:DescribeParameters", Resource: "*"}]
      writer:
        accessKeyId: writer
        policies:
          - Statement: [{Effect: Allow, Action: "ssm:PutParameter", Resource: "*"}]
    regions:
      us-east-1:
        keys: {alias/app: {}}
        parameters:
          /app/db: {value: canary-7c1f, kmsKey: alias/app}
          /app/denied: {value: canary-7c1f, type: String}
          /app/kept: {value: canary-7c1f, type: String, tags: {keep: "yes"}}
          /other/db: {value: canary-7c1f, type: String}
`

func enforced(t *testing.T) *world {
	t.Helper()
	seed, err := awslocal.ParseSeed(strings.NewReader(policies), "seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return newWorld(t, func(o *awslocal.Options) { o.EnforceIAM, o.Seed = true, seed })
}

func TestPoliciesDecideAboutEachParameter(t *testing.T) {
	w := enforced(t)
	w.c = w.client("app")
	const denied = "AccessDeniedException"
	const user = "User: arn:aws:iam::111111111111:user/app is not authorized to perform: ssm:"
	w.mustPut("/app/new", "v", tagged("team", "blue"))
	if _, err := w.c.GetParametersByPath(t.Context(), &sdk.GetParametersByPathInput{Path: aws.String("/app/x")}); err != nil {
		t.Error(err)
	}
	ctx, name := t.Context(), aws.String
	for _, bad := range []struct {
		text string
		call func() error
	}{
		{"GetParameter on resource: arn:aws:ssm:us-east-1:111111111111:parameter/other/db because no identity-based policy allows", func() error { _, err := w.get("/other/db"); return err }},
		{"GetParameter on resource: arn:aws:ssm:us-east-1:111111111111:parameter/other/none because", func() error { _, err := w.get("/other/none"); return err }},
		{"GetParameter on resource: arn:aws:ssm:us-east-1:111111111111:parameter/app/denied with an explicit deny", func() error { _, err := w.get("/app/denied"); return err }},
		{"GetParameters on resource: arn:aws:ssm:us-east-1:111111111111:parameter/other/db", func() error {
			_, err := w.c.GetParameters(ctx, &sdk.GetParametersInput{Names: []string{"/app/db", "/other/db"}})
			return err
		}},
		{"DeleteParameters on", func() error {
			_, err := w.c.DeleteParameters(ctx, &sdk.DeleteParametersInput{Names: []string{"/app/db", "/other/db"}})
			return err
		}},
		{"DescribeParameters because", func() error { _, err := w.c.DescribeParameters(ctx, &sdk.DescribeParametersInput{}); return err }},
		{"PutParameter on resource: arn:aws:ssm:us-east-1:111111111111:parameter/app/db with an explicit deny", func() error { _, err := w.put("/app/db", canary, overwrite); return err }},
		{"AddTagsToResource on", func() error { _, err := w.put("/app/red", canary, tagged("team", "red")); return err }},
		{"DeleteParameter on", func() error {
			_, err := w.c.DeleteParameter(ctx, &sdk.DeleteParameterInput{Name: name("/app/kept")})
			return err
		}},
		{"GetParametersByPath on", func() error {
			_, err := w.c.GetParametersByPath(ctx, &sdk.GetParametersByPathInput{Path: name("/app/x"), Recursive: aws.Bool(true)})
			return err
		}},
		{"GetParametersByPath on resource: arn:aws:ssm:us-east-1:111111111111:parameter/ because", func() error {
			_, err := w.c.GetParametersByPath(ctx, &sdk.GetParametersByPathInput{Path: name("/")})
			return err
		}},
		{"GetParameterHistory on", func() error {
			_, err := w.c.GetParameterHistory(ctx, &sdk.GetParameterHistoryInput{Name: name("/other/db")})
			return err
		}},
		{"LabelParameterVersion on", func() error { _, err := w.label("/other/db", 0, "x"); return err }},
		{"ListTagsForResource on", func() error {
			_, err := w.c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: name("/other/db")})
			return err
		}},
	} {
		wantCode(t, bad.call(), denied, user+bad.text)
	}
	_, err := w.get("/app/db")
	wantCode(t, err, denied, "not authorized to perform: kms:Decrypt")

	w.c = w.client("lister")
	w.wantNames("whoever may list", "/app/db /app/denied /app/kept /app/new /other/db")
	w.c = w.client("writer")
	_, err = w.put("/w", canary, tagged("a", "b"))
	wantCode(t, err, denied, "ssm:AddTagsToResource")
	w.mustPut("/w", "v", secure) // AWS's own key is open to whoever may use the service
	_, err = w.put("/v", canary, secure, func(in *sdk.PutParameterInput) { in.KeyId = aws.String("alias/app") })
	wantCode(t, err, denied, "kms:Encrypt")
}

func TestAParameterOfAnotherAccountIsNotShared(t *testing.T) {
	w := newWorld(t)
	w.mustPut("/p", "v")
	w.c = w.client("222222222222")
	_, err := w.get("arn:aws:ssm:us-east-1:111111111111:parameter/p")
	wantCode(t, err, "AccessDeniedException", "no resource-based policy allows the ssm:GetParameter action")
	_, err = w.get("/p")
	wantCode(t, err, "ParameterNotFound", "")
}

func TestCallsAboveTheQuotaAreThrottled(t *testing.T) {
	w := newWorld(t, func(o *awslocal.Options) { o.EnforceQuotas = true })
	for i := range 3 {
		w.mustPut("p", "v", func(in *sdk.PutParameterInput) { in.Overwrite = aws.Bool(i > 0) })
	}
	_, err := w.put("p", canary, overwrite)
	wantCode(t, err, "ThrottlingException", "Rate exceeded")
	w.advance(time.Second)
	w.mustPut("p", "v", overwrite)
	for range 20 {
		w.mustGet("p")
		if _, err := w.c.GetParameters(t.Context(), &sdk.GetParametersInput{Names: []string{"p"}}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.c.GetParametersByPath(t.Context(), &sdk.GetParametersByPathInput{Path: aws.String("/")})
	wantCode(t, err, "ThrottlingException", "Rate exceeded")
}

func TestFaultsMeanAParameterByAnyOfItsNames(t *testing.T) {
	w := newWorld(t)
	w.mustPut("/a/p", "v")
	w.mustPut("/a/q", "v")
	list := func(names ...string) error {
		_, err := w.c.GetParameters(t.Context(), &sdk.GetParametersInput{Names: names})
		return err
	}
	for _, resource := range []string{"/a/p", "/a/?", "*/p"} {
		remove := w.s.Faults().Add(awslocal.Fault{Service: "ssm", Resource: resource, Code: "InternalServerError"})
		for _, name := range []string{"/a/p", "/a/p:1", "arn:aws:ssm:us-east-1:111111111111:parameter/a/p"} {
			_, err := w.get(name)
			wantCode(t, err, "InternalServerError", "injected fault")
		}
		wantCode(t, list("/a/q", "/a/p"), "InternalServerError", "injected fault")
		_, err := w.c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/a/p")})
		wantCode(t, err, "InternalServerError", "")
		remove()
	}
	w.s.Faults().Add(awslocal.Fault{Service: "ssm", Resource: "/a/p", Code: "ThrottlingException"})
	if err := list("/a/q"); err != nil {
		t.Error(err)
	}
	w.s.Faults().Clear()
	w.s.Faults().Add(awslocal.Fault{Service: "ssm", Operation: "AddTagsToResource", Resource: "/a/new", Code: "AccessDeniedException"})
	_, err := w.put("/a/new", canary, tagged("a", "b"))
	wantCode(t, err, "AccessDeniedException", "")
}

func TestTheLedgerHasNamesAndNoValues(t *testing.T) {
	w := newWorld(t)
	w.mustPut("/a/p", canary, secure)
	if _, err := w.c.GetParameters(t.Context(), &sdk.GetParametersInput{Names: []string{"/a/p:1", "/a/q"}}); err != nil {
		t.Fatal(err)
	}
	calls := w.s.Ledger().Calls().Where(awslocal.Match{Service: "ssm"})
	if len(calls) != 2 || calls[0].Operation != "PutParameter" || calls[0].Resource != "/a/p" || calls[1].Resource != "/a/p" || len(calls[1].More) != 1 || calls[1].More[0] != "/a/q" {
		t.Errorf("%+v", calls)
	}
}
