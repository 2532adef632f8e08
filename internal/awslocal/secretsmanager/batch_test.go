package secretsmanager

import (
	"fmt"
	"testing"
)

func batch(w *world, p in) (values, errors string, next any) {
	w.Helper()
	out := w.do("BatchGetSecretValue", p)
	for _, e := range out["SecretValues"].([]any) {
		values += e.(map[string]any)["Name"].(string) + "=" + e.(map[string]any)["SecretString"].(string) + " "
	}
	for _, e := range out["Errors"].([]any) {
		e := e.(map[string]any)
		errors += e["SecretId"].(string) + ":" + e["ErrorCode"].(string) + " "
		if e["Message"] == "" {
			w.Fatal("an error without a message")
		}
	}
	return values, errors, out["NextToken"]
}

func TestABatchTellsForEachSecretWhatIsWrongWithIt(t *testing.T) {
	w := newWorld(t)
	w.fill("a", "b", "gone", "denied")
	w.do("CreateSecret", in{"Name": "empty", "ClientRequestToken": v(1)})
	w.do("DeleteSecret", in{"SecretId": "gone"})
	arn := w.do("DescribeSecret", in{"SecretId": "denied"})["ARN"].(string)
	w.deny["secretsmanager:GetSecretValue "+arn] = true
	values, errors, _ := batch(w, in{"SecretIdList": []string{"a", "none", "gone", "empty", "denied", "b", "bad name"}})
	equal(t, "values", values, "a=x b=x ")
	equal(t, "errors", errors, "none:ResourceNotFoundException gone:InvalidRequestException empty:ResourceNotFoundException denied:AccessDeniedException bad name:ValidationException ")
}

func TestABatchByFiltersHasPages(t *testing.T) {
	w := newWorld(t)
	for i := range 25 {
		w.create(fmt.Sprintf("s%02d", i), "x")
	}
	w.create("other", "x")
	w.do("CreateSecret", in{"Name": "s-empty", "ClientRequestToken": v(1)})
	p := in{"Filters": []in{{"Key": "name", "Values": []string{"s"}}}}
	values, errors, next := batch(w, p)
	if len(values) != 20*len("s00=x ") || errors != "" || next == nil {
		t.Fatalf("first page: %s %s %v", values, errors, next)
	}
	p["NextToken"] = next
	values, errors, next = batch(w, p)
	equal(t, "values of the second page", values, "s20=x s21=x s22=x s23=x s24=x ")
	if errors == "" || next != nil {
		t.Fatalf("second page: %q %v", errors, next)
	}
	p = in{"Filters": p["Filters"], "MaxResults": 3}
	values, _, _ = batch(w, p)
	equal(t, "values of a small page", values, "s00=x s01=x s02=x ")
	w.deny["secretsmanager:ListSecrets"] = true
	w.fails("BatchGetSecretValue", p, "AccessDeniedException", "")
}

func TestABatchIsEitherOfIdsOrOfFilters(t *testing.T) {
	w := newWorld(t)
	filters := []in{{"Key": "name", "Values": []string{"s"}}}
	w.fails("BatchGetSecretValue", in{}, "InvalidParameterException", "")
	w.fails("BatchGetSecretValue", in{"SecretIdList": []string{"a"}, "Filters": filters}, "InvalidParameterException", "")
	w.fails("BatchGetSecretValue", in{"SecretIdList": []string{"a"}, "MaxResults": 5}, "InvalidParameterException", "")
	w.fails("BatchGetSecretValue", in{"SecretIdList": make([]string, 21)}, "ValidationException", "")
	w.fails("BatchGetSecretValue", in{"Filters": filters, "MaxResults": 21}, "ValidationException", "")
	w.fails("BatchGetSecretValue", in{"Filters": filters, "NextToken": "bad"}, "InvalidNextTokenException", "")
}
