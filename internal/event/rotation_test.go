package event

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// call is one of Secrets Manager. An empty text leaves a member out.
func call(step, id, token, more string) []byte {
	var members []string
	for _, m := range [][2]string{{"Step", step}, {"SecretId", id}, {"ClientRequestToken", token}} {
		if m[1] != "" {
			members = append(members, fmt.Sprintf("%q: %q", m[0], m[1]))
		}
	}
	return []byte("{" + strings.Join(members, ", ") + more + "}")
}

const (
	stepARN   = "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds/app-a1B2c3"
	stepToken = "f6d1a8b2-3c4e-4f5a-9b6c-7d8e9f0a1b2c"
)

func TestACallOfSecretsManagerIsAStepOfOneSecret(t *testing.T) {
	m := one(t, call("setSecret", stepARN, stepToken, `, "RotationToken": "`+canary+`"`))
	want := &Step{Step: "setSecret", Token: stepToken, RotationToken: secret.Text([]byte(canary)),
		Secret: Hint{Kind: secret.SecretsManager, Account: "111122223333", Region: "us-east-1", Names: []secret.Name{"rds/app"}}}
	if diff := cmp.Diff(want, m.Step); diff != "" {
		t.Error(diff)
	}
	if text := fmt.Sprintf("%v %+v %#v", *m.Step, *m.Step, *m.Step); strings.Contains(text, "CANARY") {
		t.Errorf("the rotation token is printed: %s", text)
	}
}

func TestAStepThatIsNotWhatSecretsManagerSendsIsMalformed(t *testing.T) {
	for name, data := range map[string][]byte{
		"no step":                     call("", stepARN, stepToken, ""),
		"no secret":                   call("setSecret", "", stepToken, ""),
		"no token":                    call("setSecret", stepARN, "", ""),
		"another step":                call(canary, stepARN, stepToken, ""),
		"another case":                call("SetSecret", stepARN, stepToken, ""),
		"a name":                      call("setSecret", canary, stepToken, ""),
		"a part of an ARN":            call("setSecret", strings.TrimSuffix(stepARN, "-a1B2c3"), stepToken, ""),
		"an ARN of nothing":           call("setSecret", "arn:aws:secretsmanager:us-east-1:111122223333:secret:-a1B2c3", stepToken, ""),
		"an ARN of something else":    call("setSecret", "arn:aws:ssm:us-east-1:111122223333:parameter/"+canary+"-a1B2c3", stepToken, ""),
		"an ARN with a version":       call("setSecret", stepARN+":"+canary+"::", stepToken, ""),
		"a short token":               call("setSecret", stepARN, stepToken[:31], ""),
		"a long token":                call("setSecret", stepARN, strings.Repeat("x", 65), ""),
		"a token of two lines":        call("setSecret", stepARN, stepToken+"\n"+canary, ""),
		"a rotation token of no text": call("setSecret", stepARN, stepToken, `, "RotationToken": {"`+canary+`": 1}`),
		"an empty rotation token":     call("setSecret", stepARN, stepToken, `, "RotationToken": ""`),
		"with rotate":                 call("setSecret", stepARN, stepToken, `, "rotate": "due"`),
		"with secrets":                call("setSecret", stepARN, stepToken, `, "secrets": ["`+canary+`"]`),
		"a key twice":                 call("setSecret", stepARN, stepToken, `, "`+canary+` x": 1, "`+canary+` x": 2`),
		"in a list":                   []byte("[" + string(call("setSecret", stepARN, stepToken, "")) + ", {}]"),
	} {
		all, err := Parse(data)
		for _, m := range all {
			if m.Step != nil {
				t.Errorf("%s: a step", name)
			}
			if err == nil {
				err = m.Err
			}
		}
		if err == nil || strings.Contains(err.Error(), "CANARY") || len(err.Error()) > 200 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoEnvelopeHoldsAStep(t *testing.T) {
	step := string(call("createSecret", stepARN, stepToken, ""))
	for name, data := range map[string]string{
		"SQS":            fmt.Sprintf(`{"Records": [{"eventSource": "aws:sqs", "messageId": "id-1", "body": %q}]}`, step),
		"SNS":            fmt.Sprintf(`{"Records": [{"EventSource": "aws:sns", "Sns": {"Message": %q}}]}`, step),
		"a notification": fmt.Sprintf(`{"Type": "Notification", "TopicArn": "arn", "Message": %q}`, step),
		"a pipe":         "[" + step + "]",
	} {
		all, err := Parse([]byte(data))
		for _, m := range all {
			if m.Step != nil || m.Err == nil {
				t.Errorf("%s: %s", name, render(all, nil))
			}
			err = m.Err
		}
		if err == nil || !strings.Contains(err.Error(), "no envelope") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRotationsAreAskedForByNamesOrAsDueAndNeverByOneWord(t *testing.T) {
	for data, want := range map[string]string{
		`{"rotate": "due"}`:                          "rotate: due\n",
		`{"rotate": ["due", "app/db", "due"]}`:       "rotate: [\"due\" \"app/db\"]\n",
		`{"rotate": "app/db"}`:                       `error: read event: malformed: rotate: want "due", or a list of names` + "\n",
		`{"rotate": null}`:                           "error: read event: malformed: rotate is no list of texts\n",
		`{"rotate": [""]}`:                           "error: read event: malformed: rotate: want texts of 1 to 2048 bytes\n",
		`{"rotate": "due", "only": ["a"]}`:           "error: read event: malformed: rotate does not go together with other keys\n",
		`{"rotate": ["` + stepARN + `"]}`:            "error: read event: malformed: rotate: want names as the configuration has them, no ARNs\n",
		`{"rotate": "due", "rotate": ["app/db"]}`:    "error: read event: malformed: rotate is there twice\n",
		`{"Rotate": "due"}`:                          `error: read event: malformed: unknown key "Rotate": a direct call has sync, syncs, only, secret, secrets, rotate` + "\n",
		`{"rotate": [` + many("a", 1001) + `]}`:      "error: read event: malformed: rotate: 1001 are named, and one call may name 1000\n",
		`{"rotate": ["` + canary + `", {"x": "y"}]}`: "error: read event: malformed: rotate is no list of texts\n",
	} {
		if got := render(Parse([]byte(data))); got != want {
			t.Errorf("%.60s: got %s", data, got)
		}
	}
}

func many(name string, n int) string {
	return strings.TrimSuffix(strings.Repeat(`"`+name+`",`, n), ",")
}

func TestAMessageOfSQSSaysWhenItWasSent(t *testing.T) {
	for attributes, want := range map[string]time.Time{
		`{"SentTimestamp": "1772600767123"}`: time.Date(2026, 3, 4, 5, 6, 7, 123e6, time.UTC),
		`{"SentTimestamp": "soon"}`:          {},
		`{"SentTimestamp": "-5"}`:            {},
		`{"SentTimestamp": 1772600767123}`:   {},
		`{}`:                                 {},
		`null`:                               {},
	} {
		m := one(t, []byte(`{"Records": [{"eventSource": "aws:sqs", "messageId": "id-1", "attributes": `+attributes+`, "body": "{}"}]}`))
		if !m.Sent.Equal(want) {
			t.Errorf("%s: got %v", attributes, m.Sent)
		}
	}
}
