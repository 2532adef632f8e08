package notify

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strings"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

const (
	maxMailSubject = 200     // bytes
	maxMail        = 1 << 20 // bytes of a text
)

type mailer struct {
	set      SMTP
	password string
	from     *netmail.Address
	to       []*netmail.Address
	options  []mail.Option
	tls      *tls.Config
	words    words
	deps     Deps
}

func openSMTP(s SMTP, d Deps) (destination, error) {
	m := &mailer{set: s, deps: d}
	if m.set.TLS == "" {
		m.set.TLS = StartTLS
	}
	if m.set.Port == 0 {
		m.set.Port = 587
		if m.set.TLS == TLS {
			m.set.Port = 465
		}
	}
	var errs []error
	var err error
	if m.words, err = parseWords(s.Subject, s.Text); err != nil {
		errs = append(errs, err)
	}
	if s.Username != "" {
		if m.password, err = d.named("password", s.PasswordEnv, s.PasswordFile); err != nil {
			errs = append(errs, err)
		}
	}
	if m.tls, err = d.tlsConfig(s.Host, s.CAFile); err != nil {
		errs = append(errs, err)
	}
	if m.from, err = netmail.ParseAddress(s.From); err != nil {
		errs = append(errs, errors.New("from is not a mail address"))
	}
	for _, to := range s.To {
		a, err := netmail.ParseAddress(to)
		if err != nil {
			errs = append(errs, errors.New("to has an entry that is not a mail address"))
		}
		m.to = append(m.to, a)
	}
	m.options = []mail.Option{mail.WithPort(m.set.Port), mail.WithTimeout(d.Timeout), mail.WithTLSConfig(m.tls)}
	switch m.set.TLS {
	case TLS:
		m.options = append(m.options, mail.WithSSL())
	case NoTLS:
		m.options = append(m.options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		m.options = append(m.options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if len(errs) > 0 {
		return nil, several(errs...)
	}
	return m, nil
}

func (m *mailer) name() string { return "smtp " + m.set.Host }

// send mails a message to everybody whom the server takes mail for; the others are in the error. It is the same mail in every attempt.
func (m *mailer) send(ctx context.Context, msg Message) error {
	letter, bad, err := m.letter(msg)
	if err != nil {
		return err
	}
	left := m.to
	var refused []error
	err = m.deps.try(ctx, m.name(), func(ctx context.Context) error {
		var later []*netmail.Address // those that the server does not take now
		var again error
		never := map[*netmail.Address]bool{}
		err := m.deliver(ctx, letter, left, func(to *netmail.Address, err error) {
			if errors.As(err, new(*temporary)) {
				later, again = append(later, to), err
				return
			}
			never[to], refused = true, append(refused, err)
		})
		if err != nil {
			left = slices.DeleteFunc(slices.Clone(left), func(a *netmail.Address) bool { return never[a] })
			return err
		}
		left = later
		return again
	})
	return several(append(refused, err, bad)...)
}

// letter writes the mail. bad says which template failed.
func (m *mailer) letter(msg Message) (letter *mail.Msg, bad, err error) {
	subject, badSubject := m.words.subjectOf(msg)
	text, badText := m.words.textOf(msg, maxMail)
	letter = mail.NewMsg(mail.WithNoDefaultUserAgent())
	to := make([]string, len(m.to))
	for i, a := range m.to {
		to[i] = a.String()
	}
	_, domain, _ := strings.Cut(m.from.Address, "@")
	letter.SetMessageIDWithValue(token(msg.RunID) + "." + strings.ToLower(rand.Text()) + "@" + domain)
	letter.SetDateWithValue(m.deps.Now())
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.Subject(cut(subject, maxMailSubject))
	letter.SetBodyString(mail.TypeTextPlain, text)
	if err := several(letter.From(m.from.String()), letter.To(to...)); err != nil {
		return nil, nil, errors.New("from or to is not an address that a mail can carry")
	}
	return letter, several(badSubject, badText), nil
}

// deliver makes one attempt. refuse is told of every recipient that the server does not take.
func (m *mailer) deliver(ctx context.Context, letter *mail.Msg, to []*netmail.Address, refuse func(*netmail.Address, error)) error {
	var conn net.Conn
	options := append([]mail.Option{mail.WithDialContextFunc(func(ctx context.Context, network, address string) (c net.Conn, err error) {
		conn, err = m.dial(ctx, network, address)
		return conn, err
	})}, m.options...)
	if m.set.Username != "" {
		options = append(options, mail.WithSMTPAuthCustom(&login{set: m.set, password: m.password}))
	}
	client, err := mail.NewClient(m.set.Host, options...)
	if err != nil {
		return errors.New("the settings are not those of a mail server")
	}
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	talk, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return m.smtpError("connect", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := talk.Mail("<" + m.from.Address + ">"); err != nil {
		return m.smtpError("from "+m.from.Address, err)
	}
	taken := 0
	for _, a := range to {
		err := talk.Rcpt("<" + a.Address + ">")
		var code *textproto.Error
		switch {
		case err == nil:
			taken++
		case errors.As(err, &code):
			refuse(a, m.smtpError("to "+a.Address, err))
		default:
			return m.smtpError("to "+a.Address, err)
		}
	}
	if taken == 0 {
		_ = talk.Quit()
		return nil
	}
	if err := write(talk, letter); err != nil {
		return m.smtpError("send", err)
	}
	_ = talk.Quit() // the mail is taken, whatever comes now
	return nil
}

func write(talk *smtp.Client, letter *mail.Msg) error {
	w, err := talk.Data()
	if err != nil {
		return err
	}
	if _, err := letter.WriteTo(w); err != nil {
		return err
	}
	return w.Close()
}

// smtpError returns what can be shown of an error of a conversation: the server's code and, but for the login, its words. A 4yz code and a broken connection
// pass, anything else does not.
func (m *mailer) smtpError(what string, err error) error {
	var said *textproto.Error
	if errors.As(err, &said) {
		login := said.Code == 535 || said.Code == 534 || said.Code == 538 || strings.Contains(err.Error(), "SMTP AUTH")
		shown := fmt.Errorf("%s: the server answered %d %s", what, said.Code, cut(m.hide(line(said.Msg)), 200))
		if login { // an answer to a login might repeat it
			shown = fmt.Errorf("log in: the server answered %d", said.Code)
		}
		if said.Code/100 == 4 {
			return &temporary{err: shown}
		}
		return shown
	}
	switch {
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		return errors.New("the server does not offer STARTTLS: nothing was sent (tls: tls, or tls: none)")
	case errors.Is(err, errNoLogin):
		return errNoLogin
	}
	return netError(err)
}

// hide takes the password out of what a server says.
func (m *mailer) hide(said string) string {
	if m.password == "" {
		return said
	}
	encode := base64.StdEncoding.EncodeToString
	plain := "\x00" + m.set.Username + "\x00" + m.password
	return strings.NewReplacer(m.password, "...", encode([]byte(m.password)), "...", encode([]byte(plain)), "...").Replace(said)
}

// dial connects to the mail server, with TLS from the beginning where the settings say so.
func (m *mailer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if m.set.TLS == TLS {
		return (&tls.Dialer{Config: m.tls}).DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
