package rollout_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secretsync-dev/secretsync/internal/rollout"
)

func gate(probes ...rollout.Probe) rollout.Wave { return rollout.Wave{Gate: probes} }

func TestAProbeIsTriedAgainUntilItPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		s := rollout.Setup{Login: func(context.Context) error {
			if at = append(at, time.Since(began)); len(at) < 7 {
				return errors.New("refused")
			}
			return nil
		}}
		c := &copier{}
		reports, err := roll(t, s, c, gate(rollout.Probe{Login: true}), rollout.Wave{})
		if err != nil || brief(reports) != "done 4 [gate login done]; done 0 []" || len(c.waves) != 2 {
			t.Errorf("%v, %s", err, brief(reports))
		}
		for i, want := range []int{0, 1, 3, 7, 15, 25, 35} { // seconds
			if at[i] != time.Duration(want)*time.Second {
				t.Errorf("attempt %d after %s", i+1, at[i])
			}
		}
	})
}

func TestAGateThatStaysClosedStopsTheRollout(t *testing.T) {
	for name, within := range map[string]time.Duration{"2m0s": 0, "5s": 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			c := &copier{}
			s := rollout.Setup{Login: func(context.Context) error { return errors.New("the credential is refused") }}
			reports, err := roll(t, s, c, gate(rollout.Probe{Login: true, Within: within}, rollout.Probe{Command: []string{"/bin/true"}}), rollout.Wave{})
			if err == nil || err.Error() != "wave 1: gate login: it did not pass within "+name+": the credential is refused" || brief(reports) != "failed 4 [gate login failed, gate command true skipped]; skipped 0 []" || len(c.waves) != 1 {
				t.Errorf("%v, %s", err, brief(reports))
			}
			if took := time.Since(began).String(); took != name {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestAProbeThatHangsIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		s := rollout.Setup{Login: func(ctx context.Context) error {
			if n++; n == 1 {
				return errors.New("refused")
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		if _, err := roll(t, s, &copier{}, gate(rollout.Probe{Login: true})); err == nil || !strings.HasSuffix(err.Error(), "it did not pass within 2m0s: refused") {
			t.Errorf("error %v", err)
		}
		if _, err := roll(t, s, &copier{}, gate(rollout.Probe{Login: true})); err == nil || !strings.HasSuffix(err.Error(), "it did not come to an end within 2m0s") {
			t.Errorf("error %v", err)
		}
	})
}

func TestARolloutThatIsInterruptedSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		s := rollout.Setup{Login: func(context.Context) error { return errors.New("refused") }}
		reports, err := rollIn(ctx, t, s, &copier{}, gate(rollout.Probe{Login: true}), rollout.Wave{})
		if !errors.Is(err, context.DeadlineExceeded) || brief(reports) != "failed 4 [gate login failed]; skipped 0 []" {
			t.Errorf("%v, %s", err, brief(reports))
		}
	})
}

func TestAProbeByHTTPPassesWithASuccessOfItsOwnHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{codes: []int{503, 0, 404, 200}}
		s := rollout.Setup{HTTP: &http.Client{Transport: a}}
		reports, err := roll(t, s, &copier{}, gate(rollout.Probe{HTTP: "http://app.example.com/" + canary}))
		if err != nil || brief(reports) != "done 4 [gate http app.example.com done]" || len(a.got) != 4 || a.got[0].Method != http.MethodGet {
			t.Errorf("%v, %s", err, brief(reports))
		}
		a = &answers{codes: []int{302}}
		s.HTTP.Transport = a
		if _, err := roll(t, s, &copier{}, gate(rollout.Probe{HTTP: "https://app.example.com/"})); err == nil || !strings.HasSuffix(err.Error(), "it answered 302, and leads elsewhere") || a.got[len(a.got)-1].URL.Host != "app.example.com" {
			t.Errorf("error %v", err)
		}
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/at-last" {
			http.Redirect(w, r, "/at-last", http.StatusFound)
		}
	}))
	t.Cleanup(server.Close)
	if _, err := roll(t, rollout.Setup{}, &copier{}, gate(rollout.Probe{HTTP: server.URL})); err != nil {
		t.Error(err)
	}
	for at, want := range map[string]string{
		"ftp://h.example/" + canary: "not the URL of an http server", "http://u:" + canary + "@h.example/": "a user name or a password", "/" + canary: "not the URL of an http server",
		"http://169.254.169.254/" + canary: "not sent to 169.254.169.254: it is a metadata address",
	} {
		if _, err := roll(t, rollout.Setup{}, &copier{}, gate(rollout.Probe{HTTP: at, Within: 50 * time.Millisecond})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestAProbeByAProgramPassesWithItsExitCodeAndSaysNoMore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "second-time")
	script := "echo " + canary + "; echo " + canary + " >&2; test -e " + file + " || { touch " + file + "; exit 3; }"
	reports, err := roll(t, rollout.Setup{}, &copier{}, gate(rollout.Probe{Command: []string{"/bin/sh", "-c", script}}))
	if err != nil || brief(reports) != "done 4 [gate command sh done]" {
		t.Errorf("%v, %s", err, brief(reports))
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		want string
		p    rollout.Probe
	}{
		{"it did not pass within 100ms: exit code 7", rollout.Probe{Command: []string{"/bin/sh", "-c", "echo " + canary + "; exit 7"}, Within: 100 * time.Millisecond}},
		{"it did not come to an end within 100ms", rollout.Probe{Command: []string{"/bin/sh", "-c", "sleep 100 & echo " + canary + "; wait"}, Within: 100 * time.Millisecond}},
		{"not started: no such file or directory", rollout.Probe{Command: []string{"/nonexistent/probe"}}},
		{"a probe is one of command, http and login", rollout.Probe{}},
		{"a probe is one of command, http and login", rollout.Probe{Login: true, Command: []string{"x"}}},
		{"this rotation has no login to try", rollout.Probe{Login: true}},
	} {
		if _, err := roll(t, rollout.Setup{}, &copier{}, gate(c.p)); err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
