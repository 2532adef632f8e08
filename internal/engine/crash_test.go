package engine_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

const pair = `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  spokes: {type: aws-secrets-manager, role: R}
syncs:
  - {name: s, from: hub, select: {prefix: [app/]}, to: [{store: spokes, accounts: ["111111111111", "222222222222"]}], deletion: delete}
`

// numbered returns the version id with a number, so that two labs come to the same state.
func numbered(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// version gives a secret of the hub a value under a numbered version.
func (l *lab) version(name string, n int) {
	l.t.Helper()
	value, id := fmt.Sprint(name, " at ", n), numbered(n)
	if _, err := l.as(hub, east).CreateSecret(l.t.Context(), &sm.CreateSecretInput{Name: &name, SecretString: &value, ClientRequestToken: &id}); err == nil {
		l.tag(hub, east, name, "k", "v")
		return
	}
	if _, err := l.as(hub, east).PutSecretValue(l.t.Context(), &sm.PutSecretValueInput{SecretId: &name, SecretString: &value, ClientRequestToken: &id}); err != nil {
		l.t.Fatal(err)
	}
}

// state shows everything that the accounts hold, but for times: one line a secret, with its value, every version that it ever had, and its tags.
func (l *lab) state(region string, accounts ...string) string {
	l.t.Helper()
	var all []string
	for _, account := range accounts {
		c := l.as(account, region)
		out, err := c.ListSecrets(l.t.Context(), &sm.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true)})
		if err != nil {
			l.t.Fatal(err)
		}
		for _, s := range out.SecretList {
			line := fmt.Sprintf("%s %s %q", account, *s.Name, aws.ToString(s.Description))
			versions, err := c.ListSecretVersionIds(l.t.Context(), &sm.ListSecretVersionIdsInput{SecretId: s.Name, IncludeDeprecated: aws.Bool(true)})
			if err != nil {
				l.t.Fatal(err)
			}
			var parts []string
			for _, v := range versions.Versions {
				slices.Sort(v.VersionStages)
				parts = append(parts, fmt.Sprint(*v.VersionId, v.VersionStages))
			}
			for k, v := range l.tags(account, region, *s.Name) {
				if k == "secretsync:deleting" {
					v = "some time"
				}
				parts = append(parts, k+"="+v)
			}
			slices.Sort(parts)
			line += " " + strings.Join(parts, " ")
			if s.DeletedDate != nil {
				line += " DELETED"
			} else {
				value, _ := l.value(account, region, *s.Name)
				line += " " + value
			}
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// stories are what may happen before the run that is killed.
var stories = []struct {
	name    string
	options engine.Options
	synced  bool // a run was made before
	happens func(*lab)
}{
	{name: "first copy", happens: func(*lab) {}},
	{name: "update", synced: true, happens: func(l *lab) { l.version("app/a", 2); l.version("app/b", 2) }},
	{name: "rollback", synced: true, happens: func(l *lab) {
		l.version("app/a", 2)
		l.sync(l.engine(pair), engine.Options{})
		l.moveCurrent(hub, east, "app/a", numbered(1))
	}},
	{name: "metadata", synced: true, happens: func(l *lab) {
		for _, name := range []string{"app/a", "app/b"} {
			l.tag(hub, east, name, "k", "other")
			if _, err := l.as(hub, east).UpdateSecret(l.t.Context(), &sm.UpdateSecretInput{SecretId: &name, Description: ptr("new"), ClientRequestToken: ptr(numbered(9))}); err != nil {
				l.t.Fatal(err)
			}
		}
	}},
	{name: "delete", synced: true, happens: func(l *lab) { l.remove(hub, east, "app/a") }},
	{name: "restore", synced: true, happens: func(l *lab) {
		l.remove(hub, east, "app/a")
		l.sync(l.engine(pair), engine.Options{})
		if _, err := l.as(hub, east).RestoreSecret(l.t.Context(), &sm.RestoreSecretInput{SecretId: ptr("app/a")}); err != nil {
			l.t.Fatal(err)
		}
		l.version("app/a", 2)
	}},
	{name: "adoption", options: engine.Options{Adopt: []string{"app/*"}}, happens: func(l *lab) {
		for _, account := range []string{one, two} {
			for _, name := range []string{"app/a", "app/b"} {
				in := &sm.CreateSecretInput{Name: &name, SecretString: ptr("theirs"), ClientRequestToken: ptr(numbered(50))}
				if _, err := l.as(account, east).CreateSecret(l.t.Context(), in); err != nil {
					l.t.Fatal(err)
				}
			}
		}
	}},
}

// Fault 8, fault 9, fault 10, fault 11, fault 40: from some call on nothing reaches AWS, or that call is done and its answer lost; then a run goes through.
func TestARunThatIsKilledAtAnyCallIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			begin := func() *lab {
				l := newLab(t)
				l.client = func(o *awscfg.Options) { o.Attempts = 2 }
				l.version("app/a", 1)
				l.version("app/b", 1)
				for _, account := range []string{hub, one, two} { // none of our business
					name := cmp.Or(map[string]string{hub: "other"}[account], "app/theirs")
					in := &sm.CreateSecretInput{Name: &name, SecretString: ptr("foreign"), ClientRequestToken: ptr(numbered(99))}
					if _, err := l.as(account, east).CreateSecret(t.Context(), in); err != nil {
						t.Fatal(err)
					}
				}
				if s.synced {
					l.sync(l.engine(pair), engine.Options{})
				}
				s.happens(l)
				l.forget()
				return l
			}
			l := begin()
			if r := l.sync(l.engine(pair), s.options); r.NotAsWanted() || r.Summary.Writes() == 0 {
				t.Fatalf("undisturbed:\n%s", outcomes(r))
			}
			calls := l.aws.Ledger().Count(awslocal.Match{})
			want := l.state(east, hub, one, two)
			for k := range calls {
				for _, done := range []bool{false, true} {
					at := fmt.Sprintf("killed at call %d of %d, done %t", k+1, calls, done)
					l := begin()
					first := k
					if done {
						l.aws.Faults().Add(awslocal.Fault{After: k, Times: 1, LoseAnswer: true})
						first++
					}
					l.aws.Faults().Add(awslocal.Fault{After: first, Drop: true})
					e := l.engine(pair)
					if run, err := e.Plan(t.Context(), s.options); err == nil {
						e.Apply(t.Context(), run)
					}
					l.aws.Faults().Clear()
					if s.options.Adopt != nil { // nobody adopts again: what was begun is finished, what was not is as it was
						for _, c := range l.sync(l.engine(pair), engine.Options{}).Changes {
							if value, _ := l.value(string(c.Target.Account), east, string(c.Name)); c.Outcome == engine.Refused && value != "theirs" {
								t.Errorf("%s: the adoption of %s in %s was begun, and is now refused", at, c.Name, c.Target)
							}
						}
					}
					if r := l.sync(l.engine(pair), s.options); r.NotAsWanted() {
						t.Errorf("%s: the next run\n%s", at, outcomes(r))
					}
					if got := l.state(east, hub, one, two); got != want {
						t.Errorf("%s: the state is\n%s\nwant\n%s", at, got, want)
					}
					if r := l.sync(l.engine(pair), engine.Options{}); r.Summary.Writes() > 0 || r.NotAsWanted() {
						t.Errorf("%s: a third run has something to do\n%s", at, outcomes(r))
					}
				}
			}
		})
	}
}
