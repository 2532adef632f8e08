package awslocal_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

func TestQueuesAndRulesAreThereFromTheStart(t *testing.T) {
	s := newServer(t, awslocal.Options{Seed: parseSeed(t, `
accounts:
  "111111111111":
    regions:
      us-east-1:
        topics: {failures: {}}
        queues:
          a-queue:
            visibilityTimeout: 0
            waitTime: 20
            retention: 60
            redrive: {queue: the-dead, after: 5}
            policy: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {AWS: 222222222222}, Action: "sqs:SendMessage", Resource: "*"}]}
          the-dead: {}
        rules:
          changes:
            pattern: {source: [aws.secretsmanager], detail: {count: [{numeric: [">", 1]}], on: [true], none: [null], account: ["111111111111"]}}
            targets: [queue/a-queue, topic/failures, "arn:aws:sqs:us-east-1:222222222222:theirs"]
            enabled: false
          pasted: {pattern: '{"source": ["x"]}', targets: []}
`)})
	url := awslocal.QueueURL("111111111111", "us-east-1", "a-queue")
	q := sqs.NewFromConfig(config(s, "us-east-1", key("111111111111")))
	got, err := q.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"VisibilityTimeout": "0", "ReceiveMessageWaitTimeSeconds": "20", "MessageRetentionPeriod": "60",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111111111111:the-dead","maxReceiveCount":5}`,
	} {
		if got.Attributes[name] != want {
			t.Errorf("%s: %q, want %q", name, got.Attributes[name], want)
		}
	}
	for account, want := range map[string]string{"222222222222": "", "333333333333": "AccessDenied"} {
		_, err := sqs.NewFromConfig(config(s, "us-east-1", key(account))).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
		if want == "" && err != nil {
			t.Errorf("%s: %v", account, err)
		} else if want != "" {
			wantCode(t, err, want, 403, "no resource-based policy")
		}
	}
	e := eventbridge.NewFromConfig(config(s, "us-east-1", key("111111111111")))
	rule, err := e.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String("changes")})
	if err != nil || rule.State != "DISABLED" ||
		*rule.EventPattern != `{"detail":{"account":["111111111111"],"count":[{"numeric":["\u003e",1]}],"none":[null],"on":[true]},"source":["aws.secretsmanager"]}` {
		t.Errorf("%+v, %v", rule, err)
	}
	targets, err := e.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: aws.String("changes")})
	if err != nil || len(targets.Targets) != 3 || *targets.Targets[0].Arn != "arn:aws:sqs:us-east-1:111111111111:a-queue" || *targets.Targets[1].Arn != "arn:aws:sns:us-east-1:111111111111:failures" {
		t.Errorf("%+v, %v", targets, err)
	}
}

func TestASeedFileNamesWhatIsWrongWithQueuesRulesAndClusters(t *testing.T) {
	for yaml, want := range map[string]string{
		"queues: {a.fifo: {}}":                                        "6:18: a queue is named",
		"queues: {a: {waitTime: 21}}":                                 "6:32: must be a number between 0 and 20",
		"queues: {a: {visibilityTimeout: x}}":                         "must be a number between 0 and 43200",
		"queues: {a: {redrive: {queue: b, after: 1}}}":                "6:39: not another queue of this Region",
		"queues: {a: {redrive: {queue: a, after: 1}}}":                "not another queue of this Region",
		"queues: {a: {}, b: {redrive: {queue: a}}}":                   "a redrive needs after",
		"queues: {a: {policy: {Version: x}}}":                         "6:30: not a policy",
		"queues: {a: {colour: red}}":                                  "unknown key; a queue has visibilityTimeout",
		"rules: {a b: {pattern: {source: [x]}}}":                      "6:17: a rule is named",
		"rules: {a: {}}":                                              "a rule needs a pattern",
		"rules: {a: {pattern: {source: x}}}":                          `6:30: not an event pattern: "source" must be an object or an array`,
		"rules: {a: {pattern: {source: [x]}, targets: [queue/none]}}": "6:55: neither queue/NAME nor topic/NAME of this Region, nor an ARN",
		"rules: {a: {pattern: {source: [x]}, targets: [none]}}":       "neither queue/NAME nor topic/NAME",
		"rules: {a: {pattern: {source: [x]}, targets: queue/a}}":      "must be a list of up to 5 targets",
		"clusters: {-a: {}}":                                          "6:20: a cluster is named",
		"clusters: {a: {certificateAuthority: '-----BEGIN'}}":         "the certificate authority is not base64",
		"clusters: {a: {status: GONE}}":                               "a cluster is CREATING",
	} {
		_, err := awslocal.ParseSeed(strings.NewReader("\naccounts:\n  '111111111111':\n    regions:\n      us-east-1:\n        "+yaml+"\n"), "seed.yaml")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", yaml, err, want)
		}
	}
	for what, region := range map[string]awslocal.SeedRegion{
		`queue "a b": seed "a b": invalid name`:                     {Queues: map[string]awslocal.SeedQueue{"a b": {}}},
		`queue "a": Value`:                                          {Queues: map[string]awslocal.SeedQueue{"a": {Redrive: &awslocal.SeedRedrive{Queue: "none", After: 1}}}},
		`rule "a": Parameter(s) EventPattern`:                       {Rules: map[string]awslocal.SeedRule{"a": {}}},
		`rule "a": target "queue/none": neither`:                    {Rules: map[string]awslocal.SeedRule{"a": {Targets: []string{"queue/none"}}}},
		`cluster "a": the certificate authority is not base64`:      {Clusters: map[string]awslocal.SeedCluster{"a": {CertificateAuthority: "?"}}},
		`rule "a": Event pattern is not valid. Reason: it is not J`: {Rules: map[string]awslocal.SeedRule{"a": {Pattern: "{"}}},
	} {
		_, err := awslocal.New(awslocal.Options{Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{"111111111111": {Regions: map[string]awslocal.SeedRegion{"us-east-1": region}}}}})
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v, want %q", err, what)
		}
	}
}
