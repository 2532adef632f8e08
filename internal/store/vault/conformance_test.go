package vault_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func harness() storetest.Harness {
	return storetest.Harness{
		Lacks: storetest.IDs | storetest.Description | storetest.AnyValue | storetest.AnyName | storetest.Schedule,
		New: func(t *testing.T) storetest.Fixture {
			p := newPlace(t)
			s := open(t, impatient, p.settings(""))
			d := destinationOf(t, s)
			return storetest.Fixture{Source: plainSource{sourceOf(t, s)}, Destination: plainDestination{d, d.(store.Deleter), d.(store.Verifier)}, Back: backdoor{p}}
		},
	}
}

func TestDestinationOnVault(t *testing.T) { storetest.Destination(t, harness()) }
func TestSourceOnVault(t *testing.T)      { storetest.Source(t, harness()) }

// plain takes the text out of the object that text is kept in, as the suite knows no objects.
func plain(all []store.Reading) []store.Reading {
	for i := range all {
		var object map[string]string
		if all[i].Err == nil && json.Unmarshal(all[i].Value.Reveal(), &object) == nil {
			all[i].Value = secret.Text([]byte(object["value"]))
		}
	}
	return all
}

type plainSource struct{ store.Source }

func (s plainSource) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return plain(s.Source.Read(ctx, names))
}

type plainDestination struct {
	store.Destination
	store.Deleter
	verifier store.Verifier
}

func (d plainDestination) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return plain(d.verifier.Read(ctx, names))
}

func (d plainDestination) BatchSize() int { return d.verifier.BatchSize() }
