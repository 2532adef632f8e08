package engine_test

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// The values of the canary's estate. One is at the source, one is to come, one is somebody else's, one is in the secret with the groups.
var canaries = []string{canary + "-text", canary + "-next", canary + "-foreign", `{"password": "` + canary + `-json"}`, canary + "\x00\xff", `{"Version": "1.0", "AccountGroups": {"` + canary}

// traces returns what would give a value away: itself, its encodings, and its digests.
func traces(value string) []string {
	data := []byte(value)
	all := []string{value, hex.EncodeToString(data)}
	digests := [][]byte{data}
	for _, sum := range [][]byte{
		func() []byte { s := md5.Sum(data); return s[:] }(),
		func() []byte { s := sha1.Sum(data); return s[:] }(),
		func() []byte { s := sha256.Sum256(data); return s[:] }(),
		func() []byte { s := sha512.Sum512(data); return s[:] }(),
	} {
		digests = append(digests, sum)
		all = append(all, hex.EncodeToString(sum)[:16])
	}
	for _, d := range digests {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString(d)
			all = append(all, text[:min(len(text)-1, 16)])
		}
	}
	return all
}

// diary collects everything that a run says. Safe for concurrent use.
type diary struct {
	mu   sync.Mutex
	text strings.Builder
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

// note writes things as JSON and as text.
func (d *diary) note(things ...any) {
	for _, x := range things {
		data, _ := json.Marshal(x)
		_, _ = fmt.Fprintf(d, "%s\n%v\n%+v\n%#v\n", data, x, x, x)
		if err, ok := x.(error); ok {
			_, _ = fmt.Fprintln(d, err.Error())
		}
	}
}

// everything asks the engine everything there is to ask.
func (d *diary) everything(t *testing.T, e *engine.Engine) {
	o := engine.Options{}
	run, err := e.Plan(t.Context(), o)
	d.note(err)
	if err == nil {
		d.note(run.Plan)
		run, err = e.Resume(t.Context(), run.Plan, nil)
		d.note(err)
	}
	if err == nil {
		r := e.Apply(t.Context(), run)
		d.note(r, outcomes(r))
	}
	status, err := e.Status(t.Context(), o)
	d.note(status, err)
	verified, err := e.Verify(t.Context(), o, 100)
	d.note(verified, err)
	checks, err := e.Doctor(t.Context(), o)
	d.note(checks, err)
	for _, name := range []secret.Name{"app/text", "app/json", "groups"} {
		why, err := e.Explain(t.Context(), name, o)
		d.note(name, why, err)
	}
}

func TestNoValueNorADigestOfOneIsInAnythingThatTheEngineSaysWhateverFails(t *testing.T) {
	t.Parallel()
	faults := map[string][]awslocal.Fault{
		"nothing":      nil,
		"no listing":   {{Operation: "ListSecrets", Listing: service.ListingEmpty}},
		"no 1st page":  {{Operation: "ListSecrets", Listing: service.ListingNoFirst}},
		"stale list":   {{Operation: "ListSecrets", Lag: time.Hour}},
		"hub is stale": {{Operation: "ListSecrets", Account: hub, Lag: time.Hour}},
		"hangs":        {{Operation: "PutSecretValue", Times: 1, Hang: true}, {Operation: "CreateSecret", Times: 1, Hang: true}, {Operation: "*GetSecretValue", Times: 1, Hang: true}},
		"lost answers": {{Operation: "*Secret*", LoseAnswer: true, Account: one}, {Operation: "PutSecretValue", Times: 2, LoseAnswer: true}},
		"chance":       {{Probability: 0.3, Drop: true}},
	}
	for _, code := range []string{
		"AccessDeniedException", "ThrottlingException", "InternalServiceError", "DecryptionFailure", "EncryptionFailure", "ResourceNotFoundException", "ResourceExistsException",
		"InvalidRequestException", "InvalidParameterException", "ValidationException", "LimitExceededException", "ExpiredTokenException", "UnrecognizedClientException", "",
	} {
		quoting := "value '" + canaries[1] + "' at 'secretString' is not possible"
		if code != "InvalidRequestException" && code != "InvalidParameterException" && code != "ValidationException" {
			quoting = "" // only what judges a request may quote it
		}
		faults[code+" reading"] = []awslocal.Fault{{Operation: "*GetSecretValue", Code: code, Drop: code == ""}, {Operation: "DescribeSecret", Code: code, Drop: code == ""}}
		faults[code+" writing"] = []awslocal.Fault{{Operation: "CreateSecret", Code: code, Drop: code == "", Message: quoting}, {Operation: "PutSecretValue", Code: code, Drop: code == "", Message: quoting}, {Operation: "TagResource", Code: code, Drop: code == ""}}
		faults[code+" in one account"] = []awslocal.Fault{{Account: one, Code: code, Drop: code == ""}}
		faults[code+" of a listing"] = []awslocal.Fault{{Operation: "ListSecrets", Account: hub, Code: code, Drop: code == ""}}
	}
	text := strings.Replace(pair, "syncs:", "groupsFrom: {store: hub, secret: groups}\nsyncs:\n  - {name: tags, from: hub, to: [{store: spokes, byTags: true}]}", 1)
	var all []string
	for _, value := range canaries {
		all = append(all, traces(value)...)
	}
	all = append(all, canary)
	for name, active := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			said := &diary{}
			log := slog.New(slog.NewJSONHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}))
			l.client = func(o *awscfg.Options) {
				o.Logger, o.Timeout, o.Attempts, o.MaxBackoff = log, 100*time.Millisecond, 3, time.Millisecond
			}
			l.put(hub, east, "app/text", canaries[0])
			l.put(hub, east, "app/gone", canaries[0])
			e := l.engine(text, func(s *engine.Setup) { s.Log = log })
			l.sync(e, engine.Options{})
			l.put(hub, east, "app/text", canaries[1])
			l.put(hub, east, "app/json", canaries[3])
			l.put(hub, east, "app/binary", canaries[4], "binary")
			l.put(one, east, "app/json", canaries[2])
			l.put(two, east, "app/text", canaries[2])
			l.put(hub, east, "groups", canaries[5])
			l.remove(hub, east, "app/gone")
			for _, f := range active {
				l.aws.Faults().Add(f)
			}
			said.everything(t, e)
			for _, trace := range all {
				if strings.Contains(said.text.String(), trace) {
					t.Fatalf("%q is in\n%s", trace, said.text.String())
				}
			}
			if said.text.Len() < 1000 {
				t.Errorf("nothing was said:\n%s", said.text.String())
			}
		})
	}
}
