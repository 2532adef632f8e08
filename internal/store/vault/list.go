package vault

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// list returns the metadata of every secret whose name begins with one of beginnings, sorted by name: one LIST per folder and one read per secret.
// A folder or a secret that vanishes meanwhile is left out. A secret whose metadata may not be read has that as its error, unless it is so with all;
// any other failure fails the listing.
func (c *client) list(ctx context.Context, beginnings []string) ([]entry, error) {
	var folders []string
	for _, b := range beginnings {
		folders = append(folders, folderOf(b))
	}
	slices.Sort(folders)
	folders = slices.Compact(folders)
	var names []secret.Name
	for top := true; len(folders) > 0; top = false {
		found := make([][]string, len(folders))
		err := each(ctx, len(folders), func(ctx context.Context, i int) (err error) {
			found[i], err = c.folder(ctx, folders[i], top)
			return err
		})
		if err != nil {
			return nil, err
		}
		var below []string
		for i, folder := range folders {
			for _, key := range found[i] {
				full := folder + key
				switch {
				case top && !slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(full, b) }):
				case strings.HasSuffix(key, "/"):
					below = append(below, full)
				case hidden(secret.Name(full)):
				default:
					names = append(names, secret.Name(full))
				}
			}
		}
		folders = below
	}
	slices.Sort(names)
	entries, there := make([]entry, len(names)), make([]bool, len(names))
	err := each(ctx, len(names), func(ctx context.Context, i int) (err error) {
		entries[i], there[i], err = c.metadata(ctx, names[i])
		if errors.Is(err, store.ErrNotPermitted) {
			entries[i], there[i], err = entry{name: names[i], err: err}, true, nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 && !slices.ContainsFunc(entries, func(e entry) bool { return e.err == nil }) {
		return nil, entries[0].err
	}
	all := entries[:0]
	for i := range entries {
		if there[i] {
			all = append(all, entries[i])
		}
	}
	return all, nil
}

// folder returns the keys in a folder. Vault says the same of an empty folder, and of one that is no folder of a KV version 2 engine at all: for the topmost
// ones the mount is looked at.
func (c *client) folder(ctx context.Context, folder string, top bool) ([]string, error) {
	k := call{op: "LIST", name: secret.Name(folder), method: http.MethodGet, path: c.path("metadata", secret.Name(folder)), capability: "list", list: true}
	if badPath(strings.TrimSuffix(folder, "/")) != "" && folder != "" {
		return nil, c.invalid(k.op, k.name, store.ErrBadName, "%s", badPath(strings.TrimSuffix(folder, "/")))
	}
	a, err := c.do(ctx, k)
	if top && errors.Is(err, store.ErrInvalid) { // as of an engine that is no KV engine
		if wrong := c.checkMount(ctx); errors.Is(wrong, store.ErrInvalid) {
			return nil, wrong
		}
	}
	if err != nil {
		return nil, err
	}
	if a.missing {
		if top {
			return nil, c.checkMount(ctx)
		}
		return nil, nil
	}
	var out struct {
		Data *struct {
			Keys []string `json:"keys"`
		} `json:"data"`
	}
	if err := json.Unmarshal(a.body, &out); err != nil || out.Data == nil || out.Data.Keys == nil {
		return nil, c.invalid(k.op, k.name, store.ErrUnavailable, "%w", errAnswer)
	}
	for _, key := range out.Data.Keys {
		if badPath(strings.TrimSuffix(key, "/")) != "" {
			return nil, c.invalid(k.op, k.name, store.ErrInvalid, "it holds the name %q, which can't be asked for", key)
		}
	}
	return out.Data.Keys, nil
}

// metadata reads the metadata of one secret; there is false where it has none.
func (c *client) metadata(ctx context.Context, name secret.Name) (e entry, there bool, err error) {
	if hidden(name) {
		return entry{}, false, nil
	}
	body, there, err := c.getMetadata(ctx, name)
	if err != nil || !there {
		return entry{}, false, err
	}
	e, err = parseMetadata(name, body)
	if err == nil {
		return e, true, nil
	}
	if wrong := c.checkMount(ctx); wrong != nil {
		return entry{}, false, wrong
	}
	return entry{}, false, c.invalid("GET metadata", name, store.ErrUnavailable, "%w", err)
}

func (c *client) getMetadata(ctx context.Context, name secret.Name) (body []byte, there bool, err error) {
	k := call{op: "GET metadata", name: name, method: http.MethodGet, path: c.path("metadata", name), capability: "read"}
	if why := badPath(string(name)); why != "" {
		return nil, false, c.invalid(k.op, name, store.ErrBadName, "%s", why)
	}
	a, err := c.do(ctx, k)
	return a.body, err == nil && !a.missing, err
}

// stat is metadata for one secret that should be there; store.ErrNotFound, which deletions may follow from, only where the mount was seen to be right.
func (c *client) stat(ctx context.Context, name secret.Name) (entry, error) {
	e, there, err := c.metadata(ctx, name)
	if err != nil || there {
		return e, err
	}
	if err := c.checkMount(ctx); err != nil {
		return entry{}, err
	}
	return entry{}, c.invalid("GET metadata", name, store.ErrNotFound, "it has no metadata")
}

// each calls do for 0 to n-1, a few at a time, and ends with the first error.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, inFlight) {
		wg.Go(func() {
			for i := range next {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
