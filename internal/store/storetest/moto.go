package storetest

import (
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
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command("moto_server", "-H", host, "-p", port)
	if err := server.Start(); err != nil {
		t.Fatalf("moto is required, and can't be started: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended by itself
		<-ended
	})
	url = "http://" + addr
	deadline := time.After(30 * time.Second)
	for {
		if resp, err := http.Get(url + "/moto-api/"); err == nil {
			_ = resp.Body.Close()
			return url
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("moto is required, and ended at once: %v", err)
		case <-deadline:
			t.Fatal("moto is required, and does not answer")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
