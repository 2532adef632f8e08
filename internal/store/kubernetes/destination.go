package kubernetes

import (
	"bytes"
	"context"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// destination writes to one namespace.
type destination struct {
	*client
	store secret.StoreName
	set   *settings
}

// Verify has nothing to prove: a cluster has no account.
func (d *destination) Verify(context.Context) error { return nil }

func (d *destination) List(ctx context.Context) ([]secret.Copy, error) {
	all, err := d.list(ctx, "")
	if err != nil {
		return nil, err
	}
	copies := make([]secret.Copy, len(all))
	for i := range all {
		copies[i] = d.copy(&all[i])
	}
	return copies, nil
}

func (d *destination) Stat(ctx context.Context, name secret.Name) (secret.Copy, error) {
	e, err := d.stat(ctx, name)
	if err != nil {
		return secret.Copy{}, err
	}
	return d.copy(&e), nil
}

// copy returns an entry as this store shows it.
func (d *destination) copy(e *entry) secret.Copy { return e.copy(d.unlike(e)) }

// stat reads the metadata, or where that is denied lists it.
func (d *destination) stat(ctx context.Context, name secret.Name) (entry, error) {
	e, err := d.client.stat(ctx, name)
	if !isDenied(err) {
		return e, err
	}
	all, listErr := d.list(ctx, name)
	switch {
	case isDenied(listErr):
		return entry{}, err
	case listErr != nil:
		return entry{}, listErr
	case len(all) == 0:
		return entry{}, &store.Error{Op: "list secrets", Name: name, Place: d.place, Kind: store.ErrNotFound}
	}
	return all[0], nil
}

// Check judges the name (store.ErrBadName) and the type (store.ErrUnwritable).
func (d *destination) Check(w store.Write) error {
	if why := badName(w.Name); why != "" {
		return d.errorf("check", w.Name, store.ErrBadName, "%s", why)
	}
	if why := refusedType(w.Type); why != "" {
		return d.errorf("check", w.Name, store.ErrUnwritable, "type %s: %s", w.Type, why)
	}
	return nil
}

// badName says why a Secret can't have that name; empty if it can.
func badName(name secret.Name) string {
	switch n := string(name); {
	case n == "":
		return "it is empty"
	case len(n) > validation.DNS1123SubdomainMaxLength:
		return "it is too long: at most 253 characters are possible"
	case strings.Contains(n, "/"):
		return `a Secret has no "/" in its name: give the copy one with name:, as in "{{ .Base }}"`
	case len(validation.IsDNS1123Subdomain(n)) > 0:
		return "a Secret's name has lower-case letters, digits, - and . alone, and begins and ends, as does every part of it between dots, with a letter or digit"
	}
	return ""
}

// Read reads values of the target, to compare them. A value that would not come back the same from text is binary.
func (d *destination) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return d.readAll(ctx, names, func(e *entry, data map[string][]byte) (secret.Version, secret.Value, error) {
		v, err := valueOf(data, d.set.Key)
		if alone, ok := data[d.set.Key]; ok && len(data) == 1 && isObject(alone) {
			v = secret.Binary(alone)
		}
		return e.copy("").Version, v, err
	})
}

func (d *destination) BatchSize() int { return batchSize }

func sameData(a, b map[string][]byte) bool { return maps.EqualFunc(a, b, bytes.Equal) }

func wipe(data map[string][]byte) {
	for _, v := range data {
		clear(v)
	}
}

var (
	_ store.Destination = (*destination)(nil)
	_ store.Deleter     = (*destination)(nil)
	_ store.Verifier    = (*destination)(nil)
	_ store.Comparer    = (*destination)(nil)
)
