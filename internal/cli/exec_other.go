//go:build !unix

package cli

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
)

// become runs the command as a child, as this system has nothing else, and returns its exit code. An interrupt of the console reaches the command by itself.
// started is called as soon as the command has its environment.
func become(program string, command, env []string, started func()) (code int, err error) {
	signal.Ignore(os.Interrupt)
	cmd := &exec.Cmd{Path: program, Args: command, Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	cmd.Env = nil
	started()
	err = cmd.Wait()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return failed.ExitCode(), nil
	}
	return 0, err
}

// sameVariable reports whether two names are those of one variable: case does not count here.
func sameVariable(a, b string) bool { return strings.EqualFold(a, b) }
