package kubernetes_test

import (
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// A Secret holds one value, and labels are no tags. What values and names can be, the driver's own tests say.
const lacks = storetest.IDs | storetest.Tags | storetest.Description | storetest.AnyValue | storetest.AnyName | storetest.Schedule

func harness(settings string, rules ...storetest.KubernetesRule) storetest.Harness {
	return storetest.Harness{Lacks: lacks, New: func(t *testing.T) storetest.Fixture {
		b := newBench(t, rules...)
		return dotted().Fixture(b.source(settings), b.dest(settings), b.back)
	}}
}

func TestDestinationOnKubernetes(t *testing.T) { storetest.Destination(t, harness("", writer())) }

func TestDestinationThatRestarts(t *testing.T) {
	storetest.Destination(t, harness("restart: true", writer(), restarter()))
}

func TestSourceOnKubernetes(t *testing.T) { storetest.Source(t, harness("", reader())) }

// dotted leads the suites' names, "app/db", to some that a Secret can have.
func dotted() storetest.Naming {
	swap := func(from, to string) func(secret.Name) secret.Name {
		return func(n secret.Name) secret.Name { return secret.Name(strings.ReplaceAll(string(n), from, to)) }
	}
	return storetest.Naming{In: swap("/", "."), Out: swap(".", "/")}
}
