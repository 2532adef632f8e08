package notify

import (
	"errors"
	"slices"

	"github.com/wneessen/go-mail/smtp"
)

var errNoLogin = errors.New("log in: the server offers none of SCRAM-SHA-256, PLAIN, LOGIN and CRAM-MD5")

// login logs in by the best way that both sides know. The connection has TLS, or stays on this machine.
type login struct {
	smtp.Auth
	set      SMTP
	password string
}

// Start chooses the way: it is called first, once for each connection.
func (l *login) Start(server *smtp.ServerInfo) (mechanism string, first []byte, err error) {
	user, host, plain := l.set.Username, l.set.Host, l.set.TLS == NoTLS
	switch offered := func(m string) bool { return slices.Contains(server.Auth, m) }; {
	case offered("SCRAM-SHA-256"):
		l.Auth = smtp.ScramSHA256Auth(user, l.password)
	case offered("PLAIN"):
		l.Auth = smtp.PlainAuth("", user, l.password, host, plain)
	case offered("LOGIN"):
		l.Auth = smtp.LoginAuth(user, l.password, host, plain)
	case offered("CRAM-MD5"):
		l.Auth = smtp.CRAMMD5Auth(user, l.password)
	default:
		return "", nil, errNoLogin
	}
	return l.Auth.Start(server)
}
