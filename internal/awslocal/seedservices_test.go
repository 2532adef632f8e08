package awslocal_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

func TestParametersAndTopicsAreThereFromTheStart(t *testing.T) {
	var log bytes.Buffer
	s := newServer(t, awslocal.Options{
		ListLag: time.Hour,
		Log:     slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Seed: parseSeed(t, `
accounts:
  "111111111111":
    regions:
      us-east-1:
        keys: {alias/app: {}}
        parameters:
          /app/db: {value: canary-7c1f, description: d, kmsKey: alias/app, tags: {team: blue}}
          /app/level: {value: 007, type: String, tier: Advanced}
        topics:
          failures: {displayName: Failures}
          others:
`)})
	c := ssm.NewFromConfig(config(s, "us-east-1", key("111111111111")))
	list, err := c.DescribeParameters(ctx, &ssm.DescribeParametersInput{})
	if err != nil || len(list.Parameters) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	db, level := list.Parameters[0], list.Parameters[1]
	if *db.Name != "/app/db" || db.Type != "SecureString" || *db.KeyId != "alias/app" || *db.Description != "d" || db.Version != 1 || level.Tier != "Advanced" || level.Type != "String" {
		t.Errorf("%+v, %+v", db, level)
	}
	for name, want := range map[string]string{"/app/db": "canary-7c1f", "/app/level": "007"} {
		out, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		if err != nil || *out.Parameter.Value != want {
			t.Errorf("%s: not the value: %v", name, err)
		}
	}
	topics, err := sns.NewFromConfig(config(s, "us-east-1", key("111111111111"))).ListTopics(ctx, &sns.ListTopicsInput{})
	if err != nil || len(topics.Topics) != 2 || *topics.Topics[0].TopicArn != "arn:aws:sns:us-east-1:111111111111:failures" {
		t.Errorf("%v, %v", topics, err)
	}
	if strings.Contains(log.String(), "canary") || !strings.Contains(log.String(), "resource=/app/db") {
		t.Errorf("the log: %s", log.String())
	}
}

func TestASeedFileNamesWhatIsWrongWithAParameterWithoutItsValue(t *testing.T) {
	for yaml, want := range map[string]string{
		"parameters: {a/b: {value: canary}}":                          "6:22: not a parameter: Parameter name must be a fully qualified name",
		"parameters: {p: {}}":                                         "6:22: not a parameter: 1 validation error detected: Value at 'value'",
		"parameters: {p: {value: '{{canary}}'}}":                      "nest another parameter",
		"parameters: {p: {value: " + strings.Repeat("c", 4097) + "}}": "6:22: not a parameter: Standard tier",
		"parameters: {p: {value: canary, typ: x}}":                    "unknown key; a parameter has value, type",
		"parameters: {p: {value: canary, kmsKey: alias/x}}":           "6:49: a key that is not among the keys of this Region",
		"parameters: {p: {value: canary, type: Secret}}":              "enum value set",
		"topics: {a b: {}}":                                           "6:18: a topic is named",
		"topics: {a: {x: y}}":                                         "unknown key; a topic has displayName",
	} {
		_, err := awslocal.ParseSeed(strings.NewReader("\naccounts:\n  '111111111111':\n    regions:\n      us-east-1:\n        "+yaml+"\n"), "seed.yaml")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%.60s: error %v, want %q", yaml, err, want)
		}
	}
	if got := fmt.Sprintf("%v %+v %#v", awslocal.SeedParameter{Value: "canary"}, awslocal.SeedParameter{Value: "canary"}, awslocal.SeedParameter{Value: "canary"}); strings.Contains(got, "canary") {
		t.Errorf("a seed prints %s", got)
	}
}
