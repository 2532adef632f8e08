package config

import (
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Notify is one entry of `notify:`: exactly one of its fields is set.
type Notify struct {
	SNS     *NotifySNS
	SMTP    *NotifySMTP
	Webhook *NotifyWebhook
	Slack   *NotifySlack

	at     mark
	hidden bool // it holds a variable: no message may show what is in it
}

// NotifySNS is a topic. Empty fields have the defaults of the documentation, here as below.
type NotifySNS struct {
	TopicARN string
	Region   string
	Subject  string
	Text     string
}

// NotifySMTP is a mail server and who gets mail through it.
type NotifySMTP struct {
	Host         string
	Port         int
	From         string
	To           []string
	TLS          string
	Username     string
	PasswordEnv  string
	PasswordFile string
	CAFile       string
	Subject      string
	Text         string
}

// NotifyWebhook is a URL that gets signed JSON.
type NotifyWebhook struct {
	URL        string
	SecretEnv  string
	SecretFile string
	AllowLocal bool
	CAFile     string
}

// NotifySlack is an incoming webhook of Slack or of what is compatible with it. URL is a secret.
type NotifySlack struct {
	URL        string
	URLEnv     string
	URLFile    string
	Text       string
	AllowLocal bool
	CAFile     string
}

const (
	topicForm    = `^arn:aws[a-z-]*:sns:[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`
	hostForm     = `^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$|^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$`
	variableForm = `^[A-Za-z_][A-Za-z0-9_]*$`
)

var (
	isTopic = regexp.MustCompile(topicForm).MatchString
	isHost  = regexp.MustCompile(hostForm).MatchString
)

// NotifyError says that err is about an entry of notify, and where that is. It returns nil for nil. Where the entry holds a variable, or the file is a
// secret's value, err is not quoted.
func (f *File) NotifyError(i int, err error) error {
	if err == nil {
		return nil
	}
	n := f.Notify[i]
	if f.marks.quiet || n.hidden {
		return f.errorAt(n.at, "notify: what is here can't be used: a template, or two settings that don't go together")
	}
	return f.errorAt(n.at, "notify: %v", err)
}

func (p *parser) notify(n *yaml.Node, f *File) {
	p.list(n, "notify", func(item *yaml.Node) {
		entry := Notify{at: p.raw.mark(item), hidden: p.replacedIn(item)}
		p.mapping(item, "an entry of notify",
			field{"sns", false, func(n *yaml.Node) { entry.SNS = p.notifySNS(n) }},
			field{"smtp", false, func(n *yaml.Node) { entry.SMTP = p.notifySMTP(n) }},
			field{"webhook", false, func(n *yaml.Node) { entry.Webhook = p.notifyWebhook(n) }},
			field{"slack", false, func(n *yaml.Node) { entry.Slack = p.notifySlack(n) }},
		)
		p.oneOf(item, "an entry of notify", true, "sns", "smtp", "webhook", "slack")
		f.Notify = append(f.Notify, entry)
	})
}

func (p *parser) notifySNS(n *yaml.Node) *NotifySNS {
	s := &NotifySNS{}
	p.mapping(n, "notify: sns",
		field{"topicArn", true, func(n *yaml.Node) {
			arn, ok := p.text(n, "notify: sns: topicArn")
			if ok && !isTopic(arn) {
				p.errorf(n, "notify: sns: topicArn: %q is not the ARN of a topic, arn:aws:sns:us-east-1:111122223333:name", p.raw.text(n))
			}
			s.TopicARN = arn
		}},
		field{"region", false, func(n *yaml.Node) {
			r, _ := p.region(n, "notify: sns: region")
			s.Region = string(r)
		}},
		field{"subject", false, func(n *yaml.Node) { s.Subject, _ = p.text(n, "notify: sns: subject") }},
		field{"text", false, func(n *yaml.Node) { s.Text = p.prose(n, "notify: sns: text") }},
	)
	return s
}

func (p *parser) notifySMTP(n *yaml.Node) *NotifySMTP {
	const what = "notify: smtp"
	s := &NotifySMTP{}
	p.mapping(n, what,
		field{"host", true, func(n *yaml.Node) {
			host, ok := p.text(n, what+": host")
			if ok && !isHost(host) && net.ParseIP(host) == nil {
				p.errorf(n, "%s: host: %q is not the name of a server; its port goes under port", what, p.raw.text(n))
			}
			s.Host = host
		}},
		field{"port", false, func(n *yaml.Node) { s.Port, _ = p.integer(n, what+": port", 1, 65535) }},
		field{"from", true, func(n *yaml.Node) { s.From = p.address(n, what+": from") }},
		field{"to", true, func(n *yaml.Node) {
			p.list(n, what+": to", func(item *yaml.Node) {
				if to := p.address(item, what+": to"); to != "" {
					p.once(item, what+": to", slices.Contains(s.To, to))
					s.To = append(s.To, to)
				}
			})
		}},
		field{"tls", false, func(n *yaml.Node) { choice(p, n, what+": tls", &s.TLS, "starttls", "tls", "none") }},
		field{"username", false, func(n *yaml.Node) { s.Username, _ = p.text(n, what+": username") }},
		field{"passwordEnv", false, func(n *yaml.Node) { s.PasswordEnv = p.variable(n, what+": passwordEnv") }},
		field{"passwordFile", false, func(n *yaml.Node) { s.PasswordFile, _ = p.text(n, what+": passwordFile") }},
		field{"caFile", false, func(n *yaml.Node) { s.CAFile, _ = p.text(n, what+": caFile") }},
		field{"subject", false, func(n *yaml.Node) { s.Subject, _ = p.text(n, what+": subject") }},
		field{"text", false, func(n *yaml.Node) { s.Text = p.prose(n, what+": text") }},
	)
	p.oneOf(n, what, lookup(n, "username") != nil, "passwordEnv", "passwordFile")
	return s
}

func (p *parser) notifyWebhook(n *yaml.Node) *NotifyWebhook {
	const what = "notify: webhook"
	s := &NotifyWebhook{}
	p.mapping(n, what,
		field{"url", true, func(n *yaml.Node) { s.URL = p.url(n, what+": url") }},
		field{"secretEnv", false, func(n *yaml.Node) { s.SecretEnv = p.variable(n, what+": secretEnv") }},
		field{"secretFile", false, func(n *yaml.Node) { s.SecretFile, _ = p.text(n, what+": secretFile") }},
		field{"allowLocal", false, func(n *yaml.Node) { s.AllowLocal, _ = p.boolean(n, what+": allowLocal") }},
		field{"caFile", false, func(n *yaml.Node) { s.CAFile, _ = p.text(n, what+": caFile") }},
	)
	p.oneOf(n, what, true, "secretEnv", "secretFile")
	return s
}

func (p *parser) notifySlack(n *yaml.Node) *NotifySlack {
	const what = "notify: slack"
	s := &NotifySlack{}
	p.mapping(n, what,
		field{"url", false, func(n *yaml.Node) {
			if _, replaced := p.raw[n]; !replaced && n.Kind == yaml.ScalarNode && !p.quiet {
				p.errorf(n, "%s: url is a secret: write urlEnv or urlFile, or url: ${VAR}", what)
				return
			}
			s.URL = p.url(n, what+": url")
		}},
		field{"urlEnv", false, func(n *yaml.Node) { s.URLEnv = p.variable(n, what+": urlEnv") }},
		field{"urlFile", false, func(n *yaml.Node) { s.URLFile, _ = p.text(n, what+": urlFile") }},
		field{"text", false, func(n *yaml.Node) { s.Text = p.prose(n, what+": text") }},
		field{"allowLocal", false, func(n *yaml.Node) { s.AllowLocal, _ = p.boolean(n, what+": allowLocal") }},
		field{"caFile", false, func(n *yaml.Node) { s.CAFile, _ = p.text(n, what+": caFile") }},
	)
	p.oneOf(n, what, true, "url", "urlEnv", "urlFile")
	return s
}

// oneOf reports a map that has none of some keys, where one is needed, or more than one.
func (p *parser) oneOf(n *yaml.Node, what string, needed bool, keys ...string) {
	given := 0
	for _, key := range keys {
		if lookup(n, key) != nil {
			given++
		}
	}
	if n.Kind == yaml.MappingNode && (given > 1 || needed && given == 0) {
		last := len(keys) - 1
		p.errorf(n, "%s: give exactly one of %s and %s", what, own(strings.Join(keys[:last], ", ")), own(keys[last]))
	}
}

// prose reads text that may have several lines.
func (p *parser) prose(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || strings.TrimSpace(n.Value) == "" {
		s, _ := p.text(n, what)
		if s != "" {
			p.errorf(n, "%s is empty", what)
		}
		return s
	}
	if strings.ContainsFunc(n.Value, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }) {
		p.errorf(n, "%s has a control character in it", what)
	}
	return n.Value
}

// address reads one mail address, with or without a name.
func (p *parser) address(n *yaml.Node, what string) string {
	s, ok := p.text(n, what)
	if !ok {
		return ""
	}
	if _, err := mail.ParseAddress(s); err != nil {
		p.errorf(n, "%s: %q is not a mail address", what, p.raw.text(n))
	}
	return s
}

// variable reads the name of an environment variable. What is none is not quoted: it may be what should be in one.
func (p *parser) variable(n *yaml.Node, what string) string {
	s, ok := p.text(n, what)
	if ok && !variableName.MatchString(s) {
		p.errorf(n, "%s must be the name of an environment variable, not what is in it", what)
	}
	return s
}

// url reads the URL of a webhook. It is never quoted: its path may be a secret.
func (p *parser) url(n *yaml.Node, what string) string {
	s, ok := p.text(n, what)
	if !ok {
		return ""
	}
	if u, err := url.Parse(s); err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		p.errorf(n, "%s is not a URL, https://host/path", what)
	}
	return s
}
