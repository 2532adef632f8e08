package notify

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/hook"
)

// Settings are one destination: exactly one of the fields is set. They hold no secret but for Slack.URL.
type Settings struct {
	SNS     *SNS
	SMTP    *SMTP
	Webhook *Webhook
	Slack   *Slack
}

// SNS is a topic.
type SNS struct {
	TopicARN string
	Region   string // empty: the topic's
	Subject  string // a template; empty: the default
	Text     string // a template; empty: the default
}

// The ways to protect a connection to a mail server.
const (
	StartTLS = "starttls" // the default: a server that does not offer it gets nothing
	TLS      = "tls"
	NoTLS    = "none"
)

// SMTP is a mail server and who gets mail through it.
type SMTP struct {
	Host         string
	Port         int // 0: 465 with TLS, else 587
	From         string
	To           []string
	TLS          string // empty: StartTLS
	Username     string // empty: no authentication
	PasswordEnv  string // this or PasswordFile where there is a Username
	PasswordFile string
	CAFile       string // certificates that are trusted too, PEM
	Subject      string // a template; empty: the default
	Text         string // a template; empty: the default
}

// Webhook is a URL that gets every Message as JSON, signed.
type Webhook struct {
	URL        string // https, or http to this machine with AllowLocal
	SecretEnv  string // this or SecretFile: the key of the signature
	SecretFile string
	AllowLocal bool   // loopback and link-local addresses too
	CAFile     string // certificates that are trusted too, PEM
}

// Slack is an incoming webhook of Slack, or of what is compatible with it.
type Slack struct {
	URL        string // exactly one of these three; its path is a secret
	URLEnv     string
	URLFile    string
	Text       string // a template; empty: the default
	AllowLocal bool   // loopback and link-local addresses too
	CAFile     string // certificates that are trusted too, PEM
}

// Check finds what is wrong with settings without reading a variable or a file. No message quotes a setting; those about templates may quote the template.
func Check(s Settings) error {
	var errs []error
	kinds := 0
	if s.SNS != nil {
		kinds++
		errs = append(errs, s.SNS.check())
	}
	if s.SMTP != nil {
		kinds++
		errs = append(errs, s.SMTP.check())
	}
	if s.Webhook != nil {
		kinds++
		errs = append(errs, s.Webhook.check())
	}
	if s.Slack != nil {
		kinds++
		errs = append(errs, s.Slack.check())
	}
	if kinds != 1 {
		errs = append(errs, errors.New("exactly one of sns, smtp, webhook and slack must be given"))
	}
	return several(errs...)
}

func (s *SNS) check() error {
	var errs []error
	if regionOf(s.TopicARN) == "" {
		errs = append(errs, errors.New("topicArn is not the ARN of a topic"))
	}
	return several(append(errs, checkTemplates(s.Subject, s.Text))...)
}

func (s *SMTP) check() error {
	var errs []error
	if s.Host == "" || strings.ContainsFunc(s.Host, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		errs = append(errs, errors.New("host is not the name of a server"))
	}
	if s.Port < 0 || s.Port > 65535 {
		errs = append(errs, errors.New("port must be from 1 to 65535"))
	}
	if _, err := mail.ParseAddress(s.From); err != nil {
		errs = append(errs, errors.New("from is not a mail address"))
	}
	if len(s.To) == 0 {
		errs = append(errs, errors.New("to names nobody"))
	}
	for _, to := range s.To {
		if _, err := mail.ParseAddress(to); err != nil {
			errs = append(errs, errors.New("to has an entry that is not a mail address"))
		}
	}
	switch s.TLS {
	case "", StartTLS, TLS:
	case NoTLS:
		if s.Username != "" && !hook.IsLoopback(s.Host) {
			errs = append(errs, errors.New("username with tls: none: a password is sent without TLS to this machine only"))
		}
	default:
		errs = append(errs, fmt.Errorf("tls must be %s, %s or %s", StartTLS, TLS, NoTLS))
	}
	if s.PasswordEnv != "" && s.PasswordFile != "" {
		errs = append(errs, errors.New("passwordEnv and passwordFile: give one of them"))
	}
	if given := s.PasswordEnv != "" || s.PasswordFile != ""; given != (s.Username != "") {
		errs = append(errs, errors.New("username and passwordEnv or passwordFile: give both or none"))
	}
	return several(append(errs, checkTemplates(s.Subject, s.Text))...)
}

func (s *Webhook) check() error {
	_, err := parseURL(s.URL, s.AllowLocal)
	if (s.SecretEnv == "") == (s.SecretFile == "") {
		return several(err, errors.New("the key of the signature: give one of secretEnv and secretFile"))
	}
	return err
}

func (s *Slack) check() error {
	var errs []error
	given := 0
	for _, from := range []string{s.URL, s.URLEnv, s.URLFile} {
		if from != "" {
			given++
		}
	}
	if given != 1 {
		errs = append(errs, errors.New("give one of url, urlEnv and urlFile"))
	}
	if s.URL != "" {
		_, err := parseURL(s.URL, s.AllowLocal)
		errs = append(errs, err)
	}
	return several(append(errs, checkTemplates("", s.Text))...)
}

// parseURL reads the URL of a webhook. The errors quote nothing of it.
func parseURL(text string, allowLocal bool) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("url is not a URL with a host")
	case u.User != nil:
		return nil, errors.New("url has a user name or a password in it: the signature is what proves the sender")
	case u.Scheme == "http" && (!allowLocal || !hook.IsLoopback(u.Hostname())):
		return nil, errors.New("url must begin with https: plain http is for this machine only, with allowLocal: true")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("url must begin with https")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := checkAddress(ip, allowLocal); err != nil {
			return nil, err
		}
	}
	return u, nil
}
