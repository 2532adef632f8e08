//go:build unix

package rotatetest

import (
	"os"
	"os/exec"
	"syscall"
)

// nobody is who servers run as that refuse to be root.
const nobody = 65534

// unprivileged has a command run as nobody, where the tests are root.
func unprivileged(cmd *exec.Cmd) {
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

// giveAway makes a file nobody's, where the tests are root.
func giveAway(path string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Chown(path, nobody, nobody)
}
