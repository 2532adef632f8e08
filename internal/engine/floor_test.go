package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

// S0-B5, S0-B7, fault 33, fault 39: every engine here begins with nothing but the configuration, as on another machine.
func TestARunCostsItsFloorOfCallsAndNoCallMore(t *testing.T) {
	t.Parallel()
	for _, shape := range []struct {
		secrets           int
		accounts, regions []string
		first, unchanged  string
		changed           string // with 3 new values
	}{
		{
			100, []string{one}, []string{east},
			"AssumeRole 1, BatchGetSecretValue 5, CreateSecret 100, GetCallerIdentity 1, ListSecrets 2",
			"AssumeRole 1, ListSecrets 2",
			"AssumeRole 1, BatchGetSecretValue 1, DescribeSecret 3, ListSecrets 2, PutSecretValue 3",
		},
		{
			101, []string{one, two, three}, []string{east},
			"AssumeRole 3, BatchGetSecretValue 5, CreateSecret 303, GetCallerIdentity 3, GetSecretValue 1, ListSecrets 5",
			"AssumeRole 3, ListSecrets 8",
			"AssumeRole 3, BatchGetSecretValue 1, DescribeSecret 3, ListSecrets 8, PutSecretValue 9",
		},
		{
			101, []string{one, two}, []string{east, west},
			"AssumeRole 2, BatchGetSecretValue 5, CreateSecret 404, GetCallerIdentity 2, GetSecretValue 1, ListSecrets 6",
			"AssumeRole 2, ListSecrets 10",
			"AssumeRole 2, BatchGetSecretValue 1, DescribeSecret 3, ListSecrets 10, PutSecretValue 12",
		},
	} {
		name := fmt.Sprintf("%d secrets, %d accounts, %d Regions", shape.secrets, len(shape.accounts), len(shape.regions))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			text := strings.Replace(spokes, `accounts: ["111111111111", "222222222222"]`, fmt.Sprintf(`accounts: ["%s"], regions: [%s]`, strings.Join(shape.accounts, `", "`), strings.Join(shape.regions, ", ")), 1)
			for i := range shape.secrets {
				l.put(hub, east, fmt.Sprintf("s%03d", i), "one")
			}
			run := func(what, want string, changes int) {
				t.Helper()
				l.forget()
				if r := l.sync(l.engine(text), engine.Options{}); r.NotAsWanted() || len(r.Changes) != changes {
					t.Fatalf("%s: %d changes, want %d\n%s", what, len(r.Changes), changes, outcomes(r))
				}
				expect(t, what, l.calls(), want)
			}
			targets := len(shape.accounts) * len(shape.regions)
			run("first copy", shape.first, shape.secrets*targets)
			run("nothing changed", shape.unchanged, 0)
			for i := range 3 {
				l.put(hub, east, fmt.Sprintf("s%03d", i*40), "two")
			}
			run("3 changed", shape.changed, 3*targets)
			if shape.secrets > 100 {
				l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Account: hub, After: 1, Times: 1, Code: "InvalidNextTokenException"})
				run("a listing that begins again", strings.Replace(shape.unchanged, fmt.Sprint("ListSecrets ", 2+2*targets), fmt.Sprint("ListSecrets ", 4+2*targets), 1), 0)
			}
		})
	}
}
