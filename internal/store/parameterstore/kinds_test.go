package parameterstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// wantKind fails unless err is of a kind, nil for none, and holds no value.
func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	if kind == nil && err != nil || kind != nil && !errors.Is(err, kind) {
		t.Fatalf("got the error %v, want one of kind %v", err, kind)
	}
	if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
		t.Error("the error holds the value")
	}
}
