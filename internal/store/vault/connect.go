package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/secretsync-dev/secretsync/internal/store"
)

// maxBody is the most that is taken of an answer, in bytes.
const maxBody = 64 << 20

// connect returns the store's client, and makes it when it is first asked for: it reads the environment, files of certificates and the connection secret, and
// does not log in yet. A failure is not kept: the next caller tries again.
func (s *kv) connect(ctx context.Context) (*client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	address, given := s.set.address(), ""
	if s.set.Connection != nil {
		found, err := s.connection(ctx)
		if err != nil {
			return nil, err
		}
		address, given = found.Address, found.Token
	}
	switch {
	case hostOf(address) != "":
	case s.set.Connection != nil:
		return nil, s.invalid(store.ErrInvalid, "the connection secret has no usable vaultAddress", "it must be a URL, as in https://vault.example.com:8200")
	case address != "":
		return nil, s.invalid(store.ErrInvalid, "the address is no URL", "address: or VAULT_ADDR must begin with https:// or http://, as in https://vault.example.com:8200")
	default:
		return nil, s.invalid(store.ErrInvalid, "no address is known", "set address: in the configuration, or VAULT_ADDR, as in https://vault.example.com:8200")
	}
	c, err := s.open(address)
	if err != nil {
		return nil, err
	}
	c.session = &session{client: c, method: s.set.Auth.Method, login: s.login(c, given), first: s.opts.FirstLook}
	s.client = c
	return c, nil
}

func (s *kv) open(address string) (*client, error) {
	cfg := api.DefaultConfig()
	if cfg == nil || cfg.Error != nil {
		return nil, s.invalid(store.ErrInvalid, "the environment's settings are not usable: "+cfg.Error.Error(), "see VAULT_CACERT, VAULT_CLIENT_CERT and the others")
	}
	t := s.set.TLS
	err := cfg.ConfigureTLS(&api.TLSConfig{
		CACert: t.CAFile, CAPath: t.CAPath, TLSServerName: t.ServerName, ClientCert: t.ClientCert, ClientKey: t.ClientKey, Insecure: t.SkipVerify,
	})
	if err != nil {
		return nil, s.invalid(store.ErrInvalid, "tls: "+err.Error(), "")
	}
	if s.set.Address != "" || s.set.Connection != nil {
		cfg.AgentAddress = "" // what is written counts
	}
	cfg.Address = address
	cfg.MaxRetries = 0 // see client.send
	made, err := api.NewClient(cfg)
	if err != nil {
		return nil, s.invalid(store.ErrInvalid, "address: "+quiet(err), "")
	}
	cfg.HttpClient.Transport = limited{cfg.HttpClient.Transport}
	made.ClearToken() // every request gets the session's
	place := s.set.place(address)
	if place.Namespace != "" {
		made.SetNamespace(place.Namespace)
	}
	u, err := url.Parse(made.Address())
	if err != nil {
		return nil, s.invalid(store.ErrInvalid, "address: "+quiet(err), "")
	}
	base := strings.TrimRight(u.Path, "/")
	if u.Scheme == "unix" {
		base = ""
	}
	return &client{api: made, base: base, place: place, opts: s.opts, slots: make(chan struct{}, inFlight)}, nil
}

// found is what a connection secret holds.
type found struct {
	Address string `json:"vaultAddress"`
	Token   string `json:"vaultToken"`
}

// connection reads the secret that the settings name. Its errors don't quote it.
func (s *kv) connection(ctx context.Context) (found, error) {
	ref := s.set.refs()[0]
	where := fmt.Sprintf("the connection secret %q in store %q", ref.Secret, ref.Store)
	if s.lookup == nil {
		return found{}, s.invalid(store.ErrInvalid, where+" can't be read here", "")
	}
	v, err := s.lookup(ctx, ref)
	if err != nil {
		return found{}, fmt.Errorf("open store %q: %s: %w", s.name, where, err)
	}
	var f found
	const help = `it must be JSON as in {"vaultAddress": "https://…", "vaultToken": "…"}`
	switch {
	case json.Unmarshal(v.Reveal(), &f) != nil:
		return found{}, s.invalid(store.ErrInvalid, where+" is not such JSON", help)
	case f.Address == "":
		return found{}, s.invalid(store.ErrInvalid, where+" has no vaultAddress", help)
	case f.Token == "" && s.set.Auth.Method == byToken:
		return found{}, s.invalid(store.ErrInvalid, where+" has no vaultToken", help)
	}
	return f, nil
}

// limited is a transport whose answers end with an error after maxBody bytes.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &limitedBody{resp.Body, maxBody}
	}
	return resp, err
}

func (l limited) CloseIdleConnections() {
	if c, ok := l.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
