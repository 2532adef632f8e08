package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const (
	defaultFile   = "secretsync.yaml"
	configEnv     = "SECRETSYNC_CONFIG"
	fromSecrets   = "secretsmanager:"
	fromParameter = "ssm:"
)

// configName returns the configuration that flags and environment name; empty for the built-in default.
func (a *app) configName() (string, error) {
	if a.flags.config != "" {
		return a.flags.config, nil
	}
	if name := a.getenv(configEnv); name != "" {
		return name, nil
	}
	switch _, err := os.Lstat(defaultFile); { // a link to nothing is a configuration that is missing, not none
	case err == nil:
		return defaultFile, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("configuration: %w", err)
	}
	return "", nil
}

// load reads the configuration. protected are the names of the secrets that it came from.
func (a *app) load(ctx context.Context, factory *awscfg.Factory, kinds []config.Kind) (f *config.File, protected []secret.Name, err error) {
	name, err := a.configName()
	if err != nil {
		return nil, nil, err
	}
	var data []byte
	switch {
	case name == "":
		f, err = config.Default(kinds)
		return f, nil, err
	case strings.HasPrefix(name, fromSecrets):
		var from secret.Name
		data, from, err = readSecret(ctx, factory, strings.TrimPrefix(name, fromSecrets))
		protected = append(protected, from)
	case strings.HasPrefix(name, fromParameter):
		data, err = readParameter(ctx, factory, strings.TrimPrefix(name, fromParameter))
		protected = append(protected, secret.Name(strings.TrimPrefix(name, fromParameter)))
	default:
		data, err = readFile(ctx, name)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	parse := config.Parse
	if len(protected) > 0 {
		parse = config.ParseSecret
	}
	f, err = parse(name, data, a.env, kinds)
	return f, protected, err
}
