package vault

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// settings are an entry of `stores:`, as written.
type settings struct {
	Address    string      `yaml:"address"`
	Connection *connection `yaml:"connection"`
	Namespace  string      `yaml:"namespace"`
	Mount      string      `yaml:"mount"`
	Prefix     string      `yaml:"prefix"`
	TextKey    string      `yaml:"textKey"`
	TLS        tlsSettings `yaml:"tls"`
	Auth       auth        `yaml:"auth"`
}

// connection names a secret of another store whose JSON has the address, and a token where that is how to log in.
type connection struct {
	Store  string `yaml:"store"`
	Secret string `yaml:"secret"`
}

type tlsSettings struct {
	CAFile     string `yaml:"caFile"`
	CAPath     string `yaml:"caPath"`
	ServerName string `yaml:"serverName"`
	ClientCert string `yaml:"clientCert"`
	ClientKey  string `yaml:"clientKey"`
	SkipVerify bool   `yaml:"skipVerify"`
}

type auth struct {
	Method       string `yaml:"method"`
	Path         string `yaml:"path"`
	Role         string `yaml:"role"`
	TokenFile    string `yaml:"tokenFile"`
	RoleID       string `yaml:"roleId"`
	SecretIDFile string `yaml:"secretIdFile"`
	SecretIDEnv  string `yaml:"secretIdEnv"`
	JWTFile      string `yaml:"jwtFile"`
	ServerID     string `yaml:"serverId"`
	Region       string `yaml:"region"`
}

// The ways to log in.
const (
	byToken      = "token"
	byAppRole    = "approle"
	byAWS        = "aws"
	byKubernetes = "kubernetes"
	byJWT        = "jwt"
)

const (
	defaultMount       = "secret"
	defaultTextKey     = "value"
	defaultSecretIDEnv = "VAULT_SECRET_ID"
	serviceAccountJWT  = "/var/run/secrets/kubernetes.io/serviceaccount/token"
)

const (
	addressPattern = `^(https?://[^/\s@?#]+(/[^\s@?#]*)?|unix:///\S+)$`
	pathPattern    = `^/?[^/\s?#%*]+(/[^/\s?#%*]+)*/?$`
	prefixPattern  = `^[^/\s]`
	envPattern     = `^[A-Za-z_][A-Za-z0-9_]*$`
	regionPattern  = `^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`
)

func schema() map[string]any {
	text := func(description string) map[string]any {
		return map[string]any{"type": "string", "minLength": 1, "description": description}
	}
	match := func(pattern, description string) map[string]any {
		return map[string]any{"type": "string", "pattern": pattern, "description": description}
	}
	object := func(description string, properties map[string]any, required ...any) map[string]any {
		o := map[string]any{"type": "object", "additionalProperties": false, "description": description, "properties": properties}
		if len(required) > 0 {
			o["required"] = required
		}
		return o
	}
	return map[string]any{
		"address": match(addressPattern, "The server, as in https://vault.example.com:8200. Without it: VAULT_ADDR."),
		"connection": object("A secret whose JSON has vaultAddress, and vaultToken where auth.method is token. It is never synced nor overwritten.", map[string]any{
			"store":  text("The store that the secret is in."),
			"secret": text("Its name."),
		}, "store", "secret"),
		"namespace": match(pathPattern, "The namespace. Without it: VAULT_NAMESPACE."),
		"mount":     match(pathPattern, "Where the KV engine, which must be of version 2, is mounted. Default: secret."),
		"prefix":    match(prefixPattern, "Only names that begin with it are listed, and copies get it in front. End it in / to mean a folder."),
		"textKey":   text("The key of a value that is no JSON object, and is written as {KEY: text}. Default: value."),
		"tls": object("How the server is known. Without these: VAULT_CACERT and the rest of Vault's own variables.", map[string]any{
			"caFile":     text("A file of certificates, in PEM, that the server's is checked against."),
			"caPath":     text("A folder of such files."),
			"serverName": text("The name that the server's certificate must have, where it is not that of the address."),
			"clientCert": text("A client certificate's file, in PEM."),
			"clientKey":  text("The file of its key."),
			"skipVerify": map[string]any{"type": "boolean", "description": "Takes any certificate. For tests only."},
		}),
		"auth": object("How to log in. Default: by token.", map[string]any{
			"method":       map[string]any{"type": "string", "enum": []any{byToken, byAppRole, byAWS, byKubernetes, byJWT}, "description": "Default: token."},
			"path":         match(pathPattern, "Where the method is mounted, below auth/. Default: its name."),
			"role":         text("The role to log in as: aws, kubernetes, jwt."),
			"tokenFile":    text("token: the file of the token, where VAULT_TOKEN is not set. Default: ~/.vault-token."),
			"roleId":       text("approle: the role id."),
			"secretIdFile": text("approle: the file of the secret id."),
			"secretIdEnv":  match(envPattern, "approle: the variable that holds the secret id. Default: VAULT_SECRET_ID."),
			"jwtFile":      text("kubernetes, jwt: the file of the token to log in with. Default for kubernetes: that of the pod's service account."),
			"serverId":     text("aws: the value of the header X-Vault-AWS-IAM-Server-ID, where the server asks for it."),
			"region":       match(regionPattern, "aws: the Region whose STS is to answer. Default: the global endpoint."),
		}),
	}
}

// complete puts the defaults in, and brings paths into one form.
func (set *settings) complete() {
	set.Namespace = strings.Trim(set.Namespace, "/")
	set.Mount = strings.Trim(set.Mount, "/")
	set.Auth.Path = strings.Trim(set.Auth.Path, "/")
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&set.Mount, defaultMount)
	fill(&set.TextKey, defaultTextKey)
	fill(&set.Auth.Method, byToken)
	fill(&set.Auth.Path, set.Auth.Method)
	if set.Auth.Method == byKubernetes {
		fill(&set.Auth.JWTFile, serviceAccountJWT)
	}
}

// check judges completed settings. It reads no file and no variable.
func (set *settings) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	match := func(key, value, pattern, want string) {
		if value != "" && !regexp.MustCompile(pattern).MatchString(value) {
			bad("%s %q: %s", key, value, want)
		}
	}
	match("address", set.Address, addressPattern, "want http(s)://HOST:PORT, without credentials in it")
	match("namespace", set.Namespace, pathPattern, "want a path, as in team/a")
	match("mount", set.Mount, pathPattern, "want a path, as in secret")
	match("auth.path", set.Auth.Path, pathPattern, "want a path, as in approle")
	match("auth.secretIdEnv", set.Auth.SecretIDEnv, envPattern, "want the name of a variable")
	match("auth.region", set.Auth.Region, regionPattern, `want a Region, as in "us-east-1"`)
	for key, value := range map[string]string{"namespace": set.Namespace, "mount": set.Mount, "auth.path": set.Auth.Path, "prefix": strings.TrimSuffix(set.Prefix, "/")} {
		if why := badPath(value); value != "" && why != "" {
			bad("%s %q: %s", key, value, why)
		}
	}
	if set.Connection != nil {
		switch {
		case set.Connection.Store == "" || set.Connection.Secret == "":
			bad("connection: want store and secret")
		case set.Address != "":
			bad("address and connection: the secret has the address, so give one of them")
		case set.Auth.TokenFile != "":
			bad("auth.tokenFile and connection: the secret has the token, so give one of them")
		}
	}
	if (set.TLS.ClientCert == "") != (set.TLS.ClientKey == "") {
		bad("tls.clientCert and tls.clientKey go together")
	}
	errs = append(errs, set.Auth.check())
	return errors.Join(errs...)
}

// methods says which settings each way to log in has, the required ones first.
var methods = map[string]struct{ required, optional []string }{
	byToken:      {nil, []string{"tokenFile"}},
	byAppRole:    {[]string{"roleId"}, []string{"secretIdFile", "secretIdEnv"}},
	byAWS:        {nil, []string{"role", "serverId", "region"}},
	byKubernetes: {[]string{"role"}, []string{"jwtFile"}},
	byJWT:        {[]string{"jwtFile"}, []string{"role"}},
}

func (a *auth) check() error {
	m, ok := methods[a.Method]
	if !ok {
		return fmt.Errorf("auth.method %q: want %s, %s, %s, %s or %s", a.Method, byToken, byAppRole, byAWS, byKubernetes, byJWT)
	}
	var errs []error
	for _, f := range []struct{ key, value string }{
		{"role", a.Role}, {"tokenFile", a.TokenFile}, {"roleId", a.RoleID}, {"secretIdFile", a.SecretIDFile}, {"secretIdEnv", a.SecretIDEnv},
		{"jwtFile", a.JWTFile}, {"serverId", a.ServerID}, {"region", a.Region},
	} {
		required := slices.Contains(m.required, f.key)
		switch {
		case f.value == "" && required:
			errs = append(errs, fmt.Errorf("auth.%s is missing: logging in by %s needs it", f.key, a.Method))
		case f.value != "" && !required && !slices.Contains(m.optional, f.key):
			errs = append(errs, fmt.Errorf("auth.%s: logging in by %s has no use for it", f.key, a.Method))
		}
	}
	if a.SecretIDFile != "" && a.SecretIDEnv != "" {
		errs = append(errs, errors.New("auth.secretIdFile and auth.secretIdEnv: give one of them"))
	}
	return errors.Join(errs...)
}

// address returns the server's address as settings or environment tell; empty where they don't.
func (set *settings) address() string {
	switch {
	case set.Connection != nil:
		return ""
	case set.Address != "":
		return set.Address
	case os.Getenv("VAULT_ADDR") != "":
		return os.Getenv("VAULT_ADDR")
	}
	return os.Getenv("VAULT_AGENT_ADDR")
}

// place returns where the store is, given its server's address. The host is empty where the address is, or is none.
func (set *settings) place(address string) secret.Place {
	at := secret.Place{Kind: secret.Vault, Host: hostOf(address), Namespace: set.Namespace, Mount: set.Mount}
	if at.Namespace == "" {
		at.Namespace = strings.Trim(os.Getenv("VAULT_NAMESPACE"), "/")
	}
	return at
}

// hostOf returns the host and port of an address: in lower case, and with the port that goes without saying.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		if err == nil && u.Scheme == "unix" {
			return "localhost"
		}
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// refs returns the secrets of other stores that the settings lead to.
func (set *settings) refs() []store.Ref {
	if set.Connection == nil {
		return nil
	}
	return []store.Ref{{Store: secret.StoreName(set.Connection.Store), Secret: secret.Name(set.Connection.Secret)}}
}
