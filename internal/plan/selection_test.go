package plan_test

import (
	"testing"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestAGlobsStarStopsAtASlashAndTwoDoNot(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a/*", "a/b", true}, {"a/*", "a/b/c", false}, {"a/**", "a/b/c", true}, {"**/tmp-*", "x/y/tmp-1", true}, {"**/tmp-*", "tmp-1", true}, {"a/**/b", "a/b", true}, {"a/**/b", "a/x/y/b", true}, {"a/**/b", "ab", false},
		{"*", "a", true}, {"*", "a/b", false}, {"**", "a/b", true}, {"?", "a", true}, {"?", "/", false}, {"", "", true}, {"", "a", false},
		{"a", "", false}, {"prod/*/*", "prod/a/b", true}, {"prod/*/*", "prod/a", false}, {"*b*", "abc", true}, {"a.c", "abc", false}, {"[a]", "[a]", true},
	} {
		if got := plan.Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %t", c.pattern, c.name, got)
		}
	}
}

func TestKindsOfASelectionAreAndedEntriesOredAndExcludeWins(t *testing.T) {
	s := plan.Selection{Prefix: []string{"rds/", "shared/"}, Tags: map[string]string{"dr": "true"}, Exclude: []string{"**/tmp-*"}}
	for _, c := range []struct {
		name string
		tags map[string]string
		want bool
	}{
		{"rds/a", map[string]string{"dr": "true"}, true},
		{"shared/a", map[string]string{"dr": "true", "x": "y"}, true},
		{"rds/a", map[string]string{"dr": "truest"}, false}, // a tag's value is compared exactly, not as a prefix
		{"rds/a", map[string]string{"x": "true"}, false},
		{"rds/a", nil, false},
		{"app/a", map[string]string{"dr": "true"}, false},
		{"rds/tmp-1", map[string]string{"dr": "true"}, false},
	} {
		if got, why := s.Selects(&secret.Meta{Name: secret.Name(c.name), Tags: c.tags}); got != c.want {
			t.Errorf("%s %v: got %t (%s)", c.name, c.tags, got, why)
		}
	}
}
