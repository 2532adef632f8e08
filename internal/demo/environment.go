package demo

import (
	"os"
	"strings"
)

// setAside takes the variables whose names begin with prefix out of the process's environment, and returns how to put them back.
// AWS's library reads some of them wherever it is, whatever it was told: a profile that does not exist, or a bundle of certificates, would end the demo.
func setAside(prefix string) (restore func()) {
	was := map[string]string{}
	for _, kv := range os.Environ() {
		if name, value, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(name, prefix) {
			was[name] = value
			_ = os.Unsetenv(name) // fails for no name that was just there
		}
	}
	return func() {
		for name, value := range was {
			_ = os.Setenv(name, value)
		}
	}
}
