//go:build unix

package cli

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestACrashLeavesNoCoreFile(t *testing.T) {
	mainHere(t, noEnv, "version")
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("%+v, %v", limit, err)
	}
}
