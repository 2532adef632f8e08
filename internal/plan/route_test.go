package plan_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

var hub = secret.Place{Kind: secret.SecretsManager, Account: "123456789012", Region: "us-east-1"}

func router() *plan.Router {
	return &plan.Router{
		Places: map[secret.StoreName]plan.Place{
			"spokes": {Place: secret.Place{Kind: secret.SecretsManager}, Allow: []secret.AccountID{"111111111111", "222222222222", "333333333333", "444444444444", "555555555555", "987654321098", "123456789012"}},
			"dr":     {Place: secret.Place{Kind: secret.SecretsManager, Account: "123456789012", Region: "eu-west-1"}, One: true},
		},
		Groups: map[plan.GroupName]plan.Group{
			"all":           {Accounts: []secret.AccountID{"111111111111", "222222222222", "333333333333", "444444444444"}},
			"Development":   {Accounts: []secret.AccountID{"333333333333", "444444444444"}},
			"Production-EU": {Accounts: []secret.AccountID{"555555555555"}, Region: "eu-west-1"},
			"Empty":         {},
			"Broken":        {Accounts: []secret.AccountID{"111111111111", "12345"}},
		},
	}
}

func TestTagsDecideWhereASecretGoes(t *testing.T) {
	data, err := os.ReadFile("testdata/route.txt")
	if err != nil {
		t.Fatal(err)
	}
	rule := &plan.Rule{Name: "tags", From: "hub", To: []plan.Route{{Store: "spokes", ByTags: true}}}
	for _, text := range strings.Split(string(data), "\n== ")[1:] {
		title, body, _ := strings.Cut(text, "\n")
		t.Run(title, func(t *testing.T) {
			m := &secret.Meta{Name: "app/db", Tags: map[string]string{}}
			var want []string
			for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
				key, value, found := strings.Cut(line, "=")
				switch {
				case found && strings.HasPrefix(key, "SecretSync-"):
					m.Tags[key] = value
				case key == "bound":
					m.Bound = value
				default:
					want = append(want, line)
				}
			}
			got := show(router().Route(rule, 0, hub, m, ""))
			if strings.Join(want, "\n") != got {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
}

func show(r *plan.Routing) string {
	switch {
	case r.Err != nil:
		return "error: " + r.Err.Error()
	case r.Refused != "":
		return fmt.Sprintf("refused %s: %s", r.Refused, r.Detail)
	case len(r.Why) == 0:
		return "nowhere: " + r.Nowhere
	}
	var lines []string
	for _, target := range slices.SortedFunc(maps.Keys(r.Why), plan.Target.Compare) {
		verdict, why, _ := strings.Cut(r.Why[target], ": ")
		if r.Has(target) != (verdict == "in") {
			verdict += " (but Targets says otherwise)"
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s", verdict, target.Place, why))
	}
	return strings.Join(lines, "\n")
}

func TestAGroupThatCanNotBeLookedUpFailsTheRule(t *testing.T) {
	r := router()
	r.NoGroups = errors.New("there is no secret secret-sync/config")
	rule := &plan.Rule{To: []plan.Route{{Store: "spokes", ByTags: true}}}
	routing := r.Route(rule, 0, hub, &secret.Meta{Tags: map[string]string{plan.TagSyncGroup: "Elsewhere"}}, "")
	if !errors.Is(routing.Err, r.NoGroups) {
		t.Errorf("got %v, want the reason why there are no groups", routing.Err)
	}
	routing = r.Route(rule, 0, hub, &secret.Meta{Tags: map[string]string{plan.TagSyncAccount: "111111111111"}}, "")
	if routing.Err != nil || len(routing.Targets) != 1 {
		t.Errorf("a secret that needs no group: got %s, want one target", show(routing))
	}
}

func TestTheSweepCoversEveryTargetThatTheConfigurationOrATagCanName(t *testing.T) {
	rule := &plan.Rule{To: []plan.Route{
		{Store: "spokes", ByTags: true, Except: plan.Except{Accounts: []secret.AccountID{"222222222222"}}},
		{Store: "dr"},
		{Store: "spokes", Groups: []plan.GroupName{"Production-EU"}, Regions: []secret.Region{"eu-north-1", "eu-west-3"}, Except: plan.Except{Regions: []secret.Region{"eu-west-2"}}},
	}}
	for i, want := range []string{
		"111111111111/us-east-1 222222222222/us-east-1 333333333333/us-east-1 444444444444/us-east-1 555555555555/eu-west-1 555555555555/us-east-1 987654321098/us-east-1",
		"123456789012/eu-west-1",
		"555555555555/eu-north-1 555555555555/eu-west-2 555555555555/eu-west-3",
	} {
		var got []string
		for _, target := range router().Reach(rule, i, hub) {
			got = append(got, target.Place.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("route %d reaches\n%v, want\n%v", i, got, want)
		}
	}
}

func TestARouteWithoutTagsGoesToTheStoreAndTakesExceptionsOut(t *testing.T) {
	rule := &plan.Rule{To: []plan.Route{
		{Store: "dr"},
		{Store: "spokes", Groups: []plan.GroupName{"all"}, Accounts: []secret.AccountID{"555555555555"}, Except: plan.Except{Groups: []plan.GroupName{"Development"}}},
		{Store: "dr", Regions: []secret.Region{"us-east-1", "eu-west-2"}},
	}}
	for i, want := range []string{
		"123456789012/eu-west-1",
		"111111111111/us-east-1 222222222222/us-east-1 555555555555/us-east-1",
		"123456789012/eu-west-2",
	} {
		var got []string
		for _, target := range router().Route(rule, i, hub, &secret.Meta{}, "").Targets {
			got = append(got, target.Place.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("route %d goes to %v, want %v", i, got, want)
		}
	}
}
