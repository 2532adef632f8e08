package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

func newInit(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "init", Short: "Writes a commented starter secretsync.yaml for what it finds; never overwrites", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			name, err := a.starterName()
			if err != nil {
				return err
			}
			factory, registry, err := a.drivers(newRunID())
			if err != nil {
				return err
			}
			found, err := find(cmd.Context(), factory, registry)
			if err != nil {
				return err
			}
			found.vault, found.noVault = vaultAddress(a.getenv("VAULT_ADDR"))
			found.kubernetes(factory, a.getenv)
			text := starter(found)
			f, err := config.Parse(name, []byte(text), a.env, wire.Kinds(registry))
			if err == nil {
				_, err = wire.Open(f, registry)
			}
			if err != nil {
				return fmt.Errorf("the starter for what was found would not be valid: %w", err)
			}
			if err := writeNew(name, text); err != nil {
				return err
			}
			return a.printFound(name, found)
		},
	}
}

// starterName returns the file to write: it must not be there yet.
func (a *app) starterName() (string, error) {
	name := a.flags.config
	if name == "" {
		name = a.getenv(configEnv)
	}
	if name == "" {
		name = defaultFile
	}
	if strings.HasPrefix(name, fromSecrets) || strings.HasPrefix(name, fromParameter) {
		return "", fmt.Errorf("init writes a file: %q is none", name)
	}
	if _, err := os.Lstat(name); err == nil {
		return "", exists(name)
	}
	return name, nil
}

func exists(name string) error {
	return fmt.Errorf("%s exists: init never overwrites; move it away, or name another file with --config", name)
}

// writeNew writes a file that must not be there.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a configuration holds no secret, and others may read it
	if errors.Is(err, fs.ErrExist) {
		return exists(name)
	}
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return errors.Join(err, f.Close(), os.Remove(name))
	}
	return f.Close()
}

func (a *app) printFound(name string, f *findings) error {
	if a.json() {
		return a.printJSON(struct {
			Version int    `json:"version"`
			File    string `json:"file"`
			Account string `json:"account"`
			Region  string `json:"region"`
			Secrets int    `json:"secrets"`
			Tagged  int    `json:"tagged"`
			Vault   string `json:"vault"`   // the address in VAULT_ADDR; empty: none
			Cluster string `json:"cluster"` // of Kubernetes; empty: none
			// Problems are what could not be found or used, and why.
			Problems []string `json:"problems"`
		}{1, name, string(f.account), string(f.region), f.secrets, f.tagged, f.vault, f.cluster, f.problems()})
	}
	page := a.newPage()
	for _, line := range f.summary() {
		page.linef("%s", line)
	}
	page.linef("wrote %s: read it, then run secretsync plan", name)
	return a.print(page.String())
}
