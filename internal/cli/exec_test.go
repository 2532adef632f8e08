package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const hidden = "cAnArY-77ab"

func made(t *testing.T, arg string, value secret.Value) ([]string, error) {
	t.Helper()
	wants, err := parseWants([]string{arg})
	if err != nil {
		return nil, err
	}
	vars, err := variablesFrom(wants, []store.Reading{{Name: wants[0].secret, Version: "1", Value: value}})
	var all []string
	for _, v := range vars {
		all = append(all, v.name+"="+v.value)
	}
	return all, err
}

func TestANameSaysWhichVariablesASecretBecomes(t *testing.T) {
	const object = `{"api-key": "k", "Port": 5432, "ratio": 1.10, "on": true, "ünı": ""}`
	for _, test := range []struct{ arg, value, want string }{
		{"app/db", object, "API_KEY=k PORT=5432 RATIO=1.10 ON=true _N_="},
		{"*=app/db", object, "API_KEY=k PORT=5432 RATIO=1.10 ON=true _N_="},
		{"db_*=app/db", object, "db_API_KEY=k db_PORT=5432 db_RATIO=1.10 db_ON=true db__N_="},
		{"V=app/db", object, "V=" + object},
		{"app/db#api-key", object, "API_KEY=k"},
		{"v=app/db#api-key", object, "v=k"},
		{"V=app/db#x", `{"x": {"y": [1.0]}}`, `V={"y": [1.0]}`},
		{"V=app/db#x", `{"x": 12345678901234567890.10}`, "V=12345678901234567890.10"},
		{"app/db.password", "p=1", "DB_PASSWORD=p=1"},
		{"plain", " p ", "PLAIN= p "},
		{"app/list", `["a"]`, `LIST=["a"]`},
		{"app/text", `"a"`, `TEXT="a"`},
		{"app/number", `12`, `NUMBER=12`},
		{"app/null", `null`, `NULL=null`},
		{"app/broken", `{"a": `, `BROKEN={"a": `},
		{"app/pair", `{"a": "\ud83d\udd11\\ud83d\ufffd"}`, "A=🔑\\ud83d\ufffd"},
		{"a=b", "x", "a=x"}, // of the secret b
		{"*=a=b", `{"c": "x"}`, "C=x"},
		{"V=a=b", "x", "V=x"},
		{"app/a=b", "x", "A_B=x"},
		{"V=dir#1/x#k", `{"k": "x"}`, "V=x"},
		{"V=arn:aws:secretsmanager:us-east-1:111111111111:secret:x-AbCdEf", "x", "V=x"},
	} {
		got, err := made(t, test.arg, secret.Text([]byte(test.value)))
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %q, %v; want %q", test.arg, got, err, test.want)
		}
	}
}

func TestWhatNoVariableCanHoldIsAnErrorThatQuotesNothingOfIt(t *testing.T) {
	for _, test := range []struct {
		arg   string
		value secret.Value
		want  string
	}{
		{"app/x", secret.Binary([]byte(hidden)), "is binary"},
		{"app/x", secret.Text(nil), "is empty"},
		{"app/x", secret.Text([]byte(hidden + "\x00")), "NUL byte"},
		{"app/x", secret.Text([]byte(`{"a": "` + hidden + `\u0000"}`)), `member "a" has a NUL byte`},
		{"app/x", secret.Text([]byte(`{"a": "` + hidden + `\udd11"}`)), `member "a" has an escape`},
		{"app/x", secret.Text([]byte(`{"a": "` + hidden + `\ud83dx"}`)), `member "a" has an escape`},
		{"app/x", secret.Text([]byte(`{"a": "` + hidden + `", "a": 1}`)), `"a" twice`},
		{"app/x", secret.Text([]byte(`{"a": ["` + hidden + `"]}`)), `member "a" is no text`},
		{"app/x", secret.Text([]byte(`{"a": "` + hidden + `", "b": null}`)), `member "b" is null`},
		{"app/x", secret.Text([]byte(`{"": "` + hidden + `"}`)), `member "" makes the variable ""`},
		{"app/x#b", secret.Text([]byte(`{"a": "` + hidden + `"}`)), `no member "b"`},
		{"app/x#b", secret.Text([]byte(hidden)), "no JSON object"},
		{"P_*=app/x", secret.Text([]byte(`["` + hidden + `"]`)), "no JSON object"},
		{"app/-", secret.Text([]byte(hidden)), `its name makes the variable "_"`},
		{"app/path", secret.Text([]byte(hidden)), `its name makes the variable "PATH", which steers`},
		{"pA*=app/x", secret.Text([]byte(`{"th": "` + hidden + `"}`)), `"pATH", which steers`},
		{"app/x", secret.Text([]byte(`{"bash_func_ls": "` + hidden + `"}`)), `"BASH_FUNC_LS", which steers`},
		{"arn:aws:secretsmanager:us-east-1:111111111111:secret:x-AbCdEf", secret.Text([]byte(hidden)), "write VAR=ARN"},
	} {
		got, err := made(t, test.arg, test.value)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "secret \"") {
			t.Errorf("%s: got %d variables, %v; want %q", test.arg, len(got), err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: the error holds the value", test.arg)
		}
	}
}

func TestASecretIsReadOnceHoweverOftenItIsNamed(t *testing.T) {
	wants, err := parseWants([]string{"a", "X=a", "b", "Y=a#z", "*=b"})
	if err != nil {
		t.Fatal(err)
	}
	if names := namesOf(wants); !slices.Equal(names, []secret.Name{"a", "b"}) {
		t.Errorf("got %v", names)
	}
}

func TestTheEnvironmentHasEachVariableOnce(t *testing.T) {
	inherited := []string{"A=1", "B=2", "B=3", "=C:=x", "AWS_PROFILE=p", "AWS_REGION=r"}
	vars := []variable{{name: "B", value: "4", secret: "b"}}
	if _, err := (execution{}).environment(inherited, vars); err == nil || !strings.Contains(err.Error(), "variable B, which secret \"b\" defines, is set already") {
		t.Errorf("got %v", err)
	}
	for _, test := range []struct {
		x    execution
		want string
	}{
		{execution{overwrite: true}, "A=1 =C:=x AWS_PROFILE=p AWS_REGION=r B=4"},
		{execution{overwrite: true, withoutCredentials: true}, "A=1 =C:=x AWS_REGION=r B=4"},
		{execution{pristine: true}, "B=4"},
	} {
		got, err := test.x.environment(inherited, vars)
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%+v: got %q, %v", test.x, got, err)
		}
	}
}
