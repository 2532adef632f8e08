package awslocal_test

import (
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

func TestASeedFileNamesWhatIsWrongWithAServiceOfECS(t *testing.T) {
	for yaml, want := range map[string]string{
		"services: {web: {}}":                  "6:20: a service is CLUSTER/NAME",
		"services: {a/b/c: {}}":                "6:20: a service is CLUSTER/NAME",
		"services: {apps/web: {status: GONE}}": "a service is ACTIVE, DRAINING or INACTIVE",
		"services: {apps/web: {desired: 0}}":   "must be a number between 1 and 1000",
		"services: {apps/web: {x: y}}":         "unknown key; a service has status, taskDefinition",
	} {
		_, err := awslocal.ParseSeed(strings.NewReader("\naccounts:\n  '111111111111':\n    regions:\n      us-east-1:\n        "+yaml+"\n"), "seed.yaml")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", yaml, err, want)
		}
	}
	_, err := awslocal.New(awslocal.Options{Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{"111111111111": {Regions: map[string]awslocal.SeedRegion{
		"us-east-1": {Services: map[string]awslocal.SeedService{"web": {}}},
	}}}}})
	if err == nil || !strings.Contains(err.Error(), `service "web": a service is CLUSTER/NAME`) {
		t.Errorf("error %v", err)
	}
}
