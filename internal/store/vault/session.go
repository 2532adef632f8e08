package vault

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	refusalKept  = time.Minute // a login that was refused is not tried again before: servers lock out who insists
	shortestLook = time.Second // between two looks at a token
)

// grant is a token, and what is known of it.
type grant struct {
	token     string
	known     bool          // lease and renewable are
	lease     time.Duration // zero: it does not end
	renewable bool
}

// session keeps a token that works: it logs in when a call first needs one, renews the token when two thirds of its lease are over, and gets another where
// it can't be renewed, or the server does not take it any more. It is safe for concurrent use.
type session struct {
	client *client
	method string
	login  func(context.Context) (grant, error)
	first  time.Duration // until a token that was given to us is looked up

	mu      sync.Mutex
	now     grant
	full    time.Duration // the lease that the login gave
	next    time.Time     // when the token must be looked after; zero: never
	refused error
	until   time.Time // how long refused counts
	checked string    // a token that was denied something, and is valid
}

// token returns a token to make a call with.
func (s *session) token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.token == "" {
		if err := s.enter(ctx); err != nil {
			return "", err
		}
	}
	if !s.next.IsZero() && !time.Now().Before(s.next) {
		s.lookAfter(ctx)
	}
	return s.now.token, nil
}

// enter logs in.
func (s *session) enter(ctx context.Context) error {
	if s.refused != nil && time.Now().Before(s.until) {
		return s.refused
	}
	g, err := s.login(ctx)
	if err != nil {
		if errors.Is(err, store.ErrCredentials) {
			s.refused, s.until = err, time.Now().Add(refusalKept)
		}
		return err
	}
	s.refused, s.full = nil, g.lease
	s.take(g)
	return nil
}

// take makes g the token, and says when it must be looked after.
func (s *session) take(g grant) {
	s.now = g
	switch {
	case !g.known:
		s.next = time.Now().Add(s.first)
	case g.lease == 0:
		s.next = time.Time{}
	default:
		s.next = time.Now().Add(max(g.lease*2/3, min(shortestLook, g.lease/2)))
	}
}

// lookAfter learns how long a token lasts, renews it, or replaces it. What does not work out is tried again later: the token may be good for long.
func (s *session) lookAfter(ctx context.Context) {
	if !s.now.known {
		g, err := s.lookup(ctx)
		if err != nil {
			s.next = time.Time{} // it may not look at itself: it is used until it ends
			return
		}
		s.take(g)
		s.full = g.lease
		return
	}
	if s.now.renewable {
		if g, err := s.renew(ctx); err == nil && (s.method == byToken || g.lease > s.full/2) {
			s.take(g)
			return
		}
	}
	if s.method != byToken {
		if s.enter(ctx) == nil {
			return
		}
	}
	s.next = time.Now().Add(max(s.now.lease/12, shortestLook))
}

// rejected reports whether a call failed because its token is not valid any more. Servers that only say "permission denied" are asked, once per token.
func (s *session) rejected(ctx context.Context, err error, token string) bool {
	if errors.Is(err, errToken) {
		return true
	}
	if !errors.Is(err, store.ErrNotPermitted) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checked == token || s.now.token != token {
		return s.now.token != token
	}
	_, err = s.client.send(ctx, lookupSelf, token)
	// A token that may not look at itself is told "permission denied" too: only the text about the token itself says that it is gone.
	if errors.Is(err, errToken) {
		return true
	}
	s.checked = token
	return false
}

// another returns a token other than the one that was rejected; store.ErrCredentials where there is none.
func (s *session) another(ctx context.Context, rejected string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.token != rejected && s.now.token != "" {
		return s.now.token, nil
	}
	s.now = grant{}
	if err := s.enter(ctx); err != nil {
		return "", err
	}
	if s.now.token == rejected {
		s.now = grant{}
		s.refused, s.until = s.client.fail(lookupSelf, &failure{
			kind: store.ErrCredentials, status: http.StatusForbidden, cause: errToken,
			help: "put a new one in VAULT_TOKEN, its file or the connection secret, or log in by another auth.method, which gets a new one by itself",
		}), time.Now().Add(refusalKept)
		return "", s.refused
	}
	return s.now.token, nil
}

var lookupSelf = call{op: "GET", name: "auth/token/lookup-self", method: http.MethodGet, path: "auth/token/lookup-self", capability: "read"}

// lookup asks what there is to know of the token.
func (s *session) lookup(ctx context.Context) (grant, error) {
	a, err := s.client.send(ctx, lookupSelf, s.now.token)
	if err != nil {
		return grant{}, err
	}
	var out struct {
		Data struct {
			TTL       int64 `json:"ttl"`
			Renewable bool  `json:"renewable"`
		} `json:"data"`
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		return grant{}, errAnswer
	}
	return grant{token: s.now.token, known: true, lease: time.Duration(out.Data.TTL) * time.Second, renewable: out.Data.Renewable}, nil
}

// renew extends the token's lease.
func (s *session) renew(ctx context.Context) (grant, error) {
	a, err := s.client.send(ctx, call{
		op: "POST", name: "auth/token/renew-self", method: http.MethodPost, path: "auth/token/renew-self", capability: "update", body: []byte("{}"),
	}, s.now.token)
	if err != nil {
		return grant{}, err
	}
	g, err := granted(a.body)
	g.token = s.now.token
	return g, err
}

// granted reads the answer to a login or a renewal.
func granted(body []byte) (grant, error) {
	var out struct {
		Auth *struct {
			Token     string `json:"client_token"`
			Lease     int64  `json:"lease_duration"`
			Renewable bool   `json:"renewable"`
		} `json:"auth"`
	}
	if err := json.Unmarshal(body, &out); err != nil || out.Auth == nil {
		return grant{}, errAnswer
	}
	return grant{token: out.Auth.Token, known: true, lease: time.Duration(out.Auth.Lease) * time.Second, renewable: out.Auth.Renewable}, nil
}
