package notify

import (
	"errors"
	"fmt"
	"strings"
)

// maxSecret bounds a file that holds a password, a key or a URL.
const maxSecret = 64 << 10

// named reads a secret from the variable or the file that settings name. what says which one in errors, none of which holds any of it.
func (d Deps) named(what, variable, file string) (string, error) {
	var s string
	if variable != "" {
		v, ok := d.Getenv(variable)
		if !ok {
			return "", fmt.Errorf("%s: the environment variable %s is not set", what, variable)
		}
		s = v
	} else {
		data, err := d.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
		if len(data) > maxSecret {
			return "", fmt.Errorf("%s: the file is larger than 64 KiB", what)
		}
		s = string(data)
	}
	s = strings.TrimRight(s, "\r\n")
	if s == "" {
		return "", errors.New(what + ": it is empty")
	}
	return s, nil
}
