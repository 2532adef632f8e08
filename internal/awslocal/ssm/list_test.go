package ssm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

func by(key, option string, values ...string) types.ParameterStringFilter {
	f := types.ParameterStringFilter{Key: &key, Values: values}
	if option != "" {
		f.Option = &option
	}
	return f
}

func TestListingsComeInPagesByName(t *testing.T) {
	w := newWorld(t)
	for i := range 120 {
		w.mustPut(fmt.Sprintf("/p/%03d", 119-i), "v")
	}
	first, err := w.c.DescribeParameters(t.Context(), &sdk.DescribeParametersInput{})
	if err != nil || len(first.Parameters) != 50 || first.NextToken == nil || *first.Parameters[49].Name != "/p/049" {
		t.Fatalf("the first page: %d, %v", len(first.Parameters), err)
	}
	if _, err := w.c.DeleteParameter(t.Context(), &sdk.DeleteParameterInput{Name: aws.String("/p/000")}); err != nil {
		t.Fatal(err)
	}
	second, err := w.c.DescribeParameters(t.Context(), &sdk.DescribeParametersInput{NextToken: first.NextToken})
	if err != nil || len(second.Parameters) != 50 || *second.Parameters[0].Name != "/p/050" {
		t.Fatalf("the second page: %d, %v", len(second.Parameters), err)
	}
	if got := strings.Fields(w.names(7)); len(got) != 119 {
		t.Errorf("%d names in pages of 7", len(got))
	}
	_, err = w.c.DescribeParameters(t.Context(), &sdk.DescribeParametersInput{MaxResults: aws.Int32(51)})
	wantCode(t, err, "ValidationException", "Value '51' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 50")
	_, err = w.c.DescribeParameters(t.Context(), &sdk.DescribeParametersInput{NextToken: aws.String("x")})
	wantCode(t, err, "InvalidNextToken", "")
}

func TestFiltersChooseParameters(t *testing.T) {
	w := newWorld(t)
	w.mustPut("/a/b", "v", tagged("team", "blue"))
	w.mustPut("/a/b/c", "v", secure)
	w.mustPut("/a/bc", "v", advanced)
	w.mustPut("plain", "v", func(in *sdk.PutParameterInput) { in.Type = types.ParameterTypeStringList })
	for _, step := range []struct {
		want    string
		filters []types.ParameterStringFilter
	}{
		{"/a/b /a/b/c /a/bc plain", nil},
		{"/a/b", []types.ParameterStringFilter{by("Name", "", "/a/b")}},
		{"/a/b /a/b/c /a/bc", []types.ParameterStringFilter{by("Name", "BeginsWith", "/a/b")}},
		{"/a/bc plain", []types.ParameterStringFilter{by("Name", "Contains", "bc", "lai")}},
		{"/a/b /a/bc", []types.ParameterStringFilter{by("Path", "", "/a")}},
		{"/a/b /a/b/c /a/bc", []types.ParameterStringFilter{by("Path", "Recursive", "/a/")}},
		{"/a/b/c", []types.ParameterStringFilter{by("Path", "Recursive", "/a/b")}},
		{"plain", []types.ParameterStringFilter{by("Path", "OneLevel", "/")}},
		{"/a/b/c", []types.ParameterStringFilter{by("Type", "", "SecureString")}},
		{"/a/b /a/bc plain", []types.ParameterStringFilter{by("Type", "BeginsWith", "String", "StringList")}},
		{"/a/b/c", []types.ParameterStringFilter{by("KeyId", "BeginsWith", "alias/")}},
		{"/a/bc", []types.ParameterStringFilter{by("Tier", "", "Advanced")}},
		{"/a/b", []types.ParameterStringFilter{by("tag:team", "", "blue", "red")}},
		{"/a/b", []types.ParameterStringFilter{by("tag:team", "")}},
		{"/a/b", []types.ParameterStringFilter{by("Name", "BeginsWith", "/a"), by("tag:team", "", "blue")}},
	} {
		w.wantNames(fmt.Sprint(step.filters), step.want, step.filters...)
	}
	for _, bad := range []struct {
		filters    []types.ParameterStringFilter
		code, text string
	}{
		{[]types.ParameterStringFilter{by("Label", "", "x")}, "InvalidFilterKey", ""},
		{[]types.ParameterStringFilter{by("Name", "", "x"), by("Name", "", "y")}, "InvalidFilterKey", ""},
		{[]types.ParameterStringFilter{by("Path", "Equals", "/")}, "InvalidFilterOption", "Valid options include: [Recursive, OneLevel]"},
		{[]types.ParameterStringFilter{by("Type", "Contains", "x")}, "InvalidFilterOption", "Valid options include: [BeginsWith, Equals]"},
		{[]types.ParameterStringFilter{by("Type", "", "x")}, "InvalidFilterValue", "The following filter value is not valid: x."},
		{[]types.ParameterStringFilter{by("Name", "")}, "InvalidFilterValue", "missing"},
		{[]types.ParameterStringFilter{by("Path", "", "a")}, "ValidationException", "must begin with a forward slash"},
	} {
		_, err := w.c.DescribeParameters(t.Context(), &sdk.DescribeParametersInput{ParameterFilters: bad.filters})
		wantCode(t, err, bad.code, bad.text)
	}
}

func TestParametersAreReadByPath(t *testing.T) {
	w := newWorld(t)
	for i := range 12 {
		w.mustPut(fmt.Sprintf("/app/%02d", i), "v", secure)
	}
	w.mustPut("/app/deep/x", "deep")
	w.mustPut("/apple", "v")
	read := func(in *sdk.GetParametersByPathInput) (names []string, pages int) {
		t.Helper()
		p := sdk.NewGetParametersByPathPaginator(w.c, in)
		for p.HasMorePages() {
			page, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, x := range page.Parameters {
				names = append(names, *x.Name)
			}
		}
		return names, pages
	}
	if names, pages := read(&sdk.GetParametersByPathInput{Path: aws.String("/app")}); len(names) != 12 || pages != 2 {
		t.Errorf("one level: %v in %d pages", names, pages)
	}
	names, pages := read(&sdk.GetParametersByPathInput{Path: aws.String("/app/"), Recursive: aws.Bool(true), WithDecryption: aws.Bool(true), MaxResults: aws.Int32(5)})
	if len(names) != 13 || pages != 3 {
		t.Errorf("recursive: %v in %d pages", names, pages)
	}
	if _, err := w.label("/app/03", 0, "prod"); err != nil {
		t.Fatal(err)
	}
	w.mustPut("/app/03", "newer", overwrite)
	out, err := w.c.GetParametersByPath(t.Context(), &sdk.GetParametersByPathInput{
		Path: aws.String("/app"), WithDecryption: aws.Bool(true), ParameterFilters: []types.ParameterStringFilter{by("Label", "", "prod")},
	})
	if err != nil || len(out.Parameters) != 1 || *out.Parameters[0].Value != "v" || out.Parameters[0].Version != 1 {
		t.Errorf("by label: %+v, %v", out, err)
	}
	for _, bad := range []*sdk.GetParametersByPathInput{{Path: aws.String("app")}, {Path: aws.String("/a//b")}, {Path: aws.String("/"), MaxResults: aws.Int32(11)}} {
		_, err := w.c.GetParametersByPath(t.Context(), bad)
		wantCode(t, err, "ValidationException", "")
	}
	_, err = w.c.GetParametersByPath(t.Context(), &sdk.GetParametersByPathInput{Path: aws.String("/"), ParameterFilters: []types.ParameterStringFilter{by("Name", "", "x")}})
	wantCode(t, err, "InvalidFilterKey", "") // the SDK reads no text of it
}

func TestAListingIsBehindAndReadingIsNot(t *testing.T) {
	w := newWorld(t, func(o *awslocal.Options) { o.ListLag = time.Minute })
	w.mustPut("p", "1")
	w.wantNames("at once", "")
	w.advance(time.Minute)
	w.mustPut("p", "2", overwrite)
	if v := w.describe("p").Version; v != 1 {
		t.Errorf("the listing shows version %d", v)
	}
	if v := w.mustGet("p").Version; v != 2 {
		t.Errorf("reading shows version %d", v)
	}
	if _, err := w.c.DeleteParameter(t.Context(), &sdk.DeleteParameterInput{Name: aws.String("p")}); err != nil {
		t.Fatal(err)
	}
	w.wantNames("after the deletion", "p")
	w.advance(time.Minute)
	w.wantNames("a minute later", "")
	w.mustPut("p", "again")
	w.advance(2 * time.Hour)
	w.wantNames("made again", "p")
}

func TestAFaultChangesWhatAListingShows(t *testing.T) {
	w := newWorld(t)
	for _, n := range []string{"/p/a", "/p/b", "/p/c"} {
		w.mustPut(n, "v")
	}
	for _, step := range []struct {
		listing service.Listing
		want    string // in pages of 2
	}{
		{service.ListingWhole, "/p/a /p/b /p/c"},
		{service.ListingEmpty, ""},
		{service.ListingNoFirst, "/p/c"},
		{service.ListingTruncated, "/p/a /p/b"},
	} {
		remove := w.s.Faults().Add(awslocal.Fault{Service: "ssm", Listing: step.listing})
		first, err := w.c.DescribeParameters(t.Context(), &sdk.DescribeParametersInput{MaxResults: aws.Int32(2)})
		if more := step.listing == service.ListingWhole || step.listing == service.ListingNoFirst; err != nil || (first.NextToken != nil) != more {
			t.Errorf("fault %d: token %v, %v", step.listing, first.NextToken, err)
		}
		if got := w.names(2); got != step.want {
			t.Errorf("fault %d: %q, want %q", step.listing, got, step.want)
		}
		var names []string
		pages := sdk.NewGetParametersByPathPaginator(w.c, &sdk.GetParametersByPathInput{Path: aws.String("/p"), MaxResults: aws.Int32(2)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page.Parameters {
				names = append(names, *p.Name)
			}
		}
		if got := strings.Join(names, " "); got != step.want {
			t.Errorf("fault %d by path: %q, want %q", step.listing, got, step.want)
		}
		remove()
	}
}
