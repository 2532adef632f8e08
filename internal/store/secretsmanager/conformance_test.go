package secretsmanager_test

import (
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func onEmbedded() storetest.Harness {
	return storetest.Harness{New: func(t *testing.T) storetest.Fixture {
		server, url := embedded(t, awslocal.Options{})
		f := factory(t, url, hub)
		t.Cleanup(func() { declared(t, server, open(t, f, "role: SecretSyncRole")) })
		fix := fixture(t, f, spoke, rawClient(url, keys(spoke)))
		fix.Cut = func(n int, lost bool) func() bool { return cut(server, n, lost) }
		return fix
	}}
}

func TestDestinationOnTheEmbeddedAWS(t *testing.T) { storetest.Destination(t, onEmbedded()) }
func TestSourceOnTheEmbeddedAWS(t *testing.T)      { storetest.Source(t, onEmbedded()) }

func onMoto(t *testing.T, skip map[string]string) storetest.Harness {
	url := storetest.Moto(t)
	return storetest.Harness{
		Skip: skip,
		New: func(t *testing.T) storetest.Fixture {
			f, account := factory(t, url, hub), freshAccount(t)
			back, err := f.Config(t.Context(), awscfg.Target{Role: "Backdoor", Account: secret.AccountID(account), Region: home})
			if err != nil {
				t.Fatal(err)
			}
			return fixture(t, f, account, rawClient(url, back.Credentials))
		},
	}
}

func TestDestinationOnMoto(t *testing.T) { storetest.Destination(t, onMoto(t, nil)) }
func TestSourceOnMoto(t *testing.T)      { storetest.Source(t, onMoto(t, nil)) }
