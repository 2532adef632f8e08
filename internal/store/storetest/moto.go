package storetest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// Required reports whether SECRETSYNC_TEST_REQUIRE names a stand-in, which makes its absence a failure.
func Required(standIn string) bool {
	return slices.Contains(strings.Split(os.Getenv("SECRETSYNC_TEST_REQUIRE"), ","), standIn)
}

// Moto returns the URL of a moto server, an AWS stand-in by other people: the one at SECRETSYNC_TEST_MOTO, or one that is started here and ends with the test.
// Where moto is neither given nor required, the test is skipped; where it is required and can't be started, the test fails.
func Moto(t *testing.T) (url string) {
	t.Helper()
	if url := os.Getenv("SECRETSYNC_TEST_MOTO"); url != "" {
		return strings.TrimSuffix(url, "/")
	}
	if !Required("moto") {
		t.Skip("set SECRETSYNC_TEST_REQUIRE=moto to start moto_server, or SECRETSYNC_TEST_MOTO to the URL of one")
	}
	addr, err := freeAddr(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), "moto_server", "-H", host, "-p", port) //nolint:gosec // the port is one that was just found to be free
	if err := server.Start(); err != nil {
		t.Fatalf("moto is required, and can't be started: %v", err)
	}
	var why error // set before ended is closed
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		why = server.Wait()
	}()
	t.Cleanup(func() { <-ended }) // the test's context, which ends before, has killed it
	url = "http://" + addr
	deadline := time.After(30 * time.Second)
	for {
		if answers(t.Context(), url+"/moto-api/") {
			return url
		}
		select {
		case <-ended:
			t.Fatalf("moto is required, and ended at once: %v", why)
		case <-deadline:
			t.Fatal("moto is required, and does not answer")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// answers reports whether a GET is answered, whatever the answer.
func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // nothing of it is read
	return true
}

func freeAddr(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
