// Package bench measures what a user gets: the program as a process of its own, against the embedded AWS with AWS's quotas, its calls counted on the other side.
package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

const (
	hub      = "123456789012"
	region   = "us-east-1"
	accounts = 2
	secrets  = 1000
	changed  = secrets / 100
	pages    = secrets / 100
)

const configuration = `version: 1
owner: bench
stores:
  hub: {type: aws-secrets-manager}
  spokes: {type: aws-secrets-manager, role: SecretSyncRole, allow: {accounts: ["111111111111", "222222222222"]}}
groups:
  all: {accounts: ["111111111111", "222222222222"]}
syncs:
  - {name: hub-to-spokes, from: hub, to: [{store: spokes, byTags: true}]}
`

// BenchmarkSync copies 1,000 secrets to 2 accounts, then runs with nothing changed, then with 1 % changed. The first copy alone takes 25 seconds: AWS takes
// 50 creations a second and account, and the program uses 80 % of that.
func BenchmarkSync(b *testing.B) {
	dir := b.TempDir()
	binary := filepath.Join(dir, "secretsync")
	if out, err := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, "../cmd/secretsync").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "secretsync.yaml"), []byte(configuration), 0o600); err != nil {
		b.Fatal(err)
	}
	for range b.N {
		l := start(b, dir, binary)
		// The floor: the pages of both sides' listings, one session an account, and for what has changed a batch of reads, the writes, and one description of each updated source.
		unchanged := pages + accounts + accounts*pages
		l.run(b, "first-copy", pages+secrets/20+accounts+accounts+secrets*accounts, secrets*accounts)
		l.run(b, "unchanged", unchanged, 0)
		l.change(b)
		l.run(b, "1%-changed", unchanged+(changed+19)/20+changed*accounts+changed, changed*accounts)
	}
}

type lab struct {
	server      *awslocal.Server
	url         string
	dir, binary string
}

func start(b *testing.B, dir, binary string) *lab {
	b.Helper()
	seeded := map[string]awslocal.SeedSecret{}
	for i := range secrets {
		seeded[fmt.Sprintf("app/%04d", i)] = awslocal.SeedSecret{Value: fmt.Sprintf(`{"password": "value-%d"}`, i), Tags: map[string]string{"SecretSync-SyncDestinationGroup": "all"}}
	}
	seed := &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{hub: {Regions: map[string]awslocal.SeedRegion{region: {Secrets: seeded}}}}}
	server, err := awslocal.New(awslocal.Options{EnforceQuotas: true, Seed: seed})
	if err != nil {
		b.Fatal(err)
	}
	url, err := server.Listen("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	return &lab{server: server, url: url, dir: dir, binary: binary}
}

// change gives one secret in a hundred a new value.
func (l *lab) change(b *testing.B) {
	b.Helper()
	client := secretsmanager.New(secretsmanager.Options{Region: region, BaseEndpoint: &l.url, Credentials: credentials.NewStaticCredentialsProvider(hub, "secret", "")})
	for i := range changed {
		_, err := client.PutSecretValue(b.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(fmt.Sprintf("app/%04d", i*100)), SecretString: aws.String("new")})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// run runs one sync as a process and reports calls next to the floor, time and peak memory. It fails where the run did not do what it is measured for.
func (l *lab) run(b *testing.B, name string, floor, writes int) {
	b.Helper()
	l.server.Ledger().Reset()
	cmd := exec.Command(l.binary, "sync", "-o", "json")
	cmd.Dir = l.dir
	cmd.Env = append(clean(os.Environ()), "AWS_ENDPOINT_URL="+l.url, "AWS_ACCESS_KEY_ID="+hub, "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION="+region)
	cmd.Stderr = os.Stderr
	began := time.Now()
	out, err := cmd.Output()
	took := time.Since(began)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	var report struct {
		Summary struct{ Create, Update, Unchanged, Failed int }
	}
	if err := json.Unmarshal(out, &report); err != nil {
		b.Fatal(err)
	}
	if got := report.Summary.Create + report.Summary.Update; got != writes || report.Summary.Failed != 0 {
		b.Fatalf("%s: %d writes and %d failures, want %d writes", name, got, report.Summary.Failed, writes)
	}
	ledger := l.server.Ledger()
	calls := ledger.Count(awslocal.Match{})
	reads := ledger.Count(awslocal.Match{Operation: "*GetSecretValue"})
	checks := ledger.Count(awslocal.Match{Operation: "GetCallerIdentity"})
	throttled := ledger.Count(awslocal.Match{Outcome: "ThrottlingException"})
	memory := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss / 1024
	fmt.Printf("%-12s %6d calls (floor %d; %d of them are checks of the account before the first write), %d value reads, %d throttled, %.2f s, %d MiB\n",
		name, calls, floor, checks, reads, throttled, took.Seconds(), memory)
	b.ReportMetric(float64(calls), name+"-calls")
	b.ReportMetric(float64(floor), name+"-floor")
	b.ReportMetric(took.Seconds(), name+"-s")
	b.ReportMetric(float64(memory), name+"-MiB")
}

func clean(env []string) []string {
	var kept []string
	for _, kv := range env {
		if !strings.HasPrefix(kv, "AWS_") && !strings.HasPrefix(kv, "SECRETSYNC_") {
			kept = append(kept, kv)
		}
	}
	return kept
}
