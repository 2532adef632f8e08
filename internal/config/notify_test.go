package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const beforeNotify = `version: 1
stores: {hub: {type: aws-secrets-manager}, dr: {type: aws-secrets-manager, region: eu-west-1}}
syncs: [{name: to-dr, from: hub, select: {prefix: [rds/]}, to: [{store: dr}]}]
`

const wholeNotify = beforeNotify + `notify:
  - sns: {topicArn: "arn:aws-us-gov:sns:us-gov-west-1:111122223333:secretsync.fifo", region: us-gov-east-1, subject: "{{ .Owner }}", text: "a\nb"}
  - smtp:
      host: mail.example.com
      port: 2525
      from: Secret Sync <sync@example.com>
      to: [ops@example.com, "Dev <dev@example.com>"]
      tls: tls
      username: u
      passwordEnv: MAIL_PASSWORD
      caFile: ca.pem
      subject: s
      text: |
        Hello,
          {{ .RunID }}
  - smtp: {host: "::1", from: a@example.com, to: [b@example.com], tls: none, username: u, passwordFile: f}
  - webhook: {url: "https://hooks.example.com/x", secretEnv: KEY, allowLocal: true, caFile: c}
  - webhook: {url: "http://localhost:8080", secretFile: key}
  - slack: {url: "https://example.com/${PREFIX}x", text: t, allowLocal: true}
  - slack: {urlEnv: SLACK_URL}
  - slack: {urlFile: url, caFile: c}
`

func TestNotifyIsReadAsItIsMeant(t *testing.T) {
	want := []Notify{
		{SNS: &NotifySNS{"arn:aws-us-gov:sns:us-gov-west-1:111122223333:secretsync.fifo", "us-gov-east-1", "{{ .Owner }}", "a\nb"}},
		{SMTP: &NotifySMTP{"mail.example.com", 2525, "Secret Sync <sync@example.com>", []string{"ops@example.com", "Dev <dev@example.com>"}, "tls", "u", "MAIL_PASSWORD", "", "ca.pem", "s", "Hello,\n  {{ .RunID }}\n"}},
		{SMTP: &NotifySMTP{Host: "::1", From: "a@example.com", To: []string{"b@example.com"}, TLS: "none", Username: "u", PasswordFile: "f"}},
		{Webhook: &NotifyWebhook{"https://hooks.example.com/x", "KEY", "", true, "c"}},
		{Webhook: &NotifyWebhook{URL: "http://localhost:8080", SecretFile: "key"}},
		{Slack: &NotifySlack{URL: "https://example.com/" + canary + "/x", Text: "t", AllowLocal: true}},
		{Slack: &NotifySlack{URLEnv: "SLACK_URL"}},
		{Slack: &NotifySlack{URLFile: "url", CAFile: "c"}},
	}
	if diff := cmp.Diff(want, mustParse(t, wholeNotify).Notify, cmpopts.IgnoreUnexported(Notify{})); diff != "" {
		t.Error(diff)
	}
}

func TestWhoIsToldMakesNoPlanStale(t *testing.T) {
	without := mustParse(t, beforeNotify).Digest
	for _, notify := range []string{"notify: [{slack: {urlEnv: A}}]\n", "notify: [{slack: {urlEnv: B}}]\n", "notify: [{sns: {topicArn: \"arn:aws:sns:us-east-1:111122223333:t\"}}]\n"} {
		if got := mustParse(t, beforeNotify+notify).Digest; got != without {
			t.Errorf("%s changes the digest", notify)
		}
	}
}

func TestAnErrorOfANotificationHasItsPlaceAndShowsNoVariable(t *testing.T) {
	f := mustParse(t, wholeNotify[:strings.Index(wholeNotify, "  - slack")]+"  - slack: {url: \"https://example.com/${PREFIX}x\"}\n")
	cause := errors.New("template \"text\": " + canary)
	if err := f.NotifyError(0, cause); err == nil || err.Error() != "secretsync.yaml:5:5: notify: "+cause.Error() {
		t.Errorf("got %v", err)
	}
	if err := f.NotifyError(5, cause); err == nil || !strings.HasPrefix(err.Error(), "secretsync.yaml:22:5: notify: what is here") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
	if f.NotifyError(0, nil) != nil {
		t.Error("no error became one")
	}
	kept := strings.Replace(wholeNotify, "${PREFIX}", "", 1) // in a secret, a secret may stand
	f, err := ParseSecret("ssm:x", []byte(kept), testEnv, testKinds())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.NotifyError(0, cause); err == nil || !strings.HasPrefix(err.Error(), "ssm:x:5:5: notify: ") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
}

// notifyBeyondSchema are the rejected cases of notify.txt that no schema can tell from good ones.
var notifyBeyondSchema = map[string]bool{}

func TestTheSchemaKnowsNotify(t *testing.T) {
	s := compiled(t, testKinds())
	if err := s.Validate(asEditor(t, wholeNotify)); err != nil {
		t.Error(err)
	}
	for _, c := range readCases(t, "testdata/notify.txt").cases {
		if err := s.Validate(asEditor(t, c.input)); notifyBeyondSchema[c.name] != (err == nil) {
			t.Errorf("%s: validation said %v", c.name, err)
		}
	}
}
