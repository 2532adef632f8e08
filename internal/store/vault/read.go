package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// batchSize is how many values are read at the same time: Vault has no call for several.
const batchSize = 8

// reading is the answer to a read of data.
type reading struct {
	number  int
	created string
	custom  map[string]string
	value   secret.Value
}

// readAll reads values side by side. called says what each one's version is called.
func (c *client) readAll(ctx context.Context, names []secret.Name, called func(*reading) secret.Version) []store.Reading {
	all := make([]store.Reading, len(names))
	for i, n := range names {
		all[i].Name = n
	}
	err := each(ctx, len(names), func(ctx context.Context, i int) error {
		var r reading
		if r, all[i].Err = c.read(ctx, names[i]); all[i].Err == nil {
			all[i].Version, all[i].Value = called(&r), r.value
		}
		return nil // the others are read all the same
	})
	for i := range all {
		if all[i].Err == nil && all[i].Version == "" {
			all[i].Err = c.interrupted(call{op: "GET data", name: names[i]}, err)
		}
	}
	return all
}

// read reads the current value of one secret: store.ErrNotFound where the secret is gone, store.ErrScheduled where its current version is deleted or destroyed.
func (c *client) read(ctx context.Context, name secret.Name) (reading, error) {
	k := call{op: "GET data", name: name, method: http.MethodGet, path: c.path("data", name), capability: "read"}
	if why := badPath(string(name)); why != "" {
		return reading{}, c.invalid(k.op, name, store.ErrBadName, "%s", why)
	}
	if hidden(name) {
		return reading{}, c.invalid(k.op, name, store.ErrNotFound, "%s", hiddenWhy)
	}
	a, err := c.do(ctx, k)
	if err != nil {
		return reading{}, err
	}
	if a.missing && !hasData(a.body) {
		e, err := c.stat(ctx, name) // tells a secret that is gone from one that was never written
		if err != nil {
			return reading{}, err
		}
		return reading{}, c.unreadable(k, e.noValue())
	}
	r, state, err := parseData(a.body)
	switch {
	case err != nil:
		return reading{}, c.invalid(k.op, name, store.ErrUnavailable, "%w", err)
	case state != "":
		return reading{}, c.unreadable(k, state)
	case r.value.IsZero():
		return reading{}, c.invalid(k.op, name, store.ErrInvalid, "version %d holds no data", r.number)
	}
	return r, nil
}

func (c *client) unreadable(k call, why string) error {
	if why == "" {
		return c.invalid(k.op, k.name, store.ErrInvalid, "it has no version")
	}
	return c.invalid(k.op, k.name, store.ErrScheduled, "%s", why)
}

type dataAnswer struct {
	Data *struct {
		Data     json.RawMessage `json:"data"`
		Metadata struct {
			Version   int               `json:"version"`
			Created   string            `json:"created_time"`
			Deleted   string            `json:"deletion_time"`
			Destroyed bool              `json:"destroyed"`
			Custom    map[string]string `json:"custom_metadata"`
		} `json:"metadata"`
	} `json:"data"`
}

func hasData(body []byte) bool {
	var out dataAnswer
	return json.Unmarshal(body, &out) == nil && out.Data != nil
}

// parseData reads the answer to a read of data. state is not empty where the version has no value any more.
func parseData(body []byte) (r reading, state string, err error) {
	var out dataAnswer
	if json.Unmarshal(body, &out) != nil || out.Data == nil || out.Data.Metadata.Version == 0 {
		return reading{}, "", errAnswer
	}
	m := out.Data.Metadata
	e := entry{number: m.Version, destroyed: m.Destroyed}
	if e.deleted, err = deletion(m.Deleted); err != nil {
		return reading{}, "", err
	}
	r = reading{number: m.Version, created: m.Created, custom: m.Custom}
	if state := e.noValue(); state != "" {
		return r, state, nil
	}
	switch raw := out.Data.Data; {
	case len(raw) > 0 && raw[0] == '{':
		r.value = secret.Text(unescape(raw))
	case len(raw) > 0 && string(raw) != "null":
		return reading{}, "", errAnswer
	}
	return r, "", nil
}

// unescape turns the escapes of <, > and & that Go's JSON encoder writes, and nothing else, back into the characters. A backslash that is itself escaped stays.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			out = append(out, raw[i])
			continue
		}
		if i+5 < len(raw) && raw[i+1] == 'u' {
			switch string(raw[i+2 : i+6]) {
			case "003c":
				out, i = append(out, '<'), i+5
				continue
			case "003e":
				out, i = append(out, '>'), i+5
				continue
			case "0026":
				out, i = append(out, '&'), i+5
				continue
			}
		}
		out, i = append(out, raw[i], raw[i+1]), i+1
	}
	return out
}

// written reads the answer to a write of data. custom is nil where the server does not tell it.
func written(body []byte) (number int, created string, custom *map[string]string, err error) {
	var out struct {
		Data *struct {
			Version int             `json:"version"`
			Created string          `json:"created_time"`
			Custom  json.RawMessage `json:"custom_metadata"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &out) != nil || out.Data == nil || out.Data.Version == 0 || out.Data.Created == "" {
		return 0, "", nil, fmt.Errorf("what was written can't be seen: %w", errAnswer)
	}
	if out.Data.Custom != nil {
		custom = new(map[string]string)
		if json.Unmarshal(out.Data.Custom, custom) != nil {
			return 0, "", nil, errAnswer
		}
	}
	return out.Data.Version, out.Data.Created, custom, nil
}
