package secretsmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const (
	account = "111111111111"
	region  = "eu-west-1"
)

// in is the parameters of a call.
type in map[string]any

// world is a Secrets Manager with a caller, a clock and a KMS that writes down what it is asked.
type world struct {
	*testing.T
	svc     *Service
	keys    *fakeKeys
	now     time.Time
	account string
	region  string
	lag     time.Duration
	listing service.Listing
	deny    map[string]bool // actions that the caller may not do
	asked   []question      // what the caller was authorized for
	noted   []string
}

type question struct {
	action, resource string
	conditions       map[string][]string
}

func newWorld(t *testing.T) *world {
	keys := &fakeKeys{refusals: map[string]*service.Error{}}
	var mu sync.Mutex
	n := 0
	ids := func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("99999999-0000-4000-8000-%012d", n)
	}
	return &world{
		T: t, svc: New(keys, nil, ids), keys: keys, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		account: account, region: region, deny: map[string]bool{},
	}
}

func (w *world) request(op string, params any) *service.Request {
	w.Helper()
	body, err := json.Marshal(params)
	if err != nil {
		w.Fatal(err)
	}
	if text, ok := params.(string); ok {
		body = []byte(text)
	}
	return &service.Request{
		Account: w.account, Region: w.region, Operation: op, Body: body, Now: w.now, Lag: w.lag, Listing: w.listing,
		Principal: service.Principal{Account: w.account, ARN: "arn:aws:iam::" + w.account + ":root"},
		Authorize: func(action, resource string, conditions map[string][]string) *service.Error {
			w.asked = append(w.asked, question{action, resource, conditions})
			if w.deny[action] || w.deny[action+" "+resource] {
				return &service.Error{Code: "AccessDeniedException", Message: "denied " + action}
			}
			return nil
		},
		Note: func(name string) { w.noted = append(w.noted, name) },
	}
}

// do makes a call that succeeds, and returns its answer as it is on the wire.
func (w *world) do(op string, params any) map[string]any {
	w.Helper()
	r, err := w.svc.Serve(context.Background(), w.request(op, params))
	if err != nil {
		w.Fatalf("%s: %v", op, err)
	}
	text, jerr := json.Marshal(r.JSON)
	if jerr != nil {
		w.Fatal(jerr)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		w.Fatal(err)
	}
	return out
}

// fails makes a call that is refused with that code, and that text where it is given.
func (w *world) fails(op string, params any, code, message string) {
	w.Helper()
	_, err := w.svc.Serve(context.Background(), w.request(op, params))
	if err == nil {
		w.Fatalf("%s succeeded, want %s", op, code)
	}
	if err.Code != code || message != "" && err.Message != message {
		w.Fatalf("%s: %v\nwant %s: %s", op, err, code, message)
	}
	if err.HTTPStatus() != 400 {
		w.Fatalf("%s: status %d, want 400", op, err.HTTPStatus())
	}
}

// create makes a secret with one version, v(1).
func (w *world) create(name, value string) string {
	w.Helper()
	return w.do("CreateSecret", in{"Name": name, "SecretString": value, "ClientRequestToken": v(1)})["ARN"].(string)
}

func (w *world) put(name string, n int, value string, stages ...string) []string {
	w.Helper()
	p := in{"SecretId": name, "SecretString": value, "ClientRequestToken": v(n)}
	if len(stages) > 0 {
		p["VersionStages"] = stages
	}
	return texts(w.do("PutSecretValue", p)["VersionStages"])
}

// names returns the names that a listing shows.
func (w *world) names(params in) []string {
	w.Helper()
	var found []string
	for _, e := range w.do("ListSecrets", params)["SecretList"].([]any) {
		found = append(found, e.(map[string]any)["Name"].(string))
	}
	return found
}

// stages returns the labelled versions of a secret as "1:AWSPREVIOUS 2:AWSCURRENT,PUT0", by creation.
func (w *world) stages(name string, deprecated bool) string {
	w.Helper()
	var all []string
	for _, e := range w.do("ListSecretVersionIds", in{"SecretId": name, "IncludeDeprecated": deprecated})["Versions"].([]any) {
		e := e.(map[string]any)
		id := strings.TrimLeft(strings.TrimPrefix(e["VersionId"].(string), "00000000-0000-4000-8000-"), "0")
		all = append(all, id+":"+strings.Join(texts(e["VersionStages"]), ","))
	}
	return strings.Join(all, " ")
}

func (w *world) days(n int) { w.now = w.now.Add(time.Duration(n) * 24 * time.Hour) }

// v returns the id of a version.
func v(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func texts(list any) []string {
	var all []string
	if list != nil {
		for _, s := range list.([]any) {
			all = append(all, s.(string))
		}
	}
	return all
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %#v\nwant %#v", what, got, want)
	}
}

// shape compares an answer with one that was recorded: ARNs, dates and version ids are only compared in kind.
func (w *world) shape(what string, got map[string]any, want string) {
	w.Helper()
	text, _ := json.Marshal(kinds(got, ""))
	var a, b any
	_ = json.Unmarshal(text, &a)
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		w.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		w.Fatalf("%s:\n got %s\nwant %s", what, text, want)
	}
}

func kinds(x any, key string) any {
	switch x := x.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, value := range x {
			out[kindOf(k).(string)] = kinds(value, k)
		}
		return out
	case []any:
		out := []any{}
		for _, e := range x {
			out = append(out, kinds(e, key))
		}
		return out
	case float64:
		if strings.HasSuffix(key, "Date") {
			return "date"
		}
		return x
	default:
		return kindOf(x)
	}
}

func kindOf(x any) any {
	s, ok := x.(string)
	if !ok {
		return x
	}
	if rest, ok := strings.CutPrefix(s, "00000000-0000-4000-8000-"); ok {
		return "v" + strings.TrimLeft(rest, "0")
	}
	if strings.HasPrefix(s, "arn:aws:secretsmanager:") && s[len(s)-7] == '-' {
		return s[:len(s)-6] + "??????"
	}
	return s
}

// fakeKeys is a KMS that allows everything but what refusals name, as "key use" or "use".
type fakeKeys struct {
	mu       sync.Mutex
	calls    []keyCall
	refusals map[string]*service.Error
	during   func() // happens while the next call is with KMS
}

type keyCall struct {
	region, via, key string
	use              service.KeyUse
	context          map[string]string
}

func (k *fakeKeys) Use(r *service.Request, via, key string, use service.KeyUse, context map[string]string) *service.Error {
	if do := k.during; do != nil {
		k.during = nil
		do()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, keyCall{r.Region, via, key, use, context})
	if err := k.refusals[key+" "+string(use)]; err != nil {
		return err
	}
	return k.refusals[string(use)]
}

// taken returns the calls since the last time as "use key version".
func (k *fakeKeys) taken() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []string
	for _, c := range k.calls {
		id := c.context["SecretVersionId"]
		if kind, ok := kindOf(id).(string); ok {
			id = kind
		}
		all = append(all, string(c.use)+" "+c.key+" "+id)
	}
	k.calls = nil
	return all
}
