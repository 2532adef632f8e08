package iam_test

import (
	"os"
	"strings"
	"testing"
)

// TestMain keeps the AWS settings of whoever runs the tests out of them.
func TestMain(m *testing.M) {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}
