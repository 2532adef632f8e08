package event

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

var update = flag.Bool("update", false, "write what the parser makes of the recorded events into testdata; look at the result")

const canary = "CANARY-9d21-77f0-4c3b"

// render returns what was read as text, a line each.
func render(all []Message, err error) string {
	if err != nil {
		return fmt.Sprintf("error: %v\n", err)
	}
	var b strings.Builder
	for _, m := range all {
		if m.ID != "" {
			fmt.Fprintf(&b, "%s: ", m.ID)
		}
		switch {
		case m.Err != nil:
			fmt.Fprintf(&b, "error: %v", m.Err)
		case m.Ignored != "":
			fmt.Fprintf(&b, "ignored: %s", m.Ignored)
		case m.Run != nil:
			fmt.Fprintf(&b, "run: syncs %q, only %q", m.Run.Syncs, m.Run.Only)
		case m.Step != nil:
			h := m.Step.Secret
			fmt.Fprintf(&b, "step: %s, kind %q, account %q, region %q, names %q, token %q, rotation token %d bytes", m.Step.Step, h.Kind, h.Account, h.Region, h.Names, m.Step.Token, m.Step.RotationToken.Size())
		case m.Rotate != nil:
			fmt.Fprintf(&b, "rotate: %v", m.Rotate)
		}
		for i, h := range m.Hints {
			if i > 0 {
				b.WriteString("\n  ")
			}
			fmt.Fprintf(&b, "hint: kind %q, account %q, region %q, names %q", h.Kind, h.Account, h.Region, h.Names)
			if h.Sweep {
				b.WriteString(", sweep")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("only %d recorded events: %v", len(files), err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = data
	}
	return all
}

func TestEveryRecordedEventIsReadAsItsFileSays(t *testing.T) {
	for name, data := range recorded(t) {
		got := render(Parse(data))
		golden := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// one parses what is one message.
func one(t *testing.T, data []byte) Message {
	t.Helper()
	all, err := Parse(data)
	if err != nil || len(all) != 1 {
		t.Fatalf("got %d messages, %v", len(all), err)
	}
	return all[0]
}

func names(m Message) (all []secret.Name) {
	for _, h := range m.Hints {
		all = append(all, h.Names...)
	}
	return all
}

// S3-B3: an ARN that was split at its slashes named a cluster "arn:aws:…".
func TestAnARNIsNeverSplitAtItsSlashes(t *testing.T) {
	for _, file := range []string{"put-secret-value-by-arn", "untag-resource", "label-updated-without-name", "rotation-succeeded"} {
		for _, n := range names(one(t, recorded(t)[file])) {
			if strings.Contains(string(n), ":") || !strings.HasPrefix(string(n), "app/db") {
				t.Errorf("%s: %q", file, n)
			}
		}
	}
	deep := `{"secret": "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/apps/db-AbCdEf"}`
	if got := names(one(t, []byte(deep))); !cmp.Equal(got, []secret.Name{"prod/apps/db", "prod/apps/db-AbCdEf"}) {
		t.Errorf("got %q", got)
	}
}

// S3-B7: these said nothing, and failed calls something.
func TestEveryKindOfChangeIsHeardAndFailedCallsAreNot(t *testing.T) {
	all := recorded(t)
	for _, file := range []string{"update-secret", "restore-secret", "rotation-succeeded", "label-updated", "update-secret-version-stage", "tag-resource", "untag-resource", "delete-secret", "create-secret"} {
		if m := one(t, all[file]); len(m.Hints) != 1 {
			t.Errorf("%s: %s", file, render([]Message{m}, nil))
		}
	}
	for _, file := range []string{"failed-call", "read-only-call", "parameter-failed"} {
		if m := one(t, all[file]); m.Ignored == "" {
			t.Errorf("%s: %s", file, render([]Message{m}, nil))
		}
	}
}

// S3-04
func TestAnUnsupportedEventIsIgnoredWithAReasonAndWithoutAnError(t *testing.T) {
	for _, file := range []string{"unsupported-call", "unsupported-source", "records-of-something-else", "service-event-without-a-secret"} {
		if m := one(t, recorded(t)[file]); m.Ignored != "unsupported event type" {
			t.Errorf("%s: %s", file, render([]Message{m}, nil))
		}
	}
}

// S4-01: a description of such a system has the name of a proxy in its event source.
func TestARotationThatSucceededIsHeardFromSecretsManagerItself(t *testing.T) {
	m := one(t, recorded(t)["rotation-succeeded"])
	want := []Hint{{Kind: secret.SecretsManager, Account: "111122223333", Region: "us-east-1", Names: []secret.Name{"app/db"}}}
	if diff := cmp.Diff(want, m.Hints); diff != "" {
		t.Error(diff)
	}
	files, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(append(files, more...), "../../docs/events.md", "../../docs/lambda.md") {
		data, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(data), "rproxy."+"goskope") {
			t.Errorf("%s names a proxy", file)
		}
	}
}

// S4-02
func TestTheSecretOfARotationIsInItsAdditionalEventData(t *testing.T) {
	for file, want := range map[string]secret.Name{"rotation-succeeded": "app/db", "rotation-succeeded-managed": "rds!cluster-0a1b2c3d"} {
		if got := names(one(t, recorded(t)[file])); !cmp.Equal(got, []secret.Name{want}) {
			t.Errorf("%s: got %q", file, got)
		}
	}
}

func TestWhatCanMakeCopiesUnwantedSweeps(t *testing.T) {
	for file, want := range map[string]bool{
		"delete-secret": true, "restore-secret": true, "tag-resource": true, "untag-resource": true, "end-secret-version-delete": true, "parameter-delete": true,
		"direct-secret": true, "put-secret-value-by-name": false, "label-updated": false, "create-secret": false, "parameter-create": false,
	} {
		if m := one(t, recorded(t)[file]); len(m.Hints) != 1 || m.Hints[0].Sweep != want {
			t.Errorf("%s: %s", file, render([]Message{m}, nil))
		}
	}
}

func TestBadInputIsAnErrorThatQuotesNothing(t *testing.T) {
	deep := `{"sync": "x"}`
	for range 7 {
		inside, err := json.Marshal(deep)
		if err != nil {
			t.Fatal(err)
		}
		deep = fmt.Sprintf(`{"Type": "Notification", "TopicArn": "t", "Message": %s}`, inside)
	}
	for name, data := range map[string]string{
		"not JSON":            `{"secret": "` + canary,
		"text":                `"` + canary + `"`,
		"number":              `1e999999`,
		"huge number":         `{"secret": 1` + strings.Repeat("0", 400) + `}`,
		"not UTF-8":           "{\"secret\": \"\xff" + canary + "\"}",
		"two documents":       `{} {"x": "` + canary + `"}`,
		"unknown key":         `{"` + canary + ` with spaces": 1}`,
		"unknown value":       `{"password": "` + canary + `"}`,
		"wrong type":          `{"secret": {"` + canary + `": 1}}`,
		"wrong ARN":           `{"secret": "arn:` + canary + `"}`,
		"ARN with a JSON key": `{"secret": "arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf:` + canary + `::"}`,
		"twice":               `{"sync": "` + canary + `", "sync": "b"}`,
		"empty name":          `{"sync": ""}`,
		"null":                `{"sync": null}`,
		"null in a list":      `{"syncs": [null]}`,
		"wild glob":           `{"only": ["` + strings.Repeat("*a", 20) + canary + `"]}`,
		"no messages":         `{"Records": []}`,
		"no list":             `{"Records": "` + canary + `"}`,
		"empty list":          `[]`,
		"too many envelopes":  deep,
		"too deep":            strings.Repeat("[", 20000) + strings.Repeat("]", 20000),
		"too large":           `{"secret": "` + strings.Repeat(canary, MaxMessage/len(canary)+1) + `"}`,
		"much too large":      `{"Records": "` + strings.Repeat(canary, MaxBatch/len(canary)+1) + `"}`,
		"event":               `{"detail-type": "Secret Label Updated", "source": "aws.secretsmanager", "account": "` + canary + `", "region": "us-east-1", "detail": {}}`,
		"detail":              `{"detail-type": "Secret Label Updated", "source": "aws.secretsmanager", "account": "111122223333", "region": "us-east-1", "detail": "` + canary + `"}`,
		"members":             `{"detail-type": 5, "source": "` + canary + `"}`,
	} {
		all, err := Parse([]byte(data))
		if err == nil {
			t.Errorf("%s: %s", name, render(all, nil))
			continue
		}
		if strings.Contains(err.Error(), "CANARY") || len(err.Error()) > 200 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUnknownKeyIsNamedAndItsValueIsNot(t *testing.T) {
	_, err := Parse([]byte(`{"snyc": "` + canary + `"}`))
	if err == nil || !strings.Contains(err.Error(), `"snyc"`) || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsAWholeRun(t *testing.T) {
	for _, data := range []string{"", " \n", "null", "{}", " { } ", `{"key1": "value1", "key2": "value2", "key3": "value3"}`} {
		m := one(t, []byte(data))
		if m.Run == nil || m.Run.Syncs != nil || m.Run.Only != nil {
			t.Errorf("%q: %s", data, render([]Message{m}, nil))
		}
	}
	if _, err := Parse([]byte(`{"key1": "value1", "key2": "value2", "key3": "other"}`)); err == nil {
		t.Error("an event that is not the console's was taken for it")
	}
}

func TestABatchMayBeLargerThanAMessage(t *testing.T) {
	var records []string
	body := strings.Repeat(" ", 400<<10) + `{"secret": "app/db"}`
	for i := range 6 {
		records = append(records, fmt.Sprintf(`{"eventSource": "aws:sqs", "messageId": "id-%d", "body": %q}`, i, body))
	}
	records = append(records, fmt.Sprintf(`{"eventSource": "aws:sqs", "messageId": "large", "body": %q}`, strings.Repeat(" ", MaxMessage)+"{}"))
	all, err := Parse([]byte(`{"Records": [` + strings.Join(records, ",") + `]}`))
	if err != nil || len(all) != 7 {
		t.Fatalf("got %d, %v", len(all), err)
	}
	for _, m := range all {
		if (m.ID == "large") != (m.Err != nil) {
			t.Errorf("%s: %v", m.ID, m.Err)
		}
	}
}

func TestMergingKeepsOneOfEachAndForgetsNoSweep(t *testing.T) {
	a := Hint{Kind: secret.SecretsManager, Account: "111122223333", Region: "us-east-1", Names: []secret.Name{"a", "b"}}
	turned, swept, elsewhere, other := a, a, a, a
	turned.Names = []secret.Name{"b", "a"}
	swept.Sweep = true
	elsewhere.Region = "eu-west-1"
	other.Names = []secret.Name{"a"}
	got := Merge([]Hint{a, elsewhere, turned, other, swept, a})
	want := []Hint{swept, elsewhere, other}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got[0].Names[0] = "changed"
	if a.Names[0] != "a" {
		t.Error("the result shares its names")
	}
	if Merge(nil) == nil {
		t.Error("no hints became nil, which is a whole run")
	}
}

func FuzzParse(f *testing.F) {
	for _, data := range recorded(f) {
		f.Add(data)
	}
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := Parse(data)
		if err != nil {
			if all != nil || len(err.Error()) > 200 {
				t.Errorf("%d messages, %v", len(all), err)
			}
			return
		}
		if len(all) == 0 {
			t.Error("nothing was said")
		}
		for _, m := range all {
			n := 0
			for _, set := range []bool{len(m.Hints) > 0, m.Run != nil, m.Step != nil, m.Rotate != nil, m.Ignored != "", m.Err != nil} {
				if set {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%d things at once: %s", n, render(all, nil))
			}
			hints := m.Hints
			if m.Step != nil {
				hints = append(hints, m.Step.Secret)
				if len(all) > 1 || m.ID != "" || len(m.Step.Secret.Names) != 1 || m.Step.Token == "" {
					t.Errorf("a step that is no call: %s", render(all, nil))
				}
			}
			if m.Rotate != nil && m.Rotate.Names != nil && len(m.Rotate.Names) == 0 {
				t.Errorf("no names are not all: %s", render(all, nil))
			}
			for _, h := range hints {
				if len(h.Names) == 0 || h.Names[0] == "" {
					t.Errorf("a hint without a name: %s", render(all, nil))
				}
			}
		}
	})
}

func TestACallNamesNoMoreSecretsThanARunLooksAt(t *testing.T) {
	names := strings.Repeat(`"a",`, 1000)
	if _, err := Parse([]byte(`{"secrets": [` + names + `"b"]}`)); err == nil || !strings.Contains(err.Error(), "1001 are named") {
		t.Errorf("got %v", err)
	}
}
