package notify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary is in every password, key and path of a URL. No error and no log may show it.
const canary = "CANARY-9b2e-4c61-aa07"

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// logged is a log that many may write to.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// deps are quick, and look for the canary in the log at the end.
func deps(t *testing.T) Deps {
	t.Helper()
	log := &logged{}
	t.Cleanup(func() {
		if log.mu.Lock(); strings.Contains(log.buf.String(), canary) {
			t.Errorf("the log shows a secret:\n%s", log.buf.String())
		}
		log.mu.Unlock()
	})
	return Deps{
		Getenv: func(name string) (string, bool) {
			v, ok := map[string]string{"SECRET": canary, "SHORT": "CANARY-9b2e", "EMPTY": "\n"}[name]
			return v, ok
		},
		Log:     slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Timeout: 5 * time.Second, Backoff: time.Microsecond,
		Now:   func() time.Time { return now },
		Proxy: func(*http.Request) (*url.URL, error) { return nil, nil },
	}
}

// message is of a run in which two changes failed.
func message() Message {
	return Message{
		RunID: "run-1", Owner: "team", Account: "111122223333", Region: "us-east-1", Time: now, Outcome: Failed, Syncs: []string{"one", "two"},
		Summary: Summary{Created: 3, Updated: 4, Failed: 1, Refused: 1},
		Failures: []Failure{
			{"one", "hub app/db", "app/db", "spokes 222222222222/eu-west-1", "create", "failed", "missing", "CreateSecret: not permitted"},
			{"two", "hub app/<b>", "app/<b>", "", "refuse", "refused", "unknown-group", "no group \"x & y\""},
		},
		Problems: []Problem{{"two", "dr 111122223333/eu-west-1", "ListSecrets: unavailable"}},
		Brakes:   []Brake{{"dr 111122223333/eu-west-1", 40, 90, 25}},
	}
}

// mustOpen opens one destination.
func mustOpen(t *testing.T, s Settings, d Deps) *Notifier {
	t.Helper()
	n, err := Open([]Settings{s}, d)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// send sends a message and returns the error of the only destination, which shows no secret.
func send(t *testing.T, n *Notifier, m Message) string {
	t.Helper()
	errs := n.Send(t.Context(), m)
	switch {
	case len(errs) == 0:
		return ""
	case len(errs) > 1:
		t.Fatalf("%d errors of one destination", len(errs))
	}
	text := errs[0].Error()
	if strings.Contains(text, canary) || strings.Contains(text, "\n") {
		t.Errorf("a secret or a second line: %s", text)
	}
	return text
}

// certificate returns one for this machine, and the file that it is in.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "here"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// closedPort is an address of this machine that nobody listens at.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}
