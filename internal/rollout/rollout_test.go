package rollout_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/rollout"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// canary is in answers, paths and outputs. No report, error or log may show it.
const canary = "CANARY-4be2-00d1"

const seed = `
accounts:
  "111111111111":
    users: {hub: {accessKeyId: hub, policies: [{Version: 2012-10-17, Statement: [
      {Effect: Allow, Action: ["ecs:*"], Resource: "arn:aws:ecs:us-east-1:111111111111:service/apps/*"}, {Effect: Allow, Action: "sts:AssumeRole", Resource: "*"}]}]}}
    regions: {us-east-1: {services: {apps/web: {}, apps/slow: {progress: 3}, apps/endless: {progress: 1000}, apps/broken: {fails: true}, apps/old: {status: INACTIVE}, other/web: {}}}}
  "222222222222":
    roles: {Deployer: {trust: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111111111111:root"}, Action: sts:AssumeRole}]},
      policies: [{Version: 2012-10-17, Statement: [{Effect: Allow, Action: "ecs:*", Resource: "*"}]}]}}
    regions: {eu-west-1: {services: {apps/web: {}}}}
`

// world is an AWS, and what a rollout did in it.
type world struct {
	*awslocal.Server
	log bytes.Buffer
}

func newWorld(t *testing.T) (*world, rollout.Setup) {
	t.Helper()
	for _, of := range []string{"AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL"} {
		t.Setenv(of, "")
	}
	parsed, err := awslocal.ParseSeed(strings.NewReader(seed), "seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{}
	if w.Server, err = awslocal.New(awslocal.Options{Seed: parsed, EnforceIAM: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.Close()
		if strings.Contains(w.log.String(), "CANARY") {
			t.Errorf("the log:\n%s", w.log.String())
		}
	})
	return w, rollout.Setup{
		Store: "hub", Name: "rds/app", Version: "version-2", Log: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		AWS: awscfg.New(awscfg.Options{Load: []func(*awsconfig.LoadOptions) error{
			awsconfig.WithHTTPClient(&http.Client{Transport: w.Transport()}), awsconfig.WithBaseEndpoint("http://aws.test"), awsconfig.WithRegion("us-east-1"),
			awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("hub", "any", "")), awsconfig.WithSharedConfigFiles(nil), awsconfig.WithSharedCredentialsFiles(nil),
		}}),
	}
}

// forced tells how many deployments were made of a service.
func (w *world) forced(service string) int {
	return w.Ledger().Count(awslocal.Match{Service: "ecs", Operation: "UpdateService", Resource: "*:service/" + service, Outcome: awslocal.OK})
}

var (
	spoke1  = plan.Target{Store: "spokes", Place: secret.Place{Kind: secret.SecretsManager, Account: "111111111111", Region: "us-east-1"}}
	spoke2  = plan.Target{Store: "spokes", Place: secret.Place{Kind: secret.SecretsManager, Account: "222222222222", Region: "eu-west-1"}}
	cluster = plan.Target{Store: "eks", Place: secret.Place{Kind: secret.Kubernetes, Cluster: "prod", Namespace: "apps"}}
	vault   = plan.Target{Store: "vault", Place: secret.Place{Kind: secret.Vault, Host: "v", Mount: "kv"}}
	all     = []plan.Target{spoke1, spoke2, cluster, vault}
)

// copier writes what matches, and remembers it wave by wave.
type copier struct {
	waves [][]plan.Target
	fails map[int]error // by wave, from 1
	// changed is when copies that are as wanted were changed last.
	changed time.Time
}

func (c *copier) copies(_ context.Context, match func(plan.Target) bool) (rollout.Written, error) {
	var mine []plan.Target
	for range 2 { // asked for more than once
		mine = nil
		for _, at := range all {
			if match(at) {
				mine = append(mine, at)
			}
		}
	}
	c.waves = append(c.waves, mine)
	return rollout.Written{Copies: len(mine), Changed: c.changed}, c.fails[len(c.waves)]
}

// roll rolls, and makes sure that error and reports agree, and that neither shows a value.
func roll(t *testing.T, s rollout.Setup, c *copier, waves ...rollout.Wave) ([]rollout.Report, error) {
	t.Helper()
	return rollIn(t.Context(), t, s, c, waves...)
}

func rollIn(ctx context.Context, t *testing.T, s rollout.Setup, c *copier, waves ...rollout.Wave) ([]rollout.Report, error) {
	t.Helper()
	reports, err := rollout.Roll(ctx, s, waves, c.copies)
	data, encoding := json.Marshal(reports)
	if encoding != nil || strings.Contains(string(data), "CANARY") || strings.Contains(string(data), "null") || err != nil && strings.Contains(err.Error(), "CANARY") {
		t.Errorf("%v\n%s", err, data)
	}
	said := ""
	for i, r := range reports {
		if r.Wave != i+1 || (r.Outcome == rollout.Failed) != (r.Error != "") {
			t.Errorf("%+v", r)
		}
		said += r.Error
	}
	if (err == nil) != (said == "") || err != nil && !strings.HasSuffix(err.Error(), said) {
		t.Errorf("error %v, reports %s", err, data)
	}
	return reports, err
}

// brief tells reports as "OUTCOME COPIES [ACTION OUTCOME, …]".
func brief(reports []rollout.Report) string {
	var lines []string
	for _, r := range reports {
		var did []string
		for _, a := range r.Did {
			did = append(did, a.What+" "+a.Outcome)
		}
		lines = append(lines, r.Outcome+" "+string(rune('0'+r.Copies))+" ["+strings.Join(did, ", ")+"]")
	}
	return strings.Join(lines, "; ")
}

func TestATargetBelongsToTheFirstWaveThatSelectsIt(t *testing.T) {
	c := &copier{}
	reports, err := roll(t, rollout.Setup{}, c,
		rollout.Wave{Targets: rollout.Targets{Stores: []secret.StoreName{"spokes"}, Regions: []secret.Region{"us-east-1", "us-west-2"}}},
		rollout.Wave{Targets: rollout.Targets{Accounts: []secret.AccountID{"111111111111", "222222222222"}}},
		rollout.Wave{Targets: rollout.Targets{Stores: []secret.StoreName{"spokes"}, Clusters: []string{"prod"}}},
		rollout.Wave{Targets: rollout.Targets{Clusters: []string{"prod"}, Namespaces: []string{"apps", "web"}}},
		rollout.Wave{},
		rollout.Wave{},
	)
	want := [][]plan.Target{{spoke1}, {spoke2}, nil, {cluster}, {vault}, nil}
	if err != nil || !slices.EqualFunc(c.waves, want, slices.Equal) || brief(reports) != "done 1 []; done 1 []; done 0 []; done 1 []; done 1 []; done 0 []" {
		t.Errorf("%v, %v, %s", err, c.waves, brief(reports))
	}
	c = &copier{}
	if reports, err = roll(t, rollout.Setup{}, c); err != nil || len(reports) != 1 || len(c.waves[0]) != len(all) {
		t.Errorf("without waves: %v, %v", err, c.waves)
	}
}

func TestServicesOfECSAreDeployedAnewOnceTheCopiesAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newWorld(t)
		began := time.Now()
		reports, err := roll(t, s, &copier{},
			rollout.Wave{Targets: rollout.Targets{Accounts: []secret.AccountID{"111111111111"}}, ECS: []rollout.ECSService{
				{Cluster: "apps", Service: "slow", Account: "111111111111", Region: "us-east-1", Wait: true}, {Cluster: "arn:aws:ecs:us-east-1:111111111111:cluster/apps", Service: "web"},
			}},
			rollout.Wave{ECS: []rollout.ECSService{
				{Cluster: "apps", Service: "web", Account: "222222222222", Region: "eu-west-1", Role: "Deployer"},
				{Cluster: "apps", Service: "web", Region: "eu-west-1", Role: "arn:aws:iam::222222222222:role/Deployer", Wait: true},
			}},
		)
		want := "done 1 [ecs 111111111111/us-east-1 apps/slow done, ecs apps/web done]; done 3 [ecs 222222222222/eu-west-1 apps/web done, ecs 222222222222/eu-west-1 apps/web done]"
		if err != nil || brief(reports) != want {
			t.Errorf("%v, %s", err, brief(reports))
		}
		if n := w.forced("apps/web"); n != 3 {
			t.Errorf("%d deployments", n)
		}
		if took := time.Since(began); took < 15*time.Second || took > 16*time.Second {
			t.Errorf("it took %s", took)
		}
		if calls := w.Ledger().Calls().Where(awslocal.Match{Service: "ecs", Account: "111111111111"}); len(calls) != 6 || calls[1].Operation != "UpdateService" || calls[2].Operation != "DescribeServices" {
			t.Errorf("%+v", calls)
		}
	})
}

func TestAServiceIsDeployedAnewUnlessThatWasDoneSince(t *testing.T) {
	web := []rollout.ECSService{{Cluster: "apps", Service: "slow", Wait: true}}
	none := rollout.Targets{Stores: []secret.StoreName{"empty"}} // a wave in which no copy is written
	for name, c := range map[string]struct {
		again   bool
		since   time.Duration // after the deployment that is there; 0: unknown
		changed time.Duration // the same
		of      rollout.Targets
		want    int
	}{
		"unknown":                               {true, 0, 0, none, 1},
		"older tasks":                           {true, time.Minute, 0, none, 1},
		"younger tasks":                         {true, -time.Minute, 0, none, 0},
		"younger tasks, and what is left":       {false, -time.Minute, 0, none, 1},
		"younger tasks, older value":            {true, -time.Minute, 0, rollout.Targets{}, 1},
		"tasks between the secret and its copy": {true, -time.Minute, time.Minute, none, 1},
		"tasks younger than the copy":           {true, -2 * time.Minute, -time.Minute, none, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, s := newWorld(t)
			s.Again = c.again
			copies := &copier{}
			if c.since != 0 {
				s.Since = time.Now().Add(c.since)
			}
			if c.changed != 0 {
				copies.changed = time.Now().Add(c.changed)
			}
			reports, err := roll(t, s, copies, rollout.Wave{Targets: c.of, ECS: web})
			if err != nil || reports[0].Did[0].Outcome != rollout.Done || w.forced("apps/slow") != c.want {
				t.Errorf("%s: %v, %d deployments", name, err, w.forced("apps/slow"))
			}
		})
	}
}

func TestNothingIsRestartedWhereACopyIsNotAsWanted(t *testing.T) {
	w, s := newWorld(t)
	c := &copier{fails: map[int]error{1: errors.New("1 of 2 failed")}}
	reports, err := roll(t, s, c,
		rollout.Wave{Targets: rollout.Targets{Stores: []secret.StoreName{"spokes"}}, ECS: []rollout.ECSService{{Cluster: "apps", Service: "web"}}, Webhook: &rollout.Webhook{URL: "https://hooks.example.com/" + canary}},
		rollout.Wave{ECS: []rollout.ECSService{{Cluster: "apps", Service: "web"}}, Gate: []rollout.Probe{{Login: true}}})
	if err == nil || err.Error() != "wave 1: copies: 1 of 2 failed" || brief(reports) != "failed 2 [ecs apps/web skipped, webhook hooks.example.com skipped]; skipped 0 [ecs apps/web skipped, gate login skipped]" ||
		w.forced("apps/web") != 0 || len(c.waves) != 1 {
		t.Errorf("%v, %s", err, brief(reports))
	}
}

func TestAServiceThatCanNotBeRestartedStopsTheRollout(t *testing.T) {
	for name, c := range map[string]struct {
		of   rollout.ECSService
		want string
		call string // the last part of the error
	}{
		"no service":         {rollout.ECSService{Cluster: "apps", Service: "none"}, `UpdateService "apps/none" in 111111111111/us-east-1: not found: ServiceNotFoundException`, ""},
		"no cluster":         {rollout.ECSService{Cluster: "apps", Service: "web", Region: "eu-west-1", Account: "222222222222", Role: "Nobody"}, "AssumeRole for UpdateService", ""},
		"not active":         {rollout.ECSService{Cluster: "apps", Service: "old"}, `UpdateService "apps/old" in 111111111111/us-east-1: invalid: ServiceNotActiveException`, ""},
		"not permitted":      {rollout.ECSService{Cluster: "other", Service: "web"}, `UpdateService "other/web" in 111111111111/us-east-1: not permitted`, "it takes ecs:UpdateService and ecs:DescribeServices on service/other/web)"},
		"another account":    {rollout.ECSService{Cluster: "apps", Service: "web", Account: "333333333333"}, "wrong account", ""},
		"a failed one":       {rollout.ECSService{Cluster: "apps", Service: "broken", Wait: true}, `wait for "apps/broken" in 111111111111/us-east-1: deployment ecs-svc/`, "tasks failed to start."},
		"one that never end": {rollout.ECSService{Cluster: "apps", Service: "endless", Wait: true}, `wait for "apps/endless" in 111111111111/us-east-1: deployment ecs-svc/`, "is not complete after 30m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := newWorld(t)
				reports, err := roll(t, s, &copier{}, rollout.Wave{ECS: []rollout.ECSService{{Cluster: "apps", Service: "slow", Wait: true}, c.of, {Cluster: "apps", Service: "web"}}}, rollout.Wave{})
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasSuffix(err.Error(), c.call) || !strings.HasPrefix(err.Error(), "wave 1: "+reports[0].Did[1].What+": ") {
					t.Fatalf("error %v, want %q", err, c.want)
				}
				if reports[1].Outcome != rollout.Skipped || reports[0].Did[1].Outcome != rollout.Failed || reports[0].Did[1].Error == "" {
					t.Errorf("%s", brief(reports))
				}
				if c.of.Wait { // all were begun before the first was waited for
					if reports[0].Did[0].Outcome != rollout.Done || reports[0].Did[2].Outcome != rollout.Done || w.forced("apps/web") != 1 {
						t.Errorf("%s", brief(reports))
					}
				} else if reports[0].Did[0].Outcome != rollout.Skipped || reports[0].Did[0].Error != "its new deployment was not waited for" || reports[0].Did[2].Outcome != rollout.Skipped || w.forced("apps/web") != 0 {
					t.Errorf("%+v", reports[0].Did)
				}
			})
		})
	}
}

func TestADeploymentThatAYoungerOneTakesThePlaceOfIsWaitedForAsThatOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newWorld(t)
		two := 0
		w.Faults().Add(awslocal.Fault{Service: "ecs", Operation: "DescribeServices", Then: func(awslocal.Call) {
			if two++; two == 2 {
				if _, err := roll(t, s, &copier{}, rollout.Wave{ECS: []rollout.ECSService{{Cluster: "apps", Service: "slow"}}}); err != nil {
					t.Error(err)
				}
			}
		}})
		_, err := roll(t, s, &copier{}, rollout.Wave{ECS: []rollout.ECSService{{Cluster: "apps", Service: "slow", Wait: true}}})
		if err != nil || w.forced("apps/slow") != 2 {
			t.Errorf("error %v, %d deployments", err, w.forced("apps/slow"))
		}
	})
}

// answers is a transport that answers one code after the other, the last one for ever.
type answers struct {
	mu    sync.Mutex
	codes []int // 0: the connection breaks
	got   []*http.Request
	body  []string
}

func (a *answers) RoundTrip(req *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	body := ""
	if req.Body != nil {
		data, _ := io.ReadAll(req.Body)
		body = string(data)
	}
	a.got, a.body = append(a.got, req), append(a.body, body)
	code := a.codes[min(len(a.got), len(a.codes))-1]
	if code == 0 {
		return nil, errors.New("broken: " + canary)
	}
	return &http.Response{StatusCode: code, Header: http.Header{"Location": {"https://elsewhere.example.com/" + canary}}, Body: io.NopCloser(strings.NewReader(canary))}, nil
}

func TestAWebhookIsToldOfAWaveSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Setenv("HOOK_KEY", canary)
		a := &answers{codes: []int{503, 0, 204}}
		s := rollout.Setup{Store: "hub", Name: "rds/app", Version: "version-2", HTTP: &http.Client{Transport: a}}
		reports, err := roll(t, s, &copier{}, rollout.Wave{
			Targets: rollout.Targets{Stores: []secret.StoreName{"spokes", "eks"}}, Webhook: &rollout.Webhook{URL: "https://hooks.example.com/" + canary, Key: "HOOK_KEY"},
		})
		if err != nil || brief(reports) != "done 3 [webhook hooks.example.com done]" || len(a.got) != 3 {
			t.Fatalf("%v, %s", err, brief(reports))
		}
		want := `{"version":1,"event":"rollout","wave":1,"store":"hub","name":"rds/app","secretVersion":"version-2","targets":[` +
			`{"store":"eks","cluster":"prod","namespace":"apps"},{"store":"spokes","account":"111111111111","region":"us-east-1"},{"store":"spokes","account":"222222222222","region":"eu-west-1"}]}`
		for i, req := range a.got {
			if a.body[i] != want || !strings.HasPrefix(req.Header.Get("X-SecretSync-Signature"), "v1=") || req.Header.Get("X-SecretSync-Timestamp") == "" || req.Header.Get("X-SecretSync-Delivery") != "version-2-wave-1" {
				t.Errorf("%v\n%s", req.Header, a.body[i])
			}
		}
	})
}

func TestAWebhookThatRefusesStopsTheRollout(t *testing.T) {
	for code, want := range map[int]string{
		500: "3 attempts: it answered 500", 0: "3 attempts: the connection broke before there was an answer", 404: "it answered 404", 302: "it answered 302: redirects are not followed",
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &answers{codes: []int{code}}
			reports, err := roll(t, rollout.Setup{HTTP: &http.Client{Transport: a}}, &copier{}, rollout.Wave{Webhook: &rollout.Webhook{URL: "https://hooks.example.com/" + canary}, Gate: []rollout.Probe{{Login: true}}}, rollout.Wave{})
			if err == nil || err.Error() != "wave 1: webhook hooks.example.com: "+want || brief(reports) != "failed 4 [webhook hooks.example.com failed, gate login skipped]; skipped 0 []" {
				t.Errorf("%v, %s", err, brief(reports))
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		hangs := &http.Client{Transport: hang{}}
		_, err := roll(t, rollout.Setup{HTTP: hangs}, &copier{}, rollout.Wave{Webhook: &rollout.Webhook{URL: "https://hooks.example.com/", Timeout: 30 * time.Second}})
		if err == nil || !strings.HasSuffix(err.Error(), "3 attempts: no answer within 30s") {
			t.Errorf("error %v", err)
		}
	})
	for at, want := range map[string]string{
		"http://hooks.example.com/" + canary: "plain http is for this machine only", "https://169.254.169.254/" + canary: "it is a metadata address", "": "not a URL with a host",
	} {
		if _, err := roll(t, rollout.Setup{}, &copier{}, rollout.Wave{Webhook: &rollout.Webhook{URL: at}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", at, err)
		}
	}
	if _, err := roll(t, rollout.Setup{}, &copier{}, rollout.Wave{Webhook: &rollout.Webhook{URL: "https://h.example/", Key: "HOOK_NONE"}}); err == nil || !strings.Contains(err.Error(), "HOOK_NONE is not set") {
		t.Errorf("error %v", err)
	}
}

// hang is a transport that never answers.
type hang struct{}

func (hang) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}
