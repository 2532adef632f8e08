package ssm_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func TestNamesAreCheckedAsAWSDoes(t *testing.T) {
	w := newWorld(t)
	prefix := len("arn:aws:ssm:us-east-1:111111111111:parameter/")
	levels := func(n int) string { return strings.Repeat("/l", n) }
	for _, name := range []string{
		"a", "/a", "A", "/a/b", "a.b-c_d", levels(15), "/" + strings.Repeat("x", 1011-prefix), strings.Repeat("y", 1011-prefix), "/x/aws", "/x/ssm",
	} {
		if _, err := w.put(name, "v"); err != nil {
			t.Errorf("%.40q: %v", name, err)
		}
	}
	if w.mustGet("a").Value == nil || w.mustPut("  spaced ", "v").Version != 1 || *w.mustGet("spaced").Name != "spaced" {
		t.Error("the spaces around a name are not taken off")
	}
	for _, bad := range []struct{ name, code, text string }{
		{"a/b", "ValidationException", "Parameter name must be a fully qualified name"},
		{"/a//b", "ValidationException", "each sub-path can be formed"},
		{"/a/", "ValidationException", "each sub-path can be formed"},
		{"/", "ValidationException", "each sub-path can be formed"},
		{"/a b", "ValidationException", "each sub-path can be formed"},
		{"a b", "ValidationException", "Only a mix of letters, numbers and the following 3 symbols .-_ are allowed."},
		{"a:b", "ValidationException", ""},
		{"/ä", "ValidationException", ""},
		{"awsThing", "ValidationException", `can't be prefixed with "aws" or "ssm" (case-insensitive).`},
		{"/SSMthing", "ValidationException", `can't be prefixed with "aws" or "ssm" (case-insensitive).`},
		{"/ssm/x", "ValidationException", `can't be prefixed with "ssm"`},
		{"/AWS/x", "AccessDeniedException", "No access to reserved parameter name: AWS/x."},
		{levels(16), "HierarchyLevelLimitExceededException", "maximum of 15 levels"},
		{"/" + strings.Repeat("x", 1012-prefix), "ValidationException", "1011"},
		{strings.Repeat("x", 2049), "ValidationException", "1 validation error detected"},
	} {
		_, err := w.put(bad.name, canary)
		wantCode(t, err, bad.code, bad.text)
	}
}

func TestValuesAreLimitedByTheirTier(t *testing.T) {
	w := newWorld(t)
	long := func(n int) string { return canary + strings.Repeat("x", n-len(canary)) }
	standard := func(in *sdk.PutParameterInput) { in.Tier = types.ParameterTierStandard }
	intelligent := func(in *sdk.PutParameterInput) { in.Tier = types.ParameterTierIntelligentTiering }
	for _, ok := range []struct {
		name, value string
		change      func(*sdk.PutParameterInput)
		tier        types.ParameterTier
	}{
		{"std", long(4096), standard, types.ParameterTierStandard},
		{"adv", long(8192), advanced, types.ParameterTierAdvanced},
		{"small", long(4096), intelligent, types.ParameterTierStandard},
		{"large", long(4097), intelligent, types.ParameterTierAdvanced},
		{"none", "v", func(*sdk.PutParameterInput) {}, types.ParameterTierStandard},
	} {
		if out := w.mustPut(ok.name, ok.value, ok.change); out.Tier != ok.tier || w.describe(ok.name).Tier != ok.tier {
			t.Errorf("%s: tier %s, want %s", ok.name, out.Tier, ok.tier)
		}
	}
	for _, step := range []struct {
		what   string
		change []func(*sdk.PutParameterInput)
		want   types.ParameterTier
	}{
		{"no tier keeps it", []func(*sdk.PutParameterInput){overwrite}, types.ParameterTierAdvanced},
		{"Intelligent-Tiering keeps it", []func(*sdk.PutParameterInput){overwrite, intelligent}, types.ParameterTierAdvanced},
	} {
		if out := w.mustPut("adv", "short", step.change...); out.Tier != step.want {
			t.Errorf("%s: %s", step.what, out.Tier)
		}
	}
	if out := w.mustPut("std", long(5000), overwrite, intelligent); out.Tier != types.ParameterTierAdvanced {
		t.Errorf("a parameter that outgrows its tier: %s", out.Tier)
	}
	for _, bad := range []struct {
		name, value string
		change      []func(*sdk.PutParameterInput)
		text        string
	}{
		{"x", long(4097), nil, "Standard tier parameters support a maximum parameter value of 4096 characters."},
		{"x", long(8193), []func(*sdk.PutParameterInput){advanced}, "maximum parameter value of 8192"},
		{"x", long(8193), []func(*sdk.PutParameterInput){intelligent}, "maximum parameter value of 8192"},
		{"x", strings.Repeat("é", 2049), nil, "4096"},
		{"small", long(4097), []func(*sdk.PutParameterInput){overwrite}, "4096"},
		{"adv", "v", []func(*sdk.PutParameterInput){overwrite, standard}, "You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier."},
		{"x", "", nil, "1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"x", canary + "{{x}}", nil, `Parameter value can't nest another parameter. Do not use "{{}}" in the value.`},
		{"x", canary + "{{\n}}", nil, "nest another parameter"},
	} {
		_, err := w.put(bad.name, bad.value, bad.change...)
		wantCode(t, err, "ValidationException", bad.text)
	}
	for _, fine := range []string{"}} {{", "{ {x} }", "{{x"} {
		if _, err := w.put("/fine", fine, overwrite, func(in *sdk.PutParameterInput) { in.Type = types.ParameterTypeString }); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
}

func TestAnOverwriteKeepsWhatItDoesNotGive(t *testing.T) {
	w := newWorld(t)
	w.mustPut("p", "123", secure, advanced, func(in *sdk.PutParameterInput) {
		in.Description, in.KeyId, in.AllowedPattern = aws.String("first"), aws.String("alias/aws/ssm"), aws.String(`^\d+$`)
		in.Tags = tags("team", "blue")
	})
	if out := w.mustPut("p", "456", overwrite); out.Version != 2 {
		t.Errorf("version %d", out.Version)
	}
	d := w.describe("p")
	if *d.Description != "first" || *d.KeyId != "alias/aws/ssm" || *d.AllowedPattern != `^\d+$` || d.Tier != types.ParameterTierAdvanced || d.Type != types.ParameterTypeSecureString || d.Version != 2 || *d.DataType != "text" {
		t.Errorf("after an overwrite: %+v", d)
	}
	if *d.LastModifiedUser != "arn:aws:iam::111111111111:root" || *d.ARN != "arn:aws:ssm:us-east-1:111111111111:parameter/p" || !d.LastModifiedDate.Equal(w.clock()) {
		t.Errorf("user %s, ARN %s, date %v", *d.LastModifiedUser, *d.ARN, d.LastModifiedDate)
	}
	_, err := w.put("p", canary, overwrite)
	wantCode(t, err, "ParameterPatternMismatchException", `^\d+$`)
	w.mustPut("p", "789", overwrite, func(in *sdk.PutParameterInput) { in.Description = aws.String("second") })
	if got := *w.describe("p").Description; got != "second" {
		t.Errorf("description %q", got)
	}
	list, err := w.c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("p")})
	if err != nil || len(list.TagList) != 1 || *list.TagList[0].Value != "blue" {
		t.Errorf("tags after an overwrite: %v, %v", list, err)
	}
}

func TestPutParameterRefusesWhatAWSRefuses(t *testing.T) {
	w := newWorld(t)
	w.mustPut("p", "v")
	for _, bad := range []struct {
		what       string
		name       string
		change     []func(*sdk.PutParameterInput)
		code, text string
	}{
		{"a name that is taken", "p", nil, "ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."},
		{"tags with overwrite", "p", []func(*sdk.PutParameterInput){overwrite, tagged("a", "b")}, "ValidationException", "tags and overwrite can't be used together"},
		{"another type", "p", []func(*sdk.PutParameterInput){overwrite, secure}, "HierarchyTypeMismatchException", ""},
		{"no type", "new", []func(*sdk.PutParameterInput){func(in *sdk.PutParameterInput) { in.Type = "" }}, "ValidationException", "A parameter type is required when you create a parameter."},
		{"an unknown type", "new", []func(*sdk.PutParameterInput){func(in *sdk.PutParameterInput) { in.Type = "Secret" }}, "ValidationException", "enum value set: [SecureString, StringList, String]"},
		{"a key for a String", "new", []func(*sdk.PutParameterInput){func(in *sdk.PutParameterInput) { in.KeyId = aws.String("alias/x") }}, "ValidationException", "KeyId is required for SecureString type parameter only."},
		{"a long description", "new", []func(*sdk.PutParameterInput){func(in *sdk.PutParameterInput) { in.Description = aws.String(strings.Repeat("d", 1025)) }}, "ValidationException", "'description' failed to satisfy constraint: Member must have length less than or equal to 1024"},
		{"51 tags", "new", []func(*sdk.PutParameterInput){func(in *sdk.PutParameterInput) {
			for i := range 51 {
				in.Tags = append(in.Tags, tags("k"+strings.Repeat("x", i), "v")...)
			}
		}}, "TooManyTagsError", "50"},
		{"a data type", "new", []func(*sdk.PutParameterInput){func(in *sdk.PutParameterInput) { in.DataType = aws.String("Text") }}, "ValidationException", "The following data type is not supported: Text"},
		{"a pattern", "new", []func(*sdk.PutParameterInput){func(in *sdk.PutParameterInput) { in.AllowedPattern = aws.String("(") }}, "InvalidAllowedPatternException", ""},
		{"policies of a standard parameter", "new", []func(*sdk.PutParameterInput){func(in *sdk.PutParameterInput) { in.Policies = aws.String(`[{"Type":"Expiration"}]`) }}, "ValidationException", "advanced-parameter tier"},
		{"a policy", "new", []func(*sdk.PutParameterInput){advanced, func(in *sdk.PutParameterInput) { in.Policies = aws.String(`[{"Type":"x"}]`) }}, "InvalidPolicyTypeException", ""},
	} {
		if _, err := w.put(bad.name, canary, bad.change...); err == nil {
			t.Errorf("%s: no error", bad.what)
		} else {
			wantCode(t, err, bad.code, bad.text)
		}
	}
	w.mustPut("kept", "v", advanced, func(in *sdk.PutParameterInput) {
		in.Description, in.Policies = aws.String(strings.Repeat("ä", 1024)), aws.String(`[{"Type":"NoChangeNotification","Version":"1.0"}]`)
	})
	if d := w.describe("kept"); len(d.Policies) != 1 || *d.Policies[0].PolicyType != "NoChangeNotification" {
		t.Errorf("policies: %+v", d.Policies)
	}
}
