//go:build unix

package cli

import (
	"golang.org/x/sys/unix"
)

// become replaces this process by the command: it returns only if that can't be done. What this process held goes with it.
func become(program string, command, env []string, _ func()) (code int, err error) {
	return 0, unix.Exec(program, command, env)
}

// sameVariable reports whether two names are those of one variable.
func sameVariable(a, b string) bool { return a == b }
