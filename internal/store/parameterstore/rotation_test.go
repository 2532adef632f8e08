package parameterstore_test

import (
	"sync/atomic"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func TestRotationOnTheEmbeddedAWS(t *testing.T) { storetest.Rotation(t, onEmbedded()) }
func TestRotationOnMoto(t *testing.T)           { storetest.Rotation(t, onMoto(t, nil)) }

func rotationOf(t *testing.T, s store.Store) store.Rotation {
	t.Helper()
	r, err := s.(store.Rotator).Rotation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// cut makes the n-th call of the spoke from now on, and all later ones, fail.
func cut(server *awslocal.Server, n int, lost bool) (mend func() bool) {
	var struck atomic.Bool
	note := func(awslocal.Call) { struck.Store(true) }
	from := n
	if lost {
		server.Faults().Add(awslocal.Fault{Service: "ssm", Account: spoke, After: n, Times: 1, LoseAnswer: true, Then: note})
		from++
	}
	server.Faults().Add(awslocal.Fault{Service: "ssm", Account: spoke, After: from, Code: "ValidationException", Message: "cut off", Then: note})
	return func() bool {
		server.Faults().Clear()
		return struck.Load()
	}
}
