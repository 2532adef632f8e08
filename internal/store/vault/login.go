package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// login returns how the session gets a token. given is the one that the connection secret held when it was first read; it is read again for another.
func (s *kv) login(c *client, given string) func(context.Context) (grant, error) {
	a := s.set.Auth
	switch {
	case a.Method == byToken && s.set.Connection != nil:
		return func(ctx context.Context) (grant, error) {
			token := given
			if given = ""; token == "" {
				f, err := s.connection(ctx)
				if err != nil {
					return grant{}, err
				}
				token = f.Token
			}
			return usable(c, token, "vaultToken of the connection secret")
		}
	case a.Method == byToken:
		return func(context.Context) (grant, error) { return tokenOf(c, a.TokenFile) }
	case a.Method == byAppRole:
		return func(ctx context.Context) (grant, error) {
			id, err := secretID(a)
			if err != nil {
				return grant{}, credentials(c, a, err)
			}
			return c.logIn(ctx, a, map[string]string{"role_id": a.RoleID, "secret_id": id}, id)
		}
	case a.Method == byAWS:
		return func(ctx context.Context) (grant, error) { return s.awsLogin(ctx, c) }
	}
	return func(ctx context.Context) (grant, error) {
		jwt, err := readFile(a.JWTFile)
		if err != nil {
			return grant{}, credentials(c, a, err)
		}
		return c.logIn(ctx, a, map[string]string{"role": a.Role, "jwt": jwt}, jwt)
	}
}

// logIn exchanges what proves who we are for a token. Errors don't hold proofs.
func (c *client) logIn(ctx context.Context, a auth, fields map[string]string, proofs ...string) (grant, error) {
	for k, v := range fields {
		if v == "" {
			delete(fields, k)
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return grant{}, credentials(c, a, errors.New("what the login sends is not text"))
	}
	k := loginCall(a)
	k.body = body
	answer, err := c.send(ctx, k, "")
	var failed *store.Error
	switch {
	case errors.As(err, &failed):
		for _, p := range proofs {
			if p != "" && strings.Contains(failed.Err.Error(), p) {
				failed.Err = errors.New("the server's message is withheld, because it quotes the credentials")
			}
		}
		if failed.Help == "" && errors.Is(failed.Kind, store.ErrCredentials) {
			failed.Help = "check auth: in the configuration, its path and role, and the role in the server"
			if strings.Contains(failed.Err.Error(), "secret_id") {
				failed.Help = "set VAULT_SECRET_ID, or name a variable or a file with secretIdEnv or secretIdFile"
			}
		}
		return grant{}, failed
	case err != nil:
		return grant{}, err
	}
	g, err := granted(answer.body)
	if err != nil || g.token == "" {
		return grant{}, credentials(c, a, errors.New("the answer has no token: the login may ask for a second factor, which can't be given here"))
	}
	return g, nil
}

func loginCall(a auth) call {
	path := "auth/" + a.Path + "/login"
	return call{op: "POST", name: secret.Name(path), method: http.MethodPost, path: path, secret: true}
}

// credentials is the error of a login that can't be tried.
func credentials(c *client, a auth, err error) error {
	return c.fail(loginCall(a), &failure{kind: store.ErrCredentials, cause: err})
}

// tokenOf returns the token of the environment, of a file, or of the last `vault login`.
func tokenOf(c *client, file string) (grant, error) {
	if token := os.Getenv("VAULT_TOKEN"); token != "" {
		return usable(c, token, "VAULT_TOKEN")
	}
	if file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return usable(c, "", "")
		}
		file = filepath.Join(home, ".vault-token")
		if _, err := os.Stat(file); err != nil {
			return usable(c, "", "")
		}
	}
	token, err := readFile(file)
	if err != nil {
		return grant{}, credentials(c, auth{Path: byToken}, err)
	}
	return usable(c, token, file)
}

// usable makes a grant of a token that was found somewhere.
func usable(c *client, token, where string) (grant, error) {
	token = strings.TrimSpace(token)
	k := call{op: "log in by token"}
	switch {
	case token == "":
		return grant{}, c.fail(k, &failure{kind: store.ErrCredentials, cause: errors.New("there is none"), help: "set VAULT_TOKEN, run vault login, or give auth: in the configuration"})
	case strings.ContainsFunc(token, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) || r == ' ' }):
		return grant{}, c.fail(k, &failure{kind: store.ErrCredentials, cause: errors.New(where + " holds characters that no token has")})
	}
	return grant{token: token}, nil
}

// secretID returns AppRole's secret id; empty, for roles that need none, where none is named and VAULT_SECRET_ID is not set.
func secretID(a auth) (string, error) {
	if a.SecretIDFile != "" {
		return readFile(a.SecretIDFile)
	}
	name := a.SecretIDEnv
	if name == "" {
		return os.Getenv(defaultSecretIDEnv), nil
	}
	if id := os.Getenv(name); id != "" {
		return id, nil
	}
	return "", fmt.Errorf("%s is not set", name)
}

// readFile returns what a file holds, without the white space around it. It is read for each login: who wrote it may replace it.
func readFile(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if text := strings.TrimSpace(string(data)); text != "" {
		return text, nil
	}
	return "", fmt.Errorf("%s is empty", path)
}
