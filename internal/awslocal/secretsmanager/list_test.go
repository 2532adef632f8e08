package secretsmanager

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// fill makes secrets of these names, a minute apart.
func (w *world) fill(names ...string) {
	w.Helper()
	for _, name := range names {
		w.create(name, "x")
		w.now = w.now.Add(time.Minute)
	}
}

func TestPagesShowEverySecretOnce(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprintf("s%d", (i*3)%7))
	}
	w.fill(want...)
	sorted := slices.Sorted(slices.Values(want))
	reversed := slices.Clone(want)
	slices.Reverse(reversed)
	backwards := slices.Clone(sorted)
	slices.Reverse(backwards)
	for _, c := range []struct {
		by, order string
		want      []string
	}{
		{"", "", want},
		{"created-date", "desc", reversed},
		{"name", "asc", sorted},
		{"name", "desc", backwards},
		{"last-changed-date", "", want},
		{"last-changed-date", "desc", reversed},
		{"last-accessed-date", "asc", want},
		{"last-accessed-date", "desc", reversed},
	} {
		for size := 1; size <= 8; size++ {
			p := in{"MaxResults": size}
			if c.by != "" {
				p["SortBy"] = c.by
			}
			if c.order != "" {
				p["SortOrder"] = c.order
			}
			var got []string
			for {
				got = append(got, w.names(p)...)
				next := w.do("ListSecrets", p)["NextToken"]
				if next == nil {
					break
				}
				p["NextToken"] = next
			}
			equal(t, fmt.Sprintf("%s %s by %d", c.by, c.order, size), got, c.want)
		}
	}
}

func TestAPageStaysInStepWhenSecretsComeAndGo(t *testing.T) {
	w := newWorld(t)
	w.fill("a", "b", "c", "d")
	first := w.do("ListSecrets", in{"MaxResults": 2, "SortBy": "name"})
	w.do("DeleteSecret", in{"SecretId": "b", "ForceDeleteWithoutRecovery": true})
	w.fill("aa", "cc")
	equal(t, "the rest", w.names(in{"NextToken": first["NextToken"], "SortBy": "name"}), []string{"c", "cc", "d"})
}

func TestABadTokenOrSizeIsRefused(t *testing.T) {
	w := newWorld(t)
	w.fill("a", "b")
	token := w.do("ListSecrets", in{"MaxResults": 1})["NextToken"]
	w.fails("ListSecrets", in{"NextToken": "nonsense"}, "InvalidNextTokenException", "")
	w.fails("ListSecrets", in{"NextToken": token, "SortBy": "name"}, "InvalidNextTokenException", "")
	w.fails("ListSecrets", in{"NextToken": token, "SortOrder": "desc"}, "InvalidNextTokenException", "")
	w.fails("ListSecrets", in{"NextToken": ""}, "ValidationException", "")
	w.fails("ListSecrets", in{"MaxResults": 0}, "ValidationException", "")
	w.fails("ListSecrets", in{"MaxResults": 101}, "ValidationException", "")
	w.fails("ListSecrets", in{"SortBy": "size"}, "ValidationException", "")
	w.fails("ListSecrets", in{"SortOrder": "up"}, "ValidationException", "")
}

func TestAPageHasAHundredSecretsAtMost(t *testing.T) {
	w := newWorld(t)
	for i := range 101 {
		w.create(fmt.Sprint("s", i), "x")
	}
	p := w.do("ListSecrets", in{})
	equal(t, "first page", len(p["SecretList"].([]any)), 100)
	equal(t, "second page", w.names(in{"NextToken": p["NextToken"]}), []string{"s100"})
}

func TestFilters(t *testing.T) {
	w := newWorld(t)
	for _, s := range []Secret{
		{Name: "app/db", Description: "Database password", Tags: map[string]string{"Team": "Core", "env": "prod"}},
		{Name: "App/api", Description: "The API key", Tags: map[string]string{"team": "edge"}},
		{Name: "other", OwningService: "rds"},
		{Name: "copied", PrimaryRegion: "us-east-1"},
		{Name: "MyTestSecret"},
	} {
		if err := w.svc.Seed(account, region, w.now, s); err != nil {
			t.Fatal(err)
		}
	}
	f := func(key string, values ...string) in { return in{"Key": key, "Values": values} }
	for _, c := range []struct {
		filters []in
		want    string
	}{
		{[]in{f("name", "app")}, "app/db"},
		{[]in{f("name", "db")}, ""},
		{[]in{f("name", "app", "oth")}, "app/db other"},
		{[]in{f("name", "!app")}, "App/api other copied MyTestSecret"},
		{[]in{f("name", "!app", "!App", "!other")}, "copied MyTestSecret"},
		{[]in{f("tag-key", "Te")}, "app/db"},
		{[]in{f("tag-key", "te")}, "App/api"},
		{[]in{f("tag-key", "!Te", "!te")}, "other copied MyTestSecret"},
		{[]in{f("tag-value", "pro")}, "app/db"},
		{[]in{f("tag-key", "env"), f("tag-value", "edge")}, ""},
		{[]in{f("description", "data")}, "app/db"},
		{[]in{f("description", "DATABASE pass")}, "app/db"},
		{[]in{f("description", "word")}, ""},
		{[]in{f("primary-region", "us-")}, "copied"},
		{[]in{f("owning-service", "rds")}, "other"},
		{[]in{f("owning-service", "RDS")}, ""},
		{[]in{f("all", "core")}, "app/db"},
		{[]in{f("all", "api key")}, "App/api"},
		{[]in{f("all", "test")}, "MyTestSecret"},
		{[]in{f("all", "est")}, ""},
		{[]in{f("all", "!app")}, "other copied MyTestSecret"},
	} {
		got := w.names(in{"Filters": c.filters})
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v: got %v, want %s", c.filters, got, c.want)
		}
	}
	var eleven []in
	for range 11 {
		eleven = append(eleven, f("name", "a"))
	}
	w.fails("ListSecrets", in{"Filters": eleven}, "ValidationException", "")
	w.fails("ListSecrets", in{"Filters": []in{f("size", "1")}}, "ValidationException", "")
	w.fails("ListSecrets", in{"Filters": []in{f("name")}}, "ValidationException", "")
}

func TestSecretsMarkedForDeletionAreListedOnlyWhereTheyAreAskedFor(t *testing.T) {
	w := newWorld(t)
	w.fill("a", "b")
	w.do("DeleteSecret", in{"SecretId": "a"})
	equal(t, "names", w.names(in{}), []string{"b"})
	equal(t, "with those", w.names(in{"IncludePlannedDeletion": true}), []string{"a", "b"})
	w.days(30)
	equal(t, "after the window", w.names(in{"IncludePlannedDeletion": true}), []string{"b"})
	w.fails("DescribeSecret", in{"SecretId": "a"}, "ResourceNotFoundException", "")
	w.create("a", "again")
}

func TestTheRecoveryWindowEndsOnTheDay(t *testing.T) {
	w := newWorld(t)
	w.fill("a", "b", "c")
	w.do("DeleteSecret", in{"SecretId": "a"})
	w.do("DeleteSecret", in{"SecretId": "b", "RecoveryWindowInDays": 7})
	w.do("DeleteSecret", in{"SecretId": "c", "RecoveryWindowInDays": 8})
	w.do("RestoreSecret", in{"SecretId": "c"})
	w.now = w.now.Add(7*24*time.Hour - time.Second)
	w.do("RestoreSecret", in{"SecretId": "b"})
	w.do("DeleteSecret", in{"SecretId": "b", "RecoveryWindowInDays": 7})
	w.days(7)
	w.fails("RestoreSecret", in{"SecretId": "b"}, "ResourceNotFoundException", "")
	w.do("RestoreSecret", in{"SecretId": "a"})
	w.days(60)
	equal(t, "names", w.names(in{}), []string{"a", "c"})
}

func TestALateListingShowsWhatWasThen(t *testing.T) {
	w := newWorld(t)
	minute := func() { w.now = w.now.Add(time.Minute) }
	w.create("old", "x")
	minute()
	w.do("TagResource", in{"SecretId": "old", "Tags": []tag{{"a", "1"}}})
	minute()
	w.create("new", "x")
	minute()
	w.do("DeleteSecret", in{"SecretId": "old", "ForceDeleteWithoutRecovery": true})
	minute()
	tags := func() any { return w.do("ListSecrets", in{})["SecretList"].([]any)[0].(map[string]any)["Tags"] }
	for _, c := range []struct {
		lag  time.Duration
		want string
	}{
		{0, "new"}, {time.Minute, "new"}, {time.Minute + 1, "old new"}, {2 * time.Minute, "old new"}, {2*time.Minute + 1, "old"}, {4 * time.Minute, "old"}, {4*time.Minute + 1, ""},
	} {
		w.lag = c.lag
		equal(t, fmt.Sprint("behind by ", c.lag), strings.Join(w.names(in{}), " "), c.want)
	}
	w.lag = 3 * time.Minute
	if tags() == nil {
		t.Fatal("the tag is not shown yet, want it shown")
	}
	w.lag = 3*time.Minute + 1
	if tags() != nil {
		t.Fatal("the tag is shown already")
	}
	w.fails("DescribeSecret", in{"SecretId": "old"}, "ResourceNotFoundException", "")

	w.lag = 5 * time.Minute
	w.now = w.now.Add(2 * time.Hour)
	equal(t, "much later", w.names(in{}), []string{"new"})
	equal(t, "what is remembered", len(w.svc.store(place{account, region}).ordered), 1)
}

func TestALateListingShowsTheTagsOfThen(t *testing.T) {
	w := newWorld(t)
	w.create("s", "x")
	w.do("TagResource", in{"SecretId": "s", "Tags": []tag{{"a", "old"}}})
	w.now = w.now.Add(time.Minute)
	w.do("TagResource", in{"SecretId": "s", "Tags": []tag{{"a", "new"}}})
	w.lag = time.Second
	tags := w.do("ListSecrets", in{})["SecretList"].([]any)[0].(map[string]any)["Tags"].([]any)
	equal(t, "tag", tags[0].(map[string]any)["Value"], any("old"))
}

func TestHistoryIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.create("s", "x")
	for range 300 {
		w.now = w.now.Add(time.Minute)
		w.do("TagResource", in{"SecretId": "s", "Tags": []tag{{"a", fmt.Sprint(w.now)}}})
	}
	if n := len(w.svc.store(place{account, region}).byName["s"].views); n > 62 {
		t.Fatalf("%d views are kept", n)
	}
}

func TestASeededSecretIsInEveryListing(t *testing.T) {
	w := newWorld(t)
	if err := w.svc.Seed(account, region, w.now, Secret{Name: "s", Value: "x", Tags: map[string]string{"aws:x": "y"}}); err != nil {
		t.Fatal(err)
	}
	w.lag = 5 * time.Minute
	equal(t, "names", w.names(in{}), []string{"s"})
	equal(t, "value", w.do("GetSecretValue", in{"SecretId": "s"})["SecretString"], any("x"))
	if len(w.keys.calls) != 1 {
		t.Fatalf("%d calls to KMS, want the one of reading", len(w.keys.calls))
	}
	for _, bad := range []Secret{{Name: "s"}, {Name: "a b"}, {Name: "t", Value: "x", Binary: []byte("x")}} {
		if w.svc.Seed(account, region, w.now, bad) == nil {
			t.Errorf("%q was seeded", bad.Name)
		}
	}
}

func TestAFaultChangesWhatAListingShows(t *testing.T) {
	w := newWorld(t)
	w.fill("a", "b", "c")
	list := func(listing service.Listing, token any) (string, any) {
		w.listing = listing
		p := in{"MaxResults": 2}
		if token != nil {
			p["NextToken"] = token
		}
		out := w.do("ListSecrets", p)
		return strings.Join(w.names(p), " "), out["NextToken"]
	}
	names, token := list(service.ListingEmpty, nil)
	equal(t, "empty", []any{names, token}, []any{"", nil})
	names, token = list(service.ListingTruncated, nil)
	equal(t, "truncated", []any{names, token}, []any{"a b", nil})
	names, token = list(service.ListingNoFirst, nil)
	if names != "" || token == nil {
		t.Fatalf("without the first page: %q, %v", names, token)
	}
	names, token = list(service.ListingNoFirst, token)
	equal(t, "the second page", []any{names, token}, []any{"c", nil})
}

func TestDatesOfAccessAndChange(t *testing.T) {
	w := newWorld(t)
	w.create("s", "x")
	created := float64(w.now.Unix())
	w.now = w.now.Add(90 * time.Minute)
	w.do("GetSecretValue", in{"SecretId": "s"})
	e := w.do("ListSecrets", in{})["SecretList"].([]any)[0].(map[string]any)
	equal(t, "dates", []any{e["CreatedDate"], e["LastChangedDate"], e["LastAccessedDate"]},
		[]any{created, created, float64(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Unix())})
	w.now = w.now.Add(1500 * time.Millisecond)
	w.do("TagResource", in{"SecretId": "s", "Tags": []tag{{"a", "b"}}})
	equal(t, "date of change", w.do("DescribeSecret", in{"SecretId": "s"})["LastChangedDate"], any(created+5401.5))
}

func BenchmarkAPageOfTenThousand(b *testing.B) {
	svc := New(nil, nil, nil)
	now := time.Now()
	for i := range 10_000 {
		if err := svc.Seed(account, region, now, Secret{Name: fmt.Sprintf("secret/%05d", i), Value: "x"}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		r, err := svc.Serve(b.Context(), &service.Request{Account: account, Region: region, Operation: "ListSecrets", Now: now, Lag: time.Minute, Body: []byte(`{"SortBy":"name"}`)})
		if err != nil || len(r.JSON.(listOutput).SecretList) != 100 {
			b.Fatal("not a page")
		}
	}
}
