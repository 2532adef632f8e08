package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const besideSuffix = "-secretsync-pending"

const besideNote = "the value that the secret without " + besideSuffix + " gets when its rotation ends; Secret Sync removes this one then; " +
	"to give the rotation up: secretsync rotate NAME --cancel"

const hiddenWhy = "names that end in " + besideSuffix + " are for values that are pending, and are no secrets"

// besideOf returns the name of the secret that the pending value of another is kept in. It is created and never overwritten, so that of many who propose one is taken; no
// store lists it, reads it or writes to it.
func besideOf(name secret.Name) secret.Name { return name + besideSuffix }

// hidden reports whether a name is one of besideOf.
func hidden(name secret.Name) bool { return strings.HasSuffix(string(name), besideSuffix) }

// beside is what is kept beside a secret: a value, under which version it was proposed, and which one was current then. All of it is data, so that one write, which is
// conditional, makes it.
type beside struct {
	token, base secret.Version
	value       secret.Value
	deleted     bool // somebody deleted it: nothing is pending
}

func (b *beside) wipe() {
	if b != nil {
		b.value.Wipe()
	}
}

// beside reads what is kept beside a secret; nil where nothing is. What somebody else put there is store.ErrInvalid.
func (r *rotation) beside(ctx context.Context, name secret.Name) (*beside, error) {
	k := call{op: "GET data", name: besideOf(name), method: http.MethodGet, path: r.path("data", besideOf(name)), capability: "read"}
	if why := badPath(string(name)); why != "" {
		return nil, r.invalid(k.op, name, store.ErrBadName, "%s", why)
	}
	a, err := r.do(ctx, k)
	if err != nil || a.missing && !hasData(a.body) {
		return nil, err
	}
	got, state, err := parseData(a.body)
	switch {
	case err != nil:
		return nil, r.invalid(k.op, k.name, store.ErrUnavailable, "%w", err)
	case state != "":
		return &beside{deleted: true}, nil
	}
	defer got.value.Wipe()
	var data struct {
		Token secret.Version  `json:"token"`
		Base  secret.Version  `json:"base"`
		Value json.RawMessage `json:"value"`
	}
	if json.Unmarshal(got.value.Reveal(), &data) != nil || data.Token == "" || data.Base == "" || !bytes.HasPrefix(data.Value, []byte("{")) {
		return nil, r.invalid(k.op, k.name, store.ErrInvalid, "somebody else made a secret of this name, where the value that is pending is to be kept")
	}
	return &beside{token: data.Token, base: data.Base, value: secret.Text(data.Value)}, nil
}

// keep creates the secret beside another; store.ErrConflict where there is one.
func (r *rotation) keep(ctx context.Context, name secret.Name, token, base secret.Version, data json.RawMessage) error {
	head, err := json.Marshal(map[string]string{"token": string(token), "base": string(base), "note": besideNote})
	if err != nil {
		return r.invalid("POST data", name, store.ErrInvalid, "its version is no text")
	}
	all := make([]byte, 0, len(head)+len(data)+16)
	all = append(append(all, head[:len(head)-1]...), `,"value":`...) // as it is: an encoder would change it
	all = append(append(all, data...), '}')
	_, _, err = r.put(ctx, besideOf(name), all, 0)
	clear(all)
	return err
}

// put writes a version, if the current one has that number: errCAS, which is store.ErrConflict, if not.
func (r *rotation) put(ctx context.Context, name secret.Name, data json.RawMessage, current int) (number int, created string, err error) {
	head := fmt.Sprintf(`{"options":{"cas":%d},"data":`, current)
	body := make([]byte, 0, len(head)+len(data)+1)
	body = append(append(append(body, head...), data...), '}')
	a, err := r.do(ctx, call{
		op: "POST data", name: name, method: http.MethodPost, path: r.path("data", name), capability: "create and update", body: body, secret: true,
	})
	if err != nil {
		return 0, "", err
	}
	number, created, _, err = written(a.body)
	if err != nil {
		return 0, "", r.invalid("POST data", name, store.ErrUnavailable, "%w", err)
	}
	return number, created, nil
}

// drop removes what is beside a secret, if it is still what was proposed under a version, with its metadata, so that it can be created again. Vault deletes without a
// condition: the look is made at the last moment.
func (r *rotation) drop(ctx context.Context, name secret.Name, token secret.Version) error {
	b, err := r.beside(ctx, name)
	if err != nil {
		return err
	}
	defer b.wipe()
	if b == nil || b.token != token {
		return nil
	}
	return r.purge(ctx, name)
}

func (r *rotation) purge(ctx context.Context, name secret.Name) error {
	_, err := r.do(ctx, call{
		op: "DELETE metadata", name: besideOf(name), method: http.MethodDelete, path: r.path("metadata", besideOf(name)), capability: "delete",
	})
	return err
}
