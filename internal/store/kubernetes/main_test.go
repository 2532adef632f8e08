package kubernetes_test

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

var server storetest.KubernetesServer

func TestMain(m *testing.M) {
	_ = os.Unsetenv("KUBECONFIG") // the tests say what they need
	_ = os.Unsetenv("KUBERNETES_SERVICE_HOST")
	code := m.Run()
	server.Close()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
