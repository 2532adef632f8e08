package events_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const (
	account = "111111111111"
	queue   = "arn:aws:sqs:us-east-1:111111111111:events"
	dead    = "arn:aws:sqs:us-east-1:111111111111:dead"
	topic   = "arn:aws:sns:us-east-1:111111111111:failures"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newServer(t *testing.T, change ...func(*awslocal.Options)) *awslocal.Server {
	t.Helper()
	o := awslocal.Options{
		Clock: func() time.Time { return now },
		Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{account: {Regions: map[string]awslocal.SeedRegion{"us-east-1": {
			Queues: map[string]awslocal.SeedQueue{"events": {}, "dead": {}}, Topics: map[string]awslocal.SeedTopic{"failures": {}},
		}}}}},
	}
	for _, c := range change {
		c(&o)
	}
	s, err := awslocal.New(o)
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

func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("error %v, want %s, %q", err, code, text)
	}
}

func putRule(t *testing.T, c *sdk.Client, name, pattern string, targets ...types.Target) {
	t.Helper()
	if _, err := c.PutRule(t.Context(), &sdk.PutRuleInput{Name: &name, EventPattern: &pattern}); err != nil {
		t.Fatal(err)
	}
	if len(targets) > 0 {
		if out, err := c.PutTargets(t.Context(), &sdk.PutTargetsInput{Rule: &name, Targets: targets}); err != nil || out.FailedEntryCount != 0 {
			t.Fatal(err)
		}
	}
}

func put(t *testing.T, c *sdk.Client, detail string) *sdk.PutEventsOutput {
	t.Helper()
	out, err := c.PutEvents(t.Context(), &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("my.app"), DetailType: aws.String("Happened"), Detail: &detail, Resources: []string{"arn:x"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func target(arn string) types.Target { return types.Target{Id: aws.String("t"), Arn: &arn} }

func TestEventsComeToTheTargetsOfTheRulesThatMatch(t *testing.T) {
	s := newServer(t)
	c := client(s, account)
	putRule(t, c, "mine", `{"source": ["my.app"], "detail": {"n": [1]}}`, target(queue), types.Target{Id: aws.String("u"), Arn: aws.String(topic)})
	putRule(t, c, "others", `{"source": ["other.app"]}`, target(queue))
	out := put(t, c, `{"n": 1, "text": "a < b & c"}`)
	put(t, c, `{"n": 2}`)
	held := s.QueueMessages(queue)
	want := `{"version":"0","id":"` + *out.Entries[0].EventId + `","detail-type":"Happened","source":"my.app","account":"111111111111","time":"2026-03-01T12:00:00Z",` +
		`"region":"us-east-1","resources":["arn:x"],"detail":{"n":1,"text":"a < b & c"}}`
	if len(held) != 1 || held[0].Body != want {
		t.Errorf("%+v\nwant %s", held, want)
	}
	if published := s.Published(topic); len(published) != 1 || published[0].Message != want || published[0].Principal != "events.amazonaws.com" {
		t.Errorf("%+v", published)
	}
	if n := s.Ledger().Count(awslocal.Match{Service: "sqs", Operation: "SendMessage", Resource: queue, Internal: true, Outcome: awslocal.OK}); n != 1 {
		t.Errorf("%d deliveries in the ledger", n)
	}
	if _, err := c.DisableRule(t.Context(), &sdk.DisableRuleInput{Name: aws.String("mine")}); err != nil {
		t.Fatal(err)
	}
	put(t, c, `{"n": 1}`)
	if n := len(s.QueueMessages(queue)); n != 1 {
		t.Errorf("a disabled rule delivers: %d messages", n)
	}
	if _, err := c.EnableRule(t.Context(), &sdk.EnableRuleInput{Name: aws.String("mine")}); err != nil {
		t.Fatal(err)
	}
	put(t, c, `{"n": 1}`)
	if n := len(s.QueueMessages(queue)); n != 2 {
		t.Errorf("%d messages", n)
	}
	put(t, client(s, "222222222222"), `{"n": 1}`)
	if n := len(s.QueueMessages(queue)); n != 2 {
		t.Errorf("an event of another account came: %d messages", n)
	}
}

func TestWhatCannotBeDeliveredGoesToTheDeadLetterQueue(t *testing.T) {
	s := newServer(t)
	c := client(s, account)
	putRule(t, c, "r", `{"source": ["my.app"]}`, types.Target{Id: aws.String("t"), Arn: aws.String(queue + "-none"), DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String(dead)}})
	put(t, c, `{}`)
	if n := len(s.QueueMessages(dead)); n != 1 {
		t.Errorf("%d dead letters", n)
	}
	if n := s.Ledger().Count(awslocal.Match{Internal: true, Outcome: "QueueDoesNotExist"}); n != 1 {
		t.Errorf("%d failures in the ledger", n)
	}
}

func TestFaultsMeanDeliveriesToo(t *testing.T) {
	s := newServer(t)
	c := client(s, account)
	putRule(t, c, "r", `{"source": ["my.app"]}`, target(queue))
	count := func(f awslocal.Fault) int {
		before := len(s.QueueMessages(queue))
		defer s.Faults().Add(f)()
		put(t, c, `{}`)
		return len(s.QueueMessages(queue)) - before
	}
	for _, f := range []struct {
		what  string
		fault awslocal.Fault
		want  int
	}{
		{"nothing", awslocal.Fault{Service: "sqs", Operation: "ReceiveMessage", Code: "x"}, 1},
		{"never", awslocal.Fault{Service: "sqs", Operation: "SendMessage", Delivery: service.DeliveryNever}, 0},
		{"twice", awslocal.Fault{Service: "sqs", Operation: "SendMessage", Resource: "events", Delivery: service.DeliveryTwice}, 2},
		{"drop", awslocal.Fault{Service: "sqs", Drop: true}, 0},
		{"refuse", awslocal.Fault{Service: "sqs", Code: "InternalFailure"}, 0},
		{"late", awslocal.Fault{Service: "sqs", Delay: time.Hour}, 1},
		{"another queue", awslocal.Fault{Service: "sqs", Resource: "dead", Drop: true}, 1},
	} {
		if got := count(f.fault); got != f.want {
			t.Errorf("%s: %d messages, want %d", f.what, got, f.want)
		}
	}
	late := 0
	for _, m := range s.QueueMessages(queue) {
		if m.Visible.Equal(now.Add(time.Hour)) {
			late++
		}
	}
	if late != 1 {
		t.Errorf("%d late messages", late)
	}
}

func TestWithIAMAQueueHasToLetEventBridgeIn(t *testing.T) {
	const open = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
		"Resource": "` + queue + `", "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:events:us-east-1:111111111111:rule/r"}}}]}`
	for policy, want := range map[string]int{"": 0, open: 1, strings.Replace(open, "rule/r", "rule/other", 1): 0} {
		s := newServer(t, func(o *awslocal.Options) {
			o.EnforceIAM = true
			a := o.Seed.Accounts[account]
			a.Users = map[string]awslocal.SeedUser{"root": {AccessKeyID: account}}
			a.Regions["us-east-1"].Queues["events"] = awslocal.SeedQueue{Policy: policy}
			o.Seed.Accounts[account] = a
		})
		c := client(s, account)
		putRule(t, c, "r", `{"source": ["my.app"]}`, target(queue))
		put(t, c, `{}`)
		if n := len(s.QueueMessages(queue)); n != want {
			t.Errorf("with the policy %q: %d messages, want %d", policy, n, want)
		}
		if n := s.Ledger().Count(awslocal.Match{Internal: true, Outcome: "AccessDenied"}); n != 1-want {
			t.Errorf("with the policy %q: %d denials in the ledger", policy, n)
		}
	}
}

func TestRulesAndTargetsAreMadeListedAndForgotten(t *testing.T) {
	s := newServer(t)
	c := client(s, account)
	ctx := t.Context()
	const pattern = `{"source": ["my.app"]}`
	made, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("a"), EventPattern: aws.String(pattern), Description: aws.String("d"), State: types.RuleStateDisabled,
		EventBusName: aws.String("arn:aws:events:us-east-1:111111111111:event-bus/default")})
	if err != nil || *made.RuleArn != "arn:aws:events:us-east-1:111111111111:rule/a" {
		t.Fatalf("%v, %v", made, err)
	}
	if _, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("b"), ScheduleExpression: aws.String("rate(1 hour)")}); err != nil {
		t.Fatal(err)
	}
	d, err := c.DescribeRule(ctx, &sdk.DescribeRuleInput{Name: aws.String("a")})
	if err != nil || *d.EventPattern != pattern || d.State != types.RuleStateDisabled || *d.Description != "d" || *d.EventBusName != "default" || *d.CreatedBy != account {
		t.Errorf("%+v, %v", d, err)
	}
	list, err := c.ListRules(ctx, &sdk.ListRulesInput{Limit: aws.Int32(1)})
	if err != nil || len(list.Rules) != 1 || *list.Rules[0].Name != "a" || list.NextToken == nil {
		t.Fatalf("%+v, %v", list, err)
	}
	if list, err = c.ListRules(ctx, &sdk.ListRulesInput{NextToken: list.NextToken}); err != nil || len(list.Rules) != 1 || *list.Rules[0].ScheduleExpression != "rate(1 hour)" || list.NextToken != nil {
		t.Errorf("%+v, %v", list, err)
	}
	targets := func(change func(*types.Target)) error {
		x := target(queue)
		x.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(3)}
		change(&x)
		_, err := c.PutTargets(ctx, &sdk.PutTargetsInput{Rule: aws.String("a"), Targets: []types.Target{x}})
		return err
	}
	for range 2 {
		if err := targets(func(*types.Target) {}); err != nil {
			t.Error(err)
		}
	}
	wantCode(t, targets(func(x *types.Target) { x.InputPath = aws.String("$.detail") }), "ValidationException", "InputPath")
	wantCode(t, targets(func(x *types.Target) { x.InputTransformer = &types.InputTransformer{InputTemplate: aws.String("x")} }), "ValidationException", "InputTransformer")
	wantCode(t, targets(func(x *types.Target) { x.Arn = aws.String("arn:aws:lambda:us-east-1:111111111111:function:f") }), "ValidationException", "queues and topics")
	wantCode(t, targets(func(x *types.Target) { x.Arn = aws.String(strings.Replace(queue, "us-east-1", "eu-west-1", 1)) }), "ValidationException", "Region")
	wantCode(t, targets(func(x *types.Target) { x.Arn = aws.String("events") }), "ValidationException", "Arn is not in correct format")
	for i, id := range []string{"t2", "t3", "t4", "t5"} {
		if err := targets(func(x *types.Target) { x.Id = &id }); err != nil {
			t.Error(i, err)
		}
	}
	wantCode(t, targets(func(x *types.Target) { x.Id = aws.String("t6") }), "LimitExceededException", "")
	has, err := c.ListTargetsByRule(ctx, &sdk.ListTargetsByRuleInput{Rule: aws.String("a")})
	if err != nil || len(has.Targets) != 5 || *has.Targets[0].Arn != queue || *has.Targets[0].RetryPolicy.MaximumRetryAttempts != 3 {
		t.Errorf("%+v, %v", has, err)
	}
	_, err = c.DeleteRule(ctx, &sdk.DeleteRuleInput{Name: aws.String("a")})
	wantCode(t, err, "ValidationException", "has targets")
	if _, err := c.RemoveTargets(ctx, &sdk.RemoveTargetsInput{Rule: aws.String("a"), Ids: []string{"t", "t2", "t3", "t4", "t5"}}); err != nil {
		t.Error(err)
	}
	for range 2 {
		if _, err := c.DeleteRule(ctx, &sdk.DeleteRuleInput{Name: aws.String("a")}); err != nil {
			t.Error(err)
		}
	}
	_, err = c.DescribeRule(ctx, &sdk.DescribeRuleInput{Name: aws.String("a")})
	wantCode(t, err, "ResourceNotFoundException", "Rule a does not exist on EventBus default.")
	for _, bad := range []struct {
		in         sdk.PutRuleInput
		code, text string
	}{
		{sdk.PutRuleInput{Name: aws.String("a b"), EventPattern: aws.String(pattern)}, "ValidationException", "name"},
		{sdk.PutRuleInput{Name: aws.String("a")}, "ValidationException", "EventPattern or ScheduleExpression"},
		{sdk.PutRuleInput{Name: aws.String("a"), EventPattern: aws.String(`{"a": "x"}`)}, "InvalidEventPatternException", "Event pattern is not valid"},
		{sdk.PutRuleInput{Name: aws.String("a"), EventPattern: aws.String(pattern), EventBusName: aws.String("mine")}, "ResourceNotFoundException", "Event bus mine does not exist."},
	} {
		_, err := c.PutRule(ctx, &bad.in)
		wantCode(t, err, bad.code, bad.text)
	}
}

func TestPutEventsRefusesOneByOne(t *testing.T) {
	c := client(newServer(t), account)
	entry := func(source, kind, detail string) types.PutEventsRequestEntry {
		return types.PutEventsRequestEntry{Source: &source, DetailType: &kind, Detail: &detail}
	}
	out, err := c.PutEvents(t.Context(), &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		entry("", "t", "{}"), entry("s", "", "{}"), entry("s", "t", "[]"), entry("aws.secretsmanager", "t", "{}"), entry("s", "t", "{} {}"), entry("s", "t", "{}"),
	}})
	if err != nil || out.FailedEntryCount != 5 || len(out.Entries) != 6 || out.Entries[5].EventId == nil {
		t.Fatalf("%+v, %v", out, err)
	}
	for i, want := range []string{"InvalidArgument", "InvalidArgument", "MalformedDetail", "NotAuthorizedForSourceException", "MalformedDetail"} {
		if got := out.Entries[i].ErrorCode; got == nil || *got != want {
			t.Errorf("entry %d: %v, want %s", i, got, want)
		}
	}
}

func TestAPatternCanBeTriedWithoutARule(t *testing.T) {
	c := client(newServer(t), account)
	event, err := json.Marshal(map[string]any{"id": "1", "account": account, "source": "my.app", "time": "2026-03-01T12:00:00Z", "region": "us-east-1", "resources": []string{}, "detail-type": "x"})
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]bool{`{"source": ["my.app"]}`: true, `{"source": ["x"]}`: false} {
		out, err := c.TestEventPattern(t.Context(), &sdk.TestEventPatternInput{EventPattern: &pattern, Event: aws.String(string(event))})
		if err != nil || out.Result != want {
			t.Errorf("%s: %v, %v", pattern, out, err)
		}
	}
	_, err = c.TestEventPattern(t.Context(), &sdk.TestEventPatternInput{EventPattern: aws.String(`{}`), Event: aws.String(string(event))})
	wantCode(t, err, "InvalidEventPatternException", "")
	_, err = c.TestEventPattern(t.Context(), &sdk.TestEventPatternInput{EventPattern: aws.String(`{"source": ["x"]}`), Event: aws.String(`{}`)})
	wantCode(t, err, "ValidationException", "id is a required argument")
}

func TestWithIAMRulesTakePermissions(t *testing.T) {
	seed, err := awslocal.ParseSeed(strings.NewReader(`
accounts:
  "111111111111":
    users:
      some: {accessKeyId: some, policies: [{Version: 2012-10-17, Statement: [{Effect: Allow, Action: "events:PutRule", Resource: "arn:aws:events:us-east-1:111111111111:rule/mine"}]}]}
`), "seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := client(newServer(t, func(o *awslocal.Options) { o.EnforceIAM, o.Seed = true, seed }), "some")
	putRule(t, c, "mine", `{"source": ["x"]}`)
	_, err = c.PutRule(t.Context(), &sdk.PutRuleInput{Name: aws.String("other"), EventPattern: aws.String(`{"source": ["x"]}`)})
	wantCode(t, err, "AccessDeniedException", "events:PutRule on resource: arn:aws:events:us-east-1:111111111111:rule/other")
	_, err = c.PutTargets(t.Context(), &sdk.PutTargetsInput{Rule: aws.String("mine"), Targets: []types.Target{target(queue)}})
	wantCode(t, err, "AccessDeniedException", "events:PutTargets")
}
