//go:build unix

package cli

import "golang.org/x/sys/unix"

// noCoreDumps keeps the values that are in memory out of files that a crash would leave. Where that is not permitted the program runs all the same.
func noCoreDumps() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
