package ssm_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// history returns the versions of a parameter as "1:label,label 2", in pages of that size.
func (w *world) history(name string, size int32) string {
	w.Helper()
	var all []string
	pages := sdk.NewGetParameterHistoryPaginator(w.c, &sdk.GetParameterHistoryInput{Name: &name, MaxResults: &size})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		for _, v := range page.Parameters {
			e := strconv.FormatInt(v.Version, 10)
			if len(v.Labels) > 0 {
				e += ":" + strings.Join(v.Labels, ",")
			}
			all = append(all, e)
		}
	}
	return strings.Join(all, " ")
}

func (w *world) label(name string, version int64, labels ...string) (*sdk.LabelParameterVersionOutput, error) {
	in := &sdk.LabelParameterVersionInput{Name: &name, Labels: labels}
	if version > 0 {
		in.ParameterVersion = &version
	}
	return w.c.LabelParameterVersion(w.Context(), in)
}

func TestAHundredVersionsAreKeptAndALabelHoldsTheOldest(t *testing.T) {
	w := newWorld(t)
	w.mustPut("p", "1")
	for i := 2; i <= 101; i++ {
		if out := w.mustPut("p", strconv.Itoa(i), overwrite); out.Version != int64(i) {
			t.Fatalf("version %d, want %d", out.Version, i)
		}
	}
	if got := strings.Fields(w.history("p", 50)); len(got) != 100 || got[0] != "2" || got[99] != "101" {
		t.Errorf("%d versions are kept: %v", len(got), got)
	}
	if _, err := w.label("p", 2, "hold"); err != nil {
		t.Fatal(err)
	}
	_, err := w.put("p", canary, overwrite)
	wantCode(t, err, "ParameterMaxVersionLimitExceeded", "Version 2, the oldest version, can't be deleted because it has a label associated with it.")
	if _, err := w.label("p", 50, "hold"); err != nil {
		t.Fatal(err)
	}
	if out := w.mustPut("p", "v", overwrite); out.Version != 102 {
		t.Errorf("version %d", out.Version)
	}
}

func TestSelectorsMeanAVersionOrALabel(t *testing.T) {
	w := newWorld(t)
	w.mustPut("/p", "one")
	w.mustPut("/p", "two", overwrite)
	if _, err := w.label("/p", 1, "prod"); err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:ssm:us-east-1:111111111111:parameter/p"
	for selector, want := range map[string]string{"/p": "two", "/p:1": "one", "/p:2": "two", "/p:prod": "one", arn: "two", arn + ":prod": "one"} {
		if p := w.mustGet(selector); *p.Value != want {
			t.Errorf("%s: %s, want %s", selector, *p.Value, want)
		}
	}
	if p := w.mustGet("/p:1"); *p.Selector != ":1" || *p.Name != "/p" || *p.ARN != arn || p.Version != 1 {
		t.Errorf("%+v", p)
	}
	for selector, want := range map[string][2]string{
		"/none": {"ParameterNotFound", ""},
		"/P":    {"ParameterNotFound", ""},
		"p":     {"ParameterNotFound", ""},
		"/p:3":  {"ParameterVersionNotFound", "Systems Manager could not find version 3 of /p. Verify the version and try again."},
		"/p:x":  {"ParameterVersionNotFound", "Systems Manager could not find label x for parameter /p. Verify the label and try again."},
		"/p::":  {"ValidationException", "Please use correct syntax for referencing a version/label"},
		"/p[0]": {"ValidationException", "each sub-path can be formed"},
	} {
		_, err := w.get(selector)
		wantCode(t, err, want[0], want[1])
	}
	out, err := w.c.GetParameters(t.Context(), &sdk.GetParametersInput{Names: []string{"/p:prod", "/none", "/p", "/p:9"}})
	if err != nil || len(out.Parameters) != 2 || *out.Parameters[0].Value != "one" || strings.Join(out.InvalidParameters, " ") != "/none /p:9" {
		t.Errorf("%+v, %v", out, err)
	}
	_, err = w.c.GetParameters(t.Context(), &sdk.GetParametersInput{Names: make([]string, 11)})
	wantCode(t, err, "ValidationException", "'names' failed to satisfy constraint: Member must have length less than or equal to 10")
}

func TestALabelMovesFromVersionToVersion(t *testing.T) {
	w := newWorld(t)
	w.mustPut("p", "1")
	w.mustPut("p", "2", overwrite)
	out, err := w.label("p", 1, "prod", "1st", "AWSx", "ssm-x", "a b")
	if err != nil || strings.Join(out.InvalidLabels, "|") != "1st|AWSx|ssm-x|a b" || out.ParameterVersion != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err = w.label("p", 0, "prod", "blue"); err != nil || out.ParameterVersion != 2 {
		t.Errorf("%+v, %v", out, err)
	}
	if got := w.history("p", 1); got != "1 2:blue,prod" {
		t.Errorf("history %q", got)
	}
	var eight []string
	for i := range 8 {
		eight = append(eight, fmt.Sprint("l", i))
	}
	if _, err := w.label("p", 2, eight...); err != nil {
		t.Error(err)
	}
	_, err = w.label("p", 2, "eleventh")
	wantCode(t, err, "ParameterVersionLabelLimitExceeded", "maximum 10 labels")
	_, err = w.label("p", 2, strings.Repeat("l", 101))
	wantCode(t, err, "ValidationException", "100")
	_, err = w.label("p", 9, "x")
	wantCode(t, err, "ParameterVersionNotFound", "could not find version 9 of p")
	_, err = w.label("none", 0, "x")
	wantCode(t, err, "ParameterNotFound", "")
	un, err := w.c.UnlabelParameterVersion(t.Context(), &sdk.UnlabelParameterVersionInput{Name: aws.String("p"), ParameterVersion: aws.Int64(2), Labels: []string{"prod", "other"}})
	if err != nil || strings.Join(un.RemovedLabels, " ") != "prod" || strings.Join(un.InvalidLabels, " ") != "other" {
		t.Errorf("%+v, %v", un, err)
	}
	_, err = w.get("p:prod")
	wantCode(t, err, "ParameterVersionNotFound", "label prod")
}

func TestADeletedParameterBeginsAgainAtVersionOne(t *testing.T) {
	w := newWorld(t)
	w.mustPut("p", "1", tagged("a", "b"), func(in *sdk.PutParameterInput) { in.Description = aws.String("d") })
	w.mustPut("p", "2", overwrite)
	if _, err := w.c.DeleteParameter(t.Context(), &sdk.DeleteParameterInput{Name: aws.String("p")}); err != nil {
		t.Fatal(err)
	}
	_, err := w.get("p")
	wantCode(t, err, "ParameterNotFound", "")
	_, err = w.c.DeleteParameter(t.Context(), &sdk.DeleteParameterInput{Name: aws.String("p")})
	wantCode(t, err, "ParameterNotFound", "")
	if out := w.mustPut("p", "3", func(in *sdk.PutParameterInput) { in.Overwrite = aws.Bool(true) }); out.Version != 1 {
		t.Errorf("version %d", out.Version)
	}
	if d := w.describe("p"); d.Description != nil {
		t.Errorf("description %q of the one before", *d.Description)
	}
	out, err := w.c.DeleteParameters(t.Context(), &sdk.DeleteParametersInput{Names: []string{"p", "q"}})
	if err != nil || strings.Join(out.DeletedParameters, " ") != "p" || strings.Join(out.InvalidParameters, " ") != "q" {
		t.Errorf("%+v, %v", out, err)
	}
	w.wantNames("all", "")
}

func TestTagsAreSetAndTakenOff(t *testing.T) {
	w := newWorld(t)
	w.mustPut("p", "v", tagged("a", "1", "b", "2"))
	kind, id := types.ResourceTypeForTaggingParameter, aws.String("p")
	if _, err := w.c.AddTagsToResource(t.Context(), &sdk.AddTagsToResourceInput{ResourceType: kind, ResourceId: id, Tags: tags("b", "3", "c", "4")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.c.RemoveTagsFromResource(t.Context(), &sdk.RemoveTagsFromResourceInput{ResourceType: kind, ResourceId: id, TagKeys: []string{"a", "z"}}); err != nil {
		t.Fatal(err)
	}
	list, err := w.c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceType: kind, ResourceId: id})
	if err != nil || len(list.TagList) != 2 || *list.TagList[0].Value != "3" || *list.TagList[1].Value != "4" {
		t.Errorf("%+v, %v", list, err)
	}
	w.wantNames("by tag", "p", types.ParameterStringFilter{Key: aws.String("tag:b"), Values: []string{"3"}})
	w.wantNames("by the tag that is gone", "", types.ParameterStringFilter{Key: aws.String("tag:a")})
	_, err = w.c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceType: kind, ResourceId: aws.String("none")})
	wantCode(t, err, "InvalidResourceId", "")
	_, err = w.c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingDocument, ResourceId: id})
	wantCode(t, err, "InvalidResourceType", "")
	_, err = w.c.AddTagsToResource(t.Context(), &sdk.AddTagsToResourceInput{ResourceType: kind, ResourceId: id, Tags: tags("aws:x", "y")})
	wantCode(t, err, "ValidationException", "aws:")
}
