package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

// units are those that CloudWatch knows and we use.
var units = []string{"Count", "Milliseconds", "Seconds"}

// checkEMF checks a line against the specification of the embedded metric format, and returns its metrics as text.
func checkEMF(t *testing.T, line string) string {
	t.Helper()
	var root map[string]json.RawMessage
	if err := json.Unmarshal([]byte(line), &root); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var aws map[string]json.RawMessage
	var timestamp int64
	var directives []map[string]json.RawMessage
	for _, err := range []error{json.Unmarshal(root["_aws"], &aws), json.Unmarshal(aws["Timestamp"], &timestamp), json.Unmarshal(aws["CloudWatchMetrics"], &directives)} {
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if len(aws) != 2 || len(directives) != 1 || len(directives[0]) != 3 || timestamp > time.Now().UnixMilli() || timestamp < 946684800000 {
		t.Errorf("%s: not the members of the format", line)
	}
	var space string
	var sets [][]string
	var metrics []map[string]string
	for _, err := range []error{json.Unmarshal(directives[0]["Namespace"], &space), json.Unmarshal(directives[0]["Dimensions"], &sets), json.Unmarshal(directives[0]["Metrics"], &metrics)} {
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if space != "SecretSync" || len(sets) != 1 || len(sets[0]) == 0 || len(sets[0]) > 30 || len(metrics) == 0 || len(metrics) > 100 {
		t.Errorf("%s: not what the format allows", line)
	}
	text := ""
	for _, name := range sets[0] {
		var value string
		if err := json.Unmarshal(root[name], &value); err != nil || value == "" || len(value) > 1024 {
			t.Errorf("%s: the dimension %s is no text", line, name)
		}
		text += name + "=" + value + " "
	}
	for _, m := range metrics {
		var value float64
		if err := json.Unmarshal(root[m["Name"]], &value); err != nil || len(m) != 2 || !slices.Contains(units, m["Unit"]) {
			t.Errorf("%s: the metric %v", line, m)
		}
		text += fmt.Sprintf("%s:%.0f ", m["Name"], value)
	}
	if len(root) != 1+len(sets[0])+len(metrics) {
		t.Errorf("%s: members that nothing refers to", line)
	}
	return strings.TrimSpace(text)
}

func TestMetricsAreValidAndSayWhatAlarmsNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		opens := 0
		f := newFunction(Options{Metrics: &out, Reopen: time.Hour, Open: func(context.Context) (*daemon.Session, error) {
			if opens++; opens == 1 || opens == 3 {
				return nil, errors.New("not permitted")
			}
			return &daemon.Session{Syncs: []daemon.Sync{{Name: "one"}, {Name: "two"}}, Run: func(ctx context.Context, j daemon.Job) (*engine.Report, error) {
				time.Sleep(1500 * time.Millisecond)
				return run(ctx, j)
			}}, nil
		}})
		ask := func(payload string) {
			_, _ = f.Invoke(t.Context(), []byte(payload)) // what it answers is tested elsewhere
		}
		for _, c := range []struct{ payload, want string }{
			{"{}", `Owner=unknown NotOpened:1`},
			{"{", `Owner=unknown Malformed:1`},
			{"{}", `Owner=platform-test Runs:1 DurationMs:1500 Failures:0 Applied:0 Refused:0 DeletionsHeld:0 LastSuccess:946684801
Owner=platform-test Sync=one Failures:0 Applied:0 Refused:0 DeletionsHeld:0 LastSuccess:946684801
Owner=platform-test Sync=two Failures:0 Applied:0 Refused:0 DeletionsHeld:0 LastSuccess:946684801`},
			{`{"secrets": ["app/db", "fail/db", "refuse/db", "brake/db"]}`, `Owner=platform-test Runs:1 DurationMs:1500 Failures:1 Applied:1 Refused:1 DeletionsHeld:1
Owner=platform-test Sync=one Failures:1 Applied:1 Refused:1 DeletionsHeld:1`},
			{`{"secret": "problem"}`, `Owner=platform-test Runs:1 DurationMs:1500 Failures:1 Applied:0 Refused:0 DeletionsHeld:0
Owner=platform-test Sync=two Failures:1 Applied:0 Refused:0 DeletionsHeld:0`},
			{`{"secret": "app/db"}`, `Owner=platform-test Runs:1 DurationMs:1500 Failures:0 Applied:1 Refused:0 DeletionsHeld:0
Owner=platform-test Sync=one Failures:0 Applied:1 Refused:0 DeletionsHeld:0`},
			{`{"syncs": ["app"]}`, `Owner=platform-test Runs:1 DurationMs:1500 Failures:0 Applied:1 Refused:0 DeletionsHeld:0
Owner=platform-test Sync=app Failures:0 Applied:0 Refused:0 DeletionsHeld:0 LastSuccess:946684807`},
			{`{"only": ["app"]}`, `Owner=platform-test Runs:1 DurationMs:1500 Failures:0 Applied:0 Refused:0 DeletionsHeld:0
Owner=platform-test Sync=one Failures:0 Applied:0 Refused:0 DeletionsHeld:0
Owner=platform-test Sync=two Failures:0 Applied:0 Refused:0 DeletionsHeld:0`},
			{`{"secret": "error"}`, `Owner=platform-test Runs:1 Failures:1 DurationMs:1500`},
			{`{"syncs": ["problem"]}`, `Owner=platform-test Runs:1 DurationMs:1500 Failures:1 Applied:0 Refused:0 DeletionsHeld:0
Owner=platform-test Sync=problem Failures:0 Applied:0 Refused:0 DeletionsHeld:0 LastSuccess:946684812`},
		} {
			out.Reset()
			ask(c.payload)
			var got []string
			for line := range strings.Lines(out.String()) {
				got = append(got, checkEMF(t, line))
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("%s:\n%s", c.payload, diff)
			}
		}
		time.Sleep(time.Hour)
		out.Reset()
		ask(`{"secret": "app/db"}`) // with the configuration that was good
		if got := checkEMF(t, strings.Split(out.String(), "\n")[0]); got != "Owner=platform-test NotOpened:1" || !strings.Contains(out.String(), `"Applied":1`) {
			t.Errorf("got %s", out.String())
		}
	})
}
