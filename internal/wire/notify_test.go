package wire_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/notify"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

const canary = "CANARY-55e1-0b7d-4f20"

func parsed(t *testing.T, entries string) *config.File {
	t.Helper()
	const base = `version: 1
stores: {hub: {type: box}, dr: {type: box}}
syncs: [{name: to-dr, from: hub, select: {prefix: [rds/]}, to: [{store: dr}]}]
notify:
`
	env := func(string) (string, bool) { return "https://hooks.example.com/" + canary, true }
	f, err := config.Parse("secretsync.yaml", []byte(base+entries), env, []config.Kind{{Type: "box"}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func deps() notify.Deps {
	return notify.Deps{
		Factory:  awscfg.New(awscfg.Options{}),
		Getenv:   func(name string) (string, bool) { return canary, name == "KEY" },
		ReadFile: func(string) ([]byte, error) { return nil, fs.ErrNotExist },
	}
}

func TestEveryKindOfNotificationIsOpened(t *testing.T) {
	f := parsed(t, `  - sns: {topicArn: "arn:aws:sns:us-east-1:111122223333:t"}
  - smtp: {host: mail.example.com, from: a@example.com, to: [b@example.com], username: u, passwordEnv: KEY}
  - webhook: {url: "https://hooks.example.com/x", secretEnv: KEY}
  - slack: {url: "${URL}"}
`)
	if err := wire.CheckNotify(f); err != nil {
		t.Error(err)
	}
	n, err := wire.OpenNotify(f, deps())
	if err != nil || n.Empty() {
		t.Errorf("%v", err)
	}
	f.Notify = nil
	if n, err = wire.OpenNotify(f, deps()); err != nil || !n.Empty() {
		t.Errorf("%v", err)
	}
}

func TestWhatIsWrongWithNotificationsHasItsPlace(t *testing.T) {
	f := parsed(t, `  - sns: {topicArn: "arn:aws:sns:us-east-1:111122223333:t", text: "{{ .Nobody }}"}
  - webhook: {url: "http://hooks.example.com/x", secretEnv: KEY}
  - slack: {urlEnv: KEY}
`)
	err := wire.CheckNotify(f)
	if err == nil || !strings.HasPrefix(err.Error(), "secretsync.yaml:5:5: notify: template \"text\"") || !strings.Contains(err.Error(), "\nsecretsync.yaml:6:5: notify: url must begin with https") || strings.Contains(err.Error(), ":7:") {
		t.Errorf("got %v", err)
	}
	f = parsed(t, `  - slack: {urlEnv: KEY}
  - webhook: {url: "https://hooks.example.com/x", secretEnv: MISSING}
  - smtp: {host: mail.example.com, from: a@example.com, to: [b@example.com], username: u, passwordFile: gone}
`)
	_, err = wire.OpenNotify(f, deps())
	const want = `secretsync.yaml:5:5: notify: url is not a URL with a host
secretsync.yaml:6:5: notify: the key of the signature: the environment variable MISSING is not set
secretsync.yaml:7:5: notify: password: file does not exist`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
