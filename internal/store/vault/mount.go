package vault

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// checkMount makes sure that the mount is a KV engine of version 2. It asks the server once; every token that may do anything below the mount may ask.
func (c *client) checkMount(ctx context.Context) error {
	if c.mounted.Load() {
		return nil
	}
	path := "sys/internal/ui/mounts/" + c.place.Mount
	k := call{op: "GET", name: secret.Name(path), method: http.MethodGet, path: path, capability: "read"}
	a, err := c.do(ctx, k)
	if errors.Is(err, store.ErrNotPermitted) {
		return c.invalidHelp(k, store.ErrNotPermitted, "whether the mount exists can't be seen",
			"there may be no mount "+c.place.Mount+", it may be another kind of engine, or no policy grants anything below it: nothing there is taken for absent")
	}
	if err != nil {
		return err
	}
	var out struct {
		Data *struct {
			Path    string            `json:"path"`
			Type    string            `json:"type"`
			Options map[string]string `json:"options"`
		} `json:"data"`
	}
	if err := json.Unmarshal(a.body, &out); err != nil || out.Data == nil {
		return c.invalid(k.op, k.name, store.ErrUnavailable, "%w", errAnswer)
	}
	mounted := strings.Trim(out.Data.Path, "/")
	switch {
	case mounted != c.place.Mount && !strings.HasSuffix(mounted, "/"+c.place.Mount): // the full path, where namespaces are
		return c.invalidHelp(k, store.ErrInvalid, "the mount is "+mounted, "correct mount:, and give the folder as prefix:")
	case out.Data.Type != "kv" && out.Data.Type != "generic":
		return c.invalidHelp(k, store.ErrInvalid, "mount "+c.place.Mount+" is of the type "+out.Data.Type, "a KV engine of version 2 is needed: correct mount:")
	case out.Data.Options["version"] != "2":
		return c.invalidHelp(k, store.ErrInvalid, "mount "+c.place.Mount+" is KV v1: secretsync needs version 2", "vault kv enable-versioning "+c.place.Mount+", or name another mount")
	}
	c.mounted.Store(true)
	return nil
}

func (c *client) invalidHelp(k call, kind error, why, help string) error {
	return c.fail(k, &failure{kind: kind, cause: errors.New(why), help: help})
}
