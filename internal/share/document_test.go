package share

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

func sample(region secret.Region, partition string) store.Shared {
	domain := "amazonaws.com"
	if partition == "aws-cn" {
		domain += ".cn"
	}
	return store.Shared{
		Name: "app/db", ARN: "arn:" + partition + ":secretsmanager:" + string(region) + ":111111111111:secret:app/db-AbCdEf",
		Place: secret.Place{Account: "111111111111", Region: region}, Key: "arn:" + partition + ":kms:" + string(region) + ":111111111111:key/k",
		Service: "secretsmanager." + string(region) + "." + domain,
	}
}

func TestTheStatementsAreTheseToTheLetter(t *testing.T) {
	for name, s := range map[string]store.Shared{"aws": sample("us-east-1", "aws"), "china": sample("cn-north-1", "aws-cn")} {
		partition := strings.SplitN(s.ARN, ":", 3)[1]
		principal := "arn:" + partition + ":iam::222222222222:role/app"
		identity, err := json.Marshal(identityPolicy(s))
		if err != nil {
			t.Fatal(err)
		}
		own, _ := ParseDocument(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}}`)
		got := "# The resource policy of a secret that had none\n" + pretty(Document{}.With(grantRead(principal)).String()) +
			"\n# The policy of its key, which had one statement\n" + pretty(own.With(grantDecrypt(s, principal)).String()) +
			"\n# What the other side needs\n" + pretty(string(identity))
		path := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v\n%s", path, err, got)
		}
	}
}

func TestADiffShowsWhatChanges(t *testing.T) {
	before := `{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"secretsmanager:*","Resource":"*"}]}`
	d, err := ParseDocument(before)
	if err != nil {
		t.Fatal(err)
	}
	c := &Change{Before: before, After: d.With(grantRead("arn:aws:iam::222222222222:root")).String()}
	got := c.Diff()
	if want := "+      \"Action\": \"secretsmanager:GetSecretValue\",\n"; !strings.Contains(got, want) || strings.Contains(got, "\n-") {
		t.Errorf("no %q, or something of theirs is taken away, in\n%s", want, got)
	}
}

func TestWhatIsNoPolicyIsRefused(t *testing.T) {
	for _, text := range []string{`[]`, `{`, `"x"`, `{"Statement": [1]}`, `{"Statement": "x"}`, `{"Statement": [], "Statement": []}`, `{"a": 1} {}`, `{"Statement": [null]}`, `null`} {
		if _, err := ParseDocument(text); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestPrincipalsThatAreOpenToManyAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "empty",
		"*":                                   "everybody",
		"arn:aws:iam::*:root":                 "everybody",
		"arn:aws:iam::222222222222:role/app*": "everybody",
		"o-a1b2c3d4e5":                        "organization",
		"ou-ab12-11111111":                    "organization",
		"lambda.amazonaws.com":                "service",
		"arn:aws:sts::222222222222:assumed-role/app/session": "session",
		"arn:aws:iam::222222222222:group/admins":             "group",
		"22222222222":                                        "12 digits",
		"arn:aws:iam::222222222222:role/":                    "12 digits",
		"arn:aws:s3:::bucket":                                "12 digits",
		"arn:aws:iam::222222222222:oidc-provider/x":          "12 digits",
	} {
		if _, err := ParsePrincipal(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"222222222222":                                   "arn:aws:iam::222222222222:root",
		"arn:aws:iam::222222222222:root":                 "arn:aws:iam::222222222222:root",
		"arn:aws:iam::222222222222:role/service/app-1":   "arn:aws:iam::222222222222:role/service/app-1",
		"arn:aws:iam::222222222222:user/ann@example.org": "arn:aws:iam::222222222222:user/ann@example.org",
	} {
		p, err := ParsePrincipal(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got, err := p.in("aws"); err != nil || got != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

func TestAStatementThatAWSStoredInAnotherSpellingIsTheSame(t *testing.T) {
	st := grantRead("arn:aws:iam::222222222222:root")
	stored := `{"Resource":["*"],"Action":["secretsmanager:GetSecretValue"],"Principal":{"AWS":["arn:aws:iam::222222222222:root"]},"Effect":"Allow","Sid":"` + st.Sid + `"}`
	d, err := ParseDocument(`{"Version":"2012-10-17","Statement":[` + stored + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.With(st).String(); got != d.String() {
		t.Errorf("it is rewritten: %s", got)
	}
	gone := strings.Replace(d.String(), "arn:aws:iam::222222222222:root", "AROAEXAMPLEEXAMPLEEXA", 1) // as AWS writes a role that was deleted
	if d, err = ParseDocument(gone); err != nil {
		t.Fatal(err)
	}
	if got := d.With(st).String(); strings.Contains(got, "AROA") || strings.Count(got, st.Sid) != 1 {
		t.Errorf("it is not replaced: %s", got)
	}
}

// TestSharingAndRevokingLeavesWhatWasThere: for any policy of others, sharing keeps every statement byte for byte and in its place, and revoking leaves the policy as it was.
func TestSharingAndRevokingLeavesWhatWasThere(t *testing.T) {
	space := rapid.SampledFrom([]string{"", " ", "\n  ", "\t"})
	value := rapid.SampledFrom([]string{`"x"`, `["a", "b"]`, `{"AWS" : "*"}`, `1.0`, `1e2`, `"\u00e9<&>"`, `null`, `{"a":{"b":["c"]}}`, `true`, `"${aws:username}"`})
	name := rapid.SampledFrom([]string{"Effect", "Action", "Principal", "Condition", "Resource", "Unknown", "sid"})
	rapid.Check(t, func(t *rapid.T) {
		sp := func() string { return space.Draw(t, "space") }
		statement := func(i int) string {
			out := "{" + sp() + `"Sid":` + sp() + `"S` + string(rune('0'+i)) + `"`
			for range rapid.IntRange(0, 4).Draw(t, "members") {
				out += "," + sp() + `"` + name.Draw(t, "name") + `"` + sp() + ":" + sp() + value.Draw(t, "value")
			}
			return out + sp() + "}"
		}
		n := rapid.IntRange(0, 5).Draw(t, "statements")
		var theirs []string
		for i := range n {
			theirs = append(theirs, statement(i))
		}
		list := "[" + sp() + strings.Join(theirs, sp()+","+sp()) + sp() + "]"
		if n == 1 && rapid.Bool().Draw(t, "single") {
			list = theirs[0]
		}
		members := rapid.Permutation([]string{`"Version":` + sp() + `"2012-10-17"`, `"Id" :` + value.Draw(t, "id"), `"Statement":` + sp() + list}).Draw(t, "order")
		text := sp() + "{" + strings.Join(members, ",") + "}" + sp()
		doc, err := ParseDocument(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		whole := doc.String()

		var ours []Statement
		for _, p := range []string{"arn:aws:iam::222222222222:root", "arn:aws:iam::333333333333:role/app"}[:rapid.IntRange(1, 2).Draw(t, "principals")] {
			ours = append(ours, grantRead(p))
		}
		for _, st := range ours {
			doc = reparse(t, doc.With(st))
			if doc.String() != doc.With(st).String() {
				t.Fatal("sharing again changes it")
			}
		}
		at := 0
		for _, their := range theirs {
			i := strings.Index(doc.String()[at:], their)
			if i < 0 {
				t.Fatalf("%s is not in its place in %s", their, doc.String())
			}
			at += i + len(their)
		}
		for _, st := range ours {
			if doc.Find(st.Sid) == nil {
				t.Fatal("it is not there")
			}
			doc = reparse(t, doc.Without(st.Sid))
		}
		if !sameDocument(whole, doc.String()) {
			t.Fatalf("%s became %s", whole, doc.String())
		}
	})
}

func reparse(t *rapid.T, d Document) Document {
	out, err := ParseDocument(d.String())
	if err != nil {
		t.Fatalf("%s: %v", d.String(), err)
	}
	return out
}

// sameDocument compares texts; a statement that stood alone may stand in a list.
func sameDocument(a, b string) bool {
	if a == b {
		return true
	}
	x, err1 := ParseDocument(a)
	y, err2 := ParseDocument(b)
	if err1 != nil || err2 != nil || !x.single || len(y.statements) != 1 || len(x.members) != len(y.members) {
		return false
	}
	for i := range x.members {
		if i != x.at && (x.members[i].key != y.members[i].key || string(x.members[i].value) != string(y.members[i].value)) {
			return false
		}
	}
	return string(x.statements[0]) == string(y.statements[0])
}
