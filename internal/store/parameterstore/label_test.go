package parameterstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func TestASourceReadsTheVersionThatCarriesItsLabel(t *testing.T) {
	server, url := embedded(t, awslocal.Options{})
	labelled(t, url, spoke, func() { server.Ledger().Reset() }, func() string {
		var all []string
		for _, c := range server.Ledger().Calls() {
			if c.Service == "ssm" {
				all = append(all, c.Operation)
			}
		}
		return strings.Join(all, " ")
	})
}

func TestASourceReadsTheVersionThatCarriesItsLabelOnMoto(t *testing.T) {
	labelled(t, storetest.Moto(t), "", func() {}, nil)
}

// labelled looks at parameters by a label that moves. calls says what was called since forget; nil where the stand-in does not tell.
func labelled(t *testing.T, url, account string, forget func(), calls func() string) {
	t.Helper()
	creds := keys("x")
	if account != "" {
		creds = keys(account)
	}
	raw := rawClient(url, creds)
	back := backdoor{raw}
	label := func(name string, version int64) {
		t.Helper()
		if _, err := raw.LabelParameterVersion(t.Context(), &api.LabelParameterVersionInput{Name: &name, ParameterVersion: aws.Int64(version), Labels: []string{"prod"}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 11 {
		name := fmt.Sprintf("/app/%02d", i)
		back.Put(t, secret.Name(name), secret.Text([]byte("one")))
		label(name, 1)
		back.Put(t, secret.Name(name), secret.Text([]byte("two")))
	}
	back.Put(t, "/app/none", secret.Text([]byte("none")))
	back.put(t, &api.PutParameterInput{Name: aws.String("/app/plain"), Value: aws.String(canary), Type: types.ParameterTypeString})
	label("/app/10", 2)

	f := factory(t, url, "x")
	if account != "" {
		f = factory(t, url, account)
	}
	src, err := open(t, f, "{region: us-east-1, prefix: /app/, label: prod}").Source(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	forget()
	all, err := src.List(t.Context())
	if err != nil || len(all) != 13 {
		t.Fatalf("%d parameters, %v", len(all), err)
	}
	if calls != nil {
		if got := calls(); got != "DescribeParameters GetParameters GetParameters" {
			t.Errorf("a listing made the calls %s", got)
		}
	}
	for _, m := range all {
		number := "1@"
		switch m.Name {
		case "/app/none", "/app/plain":
			if m.Version != "" || m.NoValue == "" || strings.Contains(m.NoValue, canary) {
				t.Errorf("%s: version %q, %q", m.Name, m.Version, m.NoValue)
			}
			continue
		case "/app/10":
			number = "2@"
		}
		if !strings.HasPrefix(string(m.Version), number) || m.NoValue != "" {
			t.Errorf("%s: version %q, %q", m.Name, m.Version, m.NoValue)
		}
		stat, err := src.Stat(t.Context(), m.Name)
		if err != nil || stat.Version != m.Version {
			t.Errorf("%s: described as version %q, %v", m.Name, stat.Version, err)
		}
	}
	for i, r := range src.Read(t.Context(), []secret.Name{"/app/00", "/app/10", "/app/none"}) {
		switch {
		case i == 2:
			if !errors.Is(r.Err, store.ErrNotFound) {
				t.Errorf("a label that is not there: %v", r.Err)
			}
		case r.Err != nil || !r.Value.Equal(secret.Text([]byte([]string{"one", "two"}[i]))) || r.Version != all[i*10].Version:
			t.Errorf("%s: version %q, %d bytes, %v", r.Name, r.Version, r.Value.Size(), r.Err)
		}
	}
	if r := src.Read(t.Context(), []secret.Name{"/app/00"})[0]; r.Err != nil || r.Name != "/app/00" || !strings.HasPrefix(string(r.Version), "1@") {
		t.Errorf("one by itself: %q, version %q, %v", r.Name, r.Version, r.Err)
	}
}
