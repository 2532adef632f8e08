package kubernetes_test

import (
	"testing"

	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// A Secret holds one value, and labels are no tags. What values and names can be, the driver's own tests say.
const lacks = storetest.IDs | storetest.Tags | storetest.Description | storetest.AnyValue | storetest.AnyName | storetest.Schedule

func harness(settings string, rules ...storetest.KubernetesRule) storetest.Harness {
	return storetest.Harness{Lacks: lacks, New: func(t *testing.T) storetest.Fixture {
		b := newBench(t, rules...)
		return storetest.Fixture{Source: dottedSource{b.source(settings)}, Destination: dotted{b.dest(settings)}, Back: dottedBack{b.back}}
	}}
}

func TestDestinationOnKubernetes(t *testing.T) { storetest.Destination(t, harness("", writer())) }

func TestDestinationThatRestarts(t *testing.T) {
	storetest.Destination(t, harness("restart: true", writer(), restarter()))
}

func TestSourceOnKubernetes(t *testing.T) { storetest.Source(t, harness("", reader())) }
