package rotate

import (
	"time"
)

// Generate says how a new password, or another value, is made.
type Generate struct {
	// Kind is "password" (the zero Kind), "hex", "base64", "uuid", "rsa" or "ed25519".
	Kind string
	// Key is the member of the secret's JSON object that holds the generated value; empty: "password" where the value is a JSON object, else the whole value. For key pairs it holds the
	// private key (PKCS #8, PEM), and PublicKey, where it is given, names the member for the public one (PKIX, PEM).
	Key       string
	PublicKey string
	// Length is in characters for passwords, in bytes for hex and base64, in bits for rsa. 0: 32, 32, 32, 3072.
	Length int
	// Exclude holds characters that a password must not have. Empty: /@"'\ as Secrets Manager's own functions leave out.
	Exclude string
	// NoPunctuation leaves out all that is neither letter nor digit.
	NoPunctuation bool
	// Without RequireEach a password may happen to have no digit; with it there is at least one small letter, one capital, one digit and, unless left out, one other.
	RequireEach bool
}

// TLS says how a service is reached.
type TLS struct {
	// Mode is "verify" (the zero Mode: TLS with the certificate and the host's name verified), "require" (TLS, without verification) or "disable" (no TLS: for loopback and tests).
	Mode string
	// CA is the file with the certificates, in PEM, that the service's certificate is verified by; empty: the system's.
	CA string
}

// Command is a program that does steps; see package command for what it is given and what it answers.
type Command struct {
	Args    []string      // the program and its arguments; never a shell
	Timeout time.Duration // 0: one minute
}

// Webhook is an HTTPS endpoint that does steps; see package webhook.
type Webhook struct {
	URL string
	// Key is the environment variable with the key that bodies are signed with (HMAC-SHA-256); empty: they are not signed.
	Key     string
	Timeout time.Duration // 0: one minute
}
