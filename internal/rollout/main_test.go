package rollout_test

import (
	"os"
	"testing"
)

// TestMain lets the tests find a shell and its companions, wherever they are started from.
func TestMain(m *testing.M) {
	_ = os.Setenv("PATH", os.Getenv("PATH")+string(os.PathListSeparator)+"/usr/bin"+string(os.PathListSeparator)+"/bin")
	os.Exit(m.Run())
}
