package vault

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Rotation opens the store. What is written to a secret is at once what everybody reads, so that a pending value is kept in a secret beside it: see besideOf.
func (s *kv) Rotation(ctx context.Context) (store.Rotation, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &rotation{client: c, dest: &destination{client: c, prefix: s.set.Prefix, textKey: s.set.TextKey}}, nil
}

// rotation rotates the secrets of one mount, below a prefix.
type rotation struct {
	*client
	dest *destination // what judges names, and turns values into what Vault holds
}

func (r *rotation) Place(context.Context) (secret.Place, error) { return r.place, nil }

// seen is how a secret is.
type seen struct {
	entry
	held    map[int]string // when each version was made that has a value
	pending *beside        // nil: nothing is pending
}

// look reads what is beside the secret first: what is promoted meanwhile is then seen as current, and never as gone. The caller wipes the pending value.
func (r *rotation) look(ctx context.Context, name secret.Name) (seen, error) {
	var s seen
	if hidden(name) || !strings.HasPrefix(string(name), r.dest.prefix) {
		return s, r.invalid("GET metadata", name, store.ErrNotFound, "it is no secret of the store")
	}
	b, err := r.beside(ctx, name)
	if err != nil {
		return s, err
	}
	body, there, err := r.getMetadata(ctx, name)
	if err == nil && !there {
		if err = r.checkMount(ctx); err == nil {
			err = r.invalid("GET metadata", name, store.ErrNotFound, "it has no metadata")
		}
	}
	if err == nil {
		if s.entry, err = parseMetadata(name, body); err == nil {
			s.held, err = parseHeld(body)
		}
		if err != nil {
			err = r.invalid("GET metadata", name, store.ErrUnavailable, "%w", err)
		}
	}
	if err != nil {
		b.wipe()
		return s, err
	}
	s.pending = b
	return s, nil
}

// parseHeld reads when each version was made, of those that are neither deleted nor destroyed.
func parseHeld(body []byte) (map[int]string, error) {
	var out struct {
		Data struct {
			Versions map[string]struct {
				Created   string `json:"created_time"`
				Deleted   string `json:"deletion_time"`
				Destroyed bool   `json:"destroyed"`
			} `json:"versions"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, errAnswer
	}
	held := make(map[int]string, len(out.Data.Versions))
	for text, v := range out.Data.Versions {
		number, err := strconv.Atoi(text)
		if err != nil {
			return nil, errAnswer
		}
		deleted, err := deletion(v.Deleted)
		if err != nil {
			return nil, err
		}
		if !v.Destroyed && deleted.IsZero() {
			held[number] = v.Created
		}
	}
	return held, nil
}

// current returns the version that everybody reads; empty where it has no value.
func (s *seen) current() secret.Version {
	if s.number == 0 || s.noValue() != "" {
		return ""
	}
	return s.head()
}

// settled reports whether the metadata is of the version that is current.
func (s *seen) settled() bool { return s.number > 0 && s.custom[keyCurrent] == strconv.Itoa(s.number) }

// previous returns the number of the version before the current one: the one that the metadata names, as long as it is of this state; else the one before by number. 0 where
// that is not held.
func (s *seen) previous() int {
	number := s.number - 1
	if s.settled() {
		if named, err := strconv.Atoi(s.custom[keyPrevious]); err == nil && named < s.number {
			number = named
		}
	}
	if s.held[number] == "" {
		return 0
	}
	return number
}

func (s *seen) previousVersion() secret.Version {
	if n := s.previous(); n > 0 {
		return version(n, s.held[n])
	}
	return ""
}

func (r *rotation) Stages(ctx context.Context, name secret.Name) (store.Stages, error) {
	s, err := r.look(ctx, name)
	if err != nil {
		return store.Stages{}, err
	}
	defer s.pending.wipe()
	st := store.Stages{Meta: s.meta(r.place), Current: s.current(), Previous: s.previousVersion()}
	if s.pending != nil && !s.pending.deleted {
		st.Pending = s.pending.token
	}
	if made, err := time.Parse(time.RFC3339Nano, s.created); err == nil && st.Current != "" {
		st.Since = made.UTC()
	}
	return st, nil
}

// Value reads a version of the secret by its number, or what is pending.
func (r *rotation) Value(ctx context.Context, name secret.Name, v secret.Version) (secret.Value, error) {
	text, created, ok := strings.Cut(string(v), "@")
	if number, err := strconv.Atoi(text); ok && err == nil && number > 0 {
		return r.valueOf(ctx, name, number, created)
	}
	b, err := r.beside(ctx, name)
	if err != nil {
		return secret.Value{}, err
	}
	if b == nil || b.deleted || b.token != v {
		b.wipe()
		return secret.Value{}, r.invalid("GET data", name, store.ErrNotFound, "version %s is not pending", v)
	}
	return b.value, nil
}

func (r *rotation) valueOf(ctx context.Context, name secret.Name, number int, created string) (secret.Value, error) {
	k := call{op: "GET data", name: name, method: http.MethodGet, path: r.path("data", name), capability: "read", version: number}
	if why := badPath(string(name)); why != "" || hidden(name) {
		return secret.Value{}, r.invalid(k.op, name, store.ErrNotFound, "it is no secret of the store")
	}
	a, err := r.do(ctx, k)
	if err != nil {
		return secret.Value{}, err
	}
	if a.missing && !hasData(a.body) {
		return secret.Value{}, r.invalid(k.op, name, store.ErrNotFound, "version %d is not held", number)
	}
	got, state, err := parseData(a.body)
	switch {
	case err != nil:
		return secret.Value{}, r.invalid(k.op, name, store.ErrUnavailable, "%w", err)
	case state != "":
		return secret.Value{}, r.invalid(k.op, name, store.ErrNotFound, "%s", state)
	case got.number != number || got.created != created:
		return secret.Value{}, r.invalid(k.op, name, store.ErrNotFound, "version %d is of another time: the secret was made anew", number)
	case got.value.IsZero():
		return secret.Value{}, r.invalid(k.op, name, store.ErrNotFound, "version %d holds no data", number)
	}
	return got.value, nil
}

// stage writes into the metadata which version is current, and which one was before: empty for none.
func (r *rotation) stage(ctx context.Context, s *seen, current, previous int) error {
	want := map[string]*string{keyCurrent: text(strconv.Itoa(current)), keyPrevious: nil}
	if previous > 0 {
		want[keyPrevious] = text(strconv.Itoa(previous))
	}
	if maps.Equal(merged(s.custom, want), s.custom) {
		return nil
	}
	return r.patchCustom(ctx, s.name, markOf(s.custom), want)
}

var (
	_ store.Rotator  = (*kv)(nil)
	_ store.Rotation = (*rotation)(nil)
)
