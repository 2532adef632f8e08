package notify

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSettingsThatCanNotWorkAreRefusedAndNotQuoted(t *testing.T) {
	mailTo := func(change func(*SMTP)) Settings {
		s := &SMTP{Host: "mail.example.com", From: "a@example.com", To: []string{"b@example.com"}}
		change(s)
		return Settings{SMTP: s}
	}
	hookTo := func(url string, local bool) Settings {
		return Settings{Webhook: &Webhook{URL: url, SecretEnv: "SECRET", AllowLocal: local}}
	}
	for i, c := range []struct {
		s    Settings
		want string
	}{
		{Settings{}, "exactly one of"},
		{Settings{SNS: &SNS{TopicARN: topicARN}, Slack: &Slack{URLEnv: "SECRET"}}, "exactly one of"},
		{Settings{SNS: &SNS{TopicARN: "arn:aws:sqs:eu-west-1:111122223333:" + canary}}, "topicArn is not"},
		{mailTo(func(s *SMTP) { s.Host = "" }), "host is not"},
		{mailTo(func(s *SMTP) { s.Port = 70000 }), "port must be"},
		{mailTo(func(s *SMTP) { s.From = canary }), "from is not"},
		{mailTo(func(s *SMTP) { s.To = nil }), "to names nobody"},
		{mailTo(func(s *SMTP) { s.To = []string{"x\r\nBcc: a@b.c"} }), "to has an entry"},
		{mailTo(func(s *SMTP) { s.TLS = canary }), "tls must be"},
		{mailTo(func(s *SMTP) { s.Username = "u" }), "give both or none"},
		{mailTo(func(s *SMTP) { s.PasswordEnv = "SECRET" }), "give both or none"},
		{mailTo(func(s *SMTP) { s.Username, s.PasswordEnv, s.PasswordFile = "u", "SECRET", "f" }), "give one of them"},
		{mailTo(func(s *SMTP) { s.Username, s.PasswordEnv, s.TLS = "u", "SECRET", NoTLS }), "to this machine only"},
		{mailTo(func(s *SMTP) { s.Subject = "{{ .Nobody }}" }), `template "subject"`},
		{mailTo(func(s *SMTP) { s.Username, s.PasswordEnv = "u", "NOT_SET" }), "password: the environment variable NOT_SET is not set"},
		{mailTo(func(s *SMTP) { s.Username, s.PasswordEnv = "u", "EMPTY" }), "password: it is empty"},
		{mailTo(func(s *SMTP) { s.CAFile = "missing" }), "caFile: open missing"},
		{hookTo("http://hooks.example.com/"+canary, false), "must begin with https"},
		{hookTo("http://hooks.example.com/"+canary, true), "must begin with https"},
		{hookTo("http://127.0.0.1/"+canary, false), "must begin with https"},
		{hookTo("ftp://hooks.example.com/"+canary, true), "must begin with https"},
		{hookTo("https://user:"+canary+"@hooks.example.com/", true), "a user name or a password"},
		{hookTo("https:///"+canary, true), "not a URL with a host"},
		{hookTo("https://%zz/"+canary, true), "not a URL with a host"},
		{hookTo("https://127.0.0.1/"+canary, false), "it is this machine"},
		{hookTo("https://[::ffff:127.0.0.1]/"+canary, false), "it is this machine"},
		{hookTo("https://169.254.169.254/"+canary, true), "metadata address"},
		{hookTo("https://[fe80::1%25eth0]/"+canary, false), "link-local"},
		{Settings{Webhook: &Webhook{URL: "https://a.example.com"}}, "give one of secretEnv and secretFile"},
		{Settings{Webhook: &Webhook{URL: "https://a.example.com", SecretEnv: "SHORT"}}, "shorter than 16 characters"},
		{Settings{Webhook: &Webhook{URL: "https://a.example.com", SecretFile: "missing"}}, "open missing"},
		{Settings{Slack: &Slack{}}, "give one of url, urlEnv and urlFile"},
		{Settings{Slack: &Slack{URLEnv: "SECRET"}}, "not a URL with a host"},
		{Settings{Slack: &Slack{URLEnv: "NOT_SET"}}, "NOT_SET is not set"},
	} {
		_, err := Open([]Settings{c.s}, deps(t))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%d: got %v, want %s", i, err, c.want)
		}
		var at *OpenError
		if !errors.As(err, &at) || at.Index != 0 {
			t.Errorf("%d: no place in %v", i, err)
		}
	}
	if _, err := Open([]Settings{{SNS: &SNS{TopicARN: topicARN}}}, deps(t)); err == nil {
		t.Error("a topic was opened without a way to AWS")
	}
}

func TestCheckReadsNoVariableAndNoFile(t *testing.T) {
	for _, s := range []Settings{
		{Slack: &Slack{URLEnv: "NOT_SET"}}, {Slack: &Slack{URLFile: "missing"}}, {Webhook: &Webhook{URL: "https://a.example.com", SecretFile: "missing", CAFile: "missing"}},
		{SMTP: &SMTP{Host: "h", From: "a@b.c", To: []string{"d@e.f"}, Username: "u", PasswordEnv: "NOT_SET"}},
		{SMTP: &SMTP{Host: "::1", From: "a@b.c", To: []string{"d@e.f"}, TLS: NoTLS, Username: "u", PasswordEnv: "NOT_SET"}},
	} {
		if err := Check(s); err != nil {
			t.Error(err)
		}
	}
}

func TestACertificateFileMustHoldOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open([]Settings{{Webhook: &Webhook{URL: "https://a.example.com", SecretEnv: "SECRET", CAFile: file}}}, deps(t))
	if err == nil || !strings.Contains(err.Error(), "no certificate") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
}

func TestEveryDestinationIsTriedAndEachThatFailsIsNamed(t *testing.T) {
	good, bad := receive(t, 200), receive(t, 404)
	o := openOffice(t, nil, false)
	n, err := Open([]Settings{hookAt(bad.URL), {SMTP: o.settings()}, {Slack: &Slack{URL: bad.URL + "/" + canary, AllowLocal: true}}, hookAt(good.URL)}, deps(t))
	if err != nil {
		t.Fatal(err)
	}
	errs := n.Send(t.Context(), message())
	if len(errs) != 2 || !strings.HasPrefix(errs[0].Error(), "notify webhook 127.0.0.1:") || !strings.HasPrefix(errs[1].Error(), "notify slack 127.0.0.1:") {
		t.Errorf("got %v", errs)
	}
	if len(good.requests()) != 1 || len(o.letters()) != 1 {
		t.Errorf("%d requests, %d mails", len(good.requests()), len(o.letters()))
	}
	if strings.Contains(fmt.Sprint(errs), canary) {
		t.Error("a secret is shown")
	}
}

func TestNobodyToTellIsNoError(t *testing.T) {
	n, err := Open(nil, Deps{})
	if err != nil || !n.Empty() || n.Send(t.Context(), message()) != nil {
		t.Errorf("%v", err)
	}
	var none *Notifier
	if !none.Empty() || none.Send(t.Context(), message()) != nil {
		t.Error("nil is not nobody")
	}
}
