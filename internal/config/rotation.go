package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Rotation is one entry of `rotations:`. A zero field has the default of the documentation.
type Rotation struct {
	Store    secret.StoreName
	Secret   secret.Name
	Strategy string        // single-user or alternating-users
	Every    time.Duration // zero: Schedule says, or it is rotated by hand only
	Schedule string
	Window   *Window // nil: at any time
	Engine   string
	Master   *SecretRef // nil: what the secret itself names
	Generate Generate
	TLS      RotationTLS
	Exec     *Exec
	Webhook  *RotationWebhook
	After    []Wave

	at mark
}

// Window is when a scheduled rotation may begin, in UTC.
type Window struct {
	From, To time.Duration  // since midnight; To may be the smaller, on the day after
	Days     []time.Weekday // on which it begins; nil: every day
}

// Generate says how a new value is made.
type Generate struct {
	Kind, Key, PublicKey string
	Length               int
	Exclude              string
	NoPunctuation        bool
	RequireEach          bool
}

// RotationTLS says how a database is reached.
type RotationTLS struct {
	Mode   string // verify, require or disable
	CAFile string
}

// Exec is a program.
type Exec struct {
	Command []string
	Timeout time.Duration
}

// RotationWebhook is an HTTPS endpoint.
type RotationWebhook struct {
	URL       string
	SecretEnv string
	Timeout   time.Duration
}

const (
	everyForm   = `^[1-9][0-9]{0,4}[hd]$`
	timeoutForm = `^[1-9][0-9]{0,3}[sm]$`
	clockForm   = `^([01][0-9]|2[0-3]):[0-5][0-9]$`
)

var (
	isEvery   = regexp.MustCompile(everyForm).MatchString
	isTimeout = regexp.MustCompile(timeoutForm).MatchString
	isClock   = regexp.MustCompile(clockForm).MatchString
)

// RotationError says that err is about an entry of rotations, and where that is. It returns nil for nil. Where the file is a secret's value, err is not quoted.
func (f *File) RotationError(i int, err error) error {
	if err == nil {
		return nil
	}
	if f.marks.quiet {
		return f.errorAt(f.Rotations[i].at, "rotations: what is here can't be used")
	}
	return f.errorAt(f.Rotations[i].at, "rotations: %v", err)
}

func (p *parser) rotations(n *yaml.Node, f *File) {
	type key struct {
		store secret.StoreName
		name  secret.Name
	}
	lines := map[key]int{}
	p.list(n, "rotations", func(item *yaml.Node) {
		r := p.rotation(item, f)
		k := key{r.Store, r.Secret}
		if first, dup := lines[k]; dup {
			p.errorf(item, "rotations: this secret is here twice: the first is in line %d", line(first))
		} else if r.Secret != "" {
			lines[k] = r.at.line
		}
		f.Rotations = append(f.Rotations, r)
	})
}

func (p *parser) rotation(n *yaml.Node, f *File) Rotation {
	const what = "an entry of rotations"
	r := Rotation{at: p.raw.mark(n)}
	p.mapping(n, what,
		field{"store", true, func(n *yaml.Node) { r.Store = p.storeName(n, what+": store", f) }},
		field{"secret", true, func(n *yaml.Node) { r.Secret = p.secretName(n, what+": secret") }},
		field{"strategy", false, func(n *yaml.Node) {
			choice(p, n, what+": strategy", &r.Strategy, "single-user", "alternating-users")
		}},
		field{"every", false, func(n *yaml.Node) {
			r.Every = p.duration(n, what+": every", isEvery, "how often, in hours or days: 12h, 30d")
		}},
		field{"schedule", false, func(n *yaml.Node) { r.Schedule = p.schedule(n, what+": schedule") }},
		field{"window", false, func(n *yaml.Node) { r.Window = p.window(n, what+": window") }},
		field{"engine", false, func(n *yaml.Node) { r.Engine, _ = p.text(n, what+": engine") }},
		field{"master", false, func(n *yaml.Node) { r.Master = p.master(n, what+": master", r.Store, f) }},
		field{"generate", false, func(n *yaml.Node) { r.Generate = p.generate(n, what+": generate") }},
		field{"tls", false, func(n *yaml.Node) { r.TLS = p.rotationTLS(n, what+": tls") }},
		field{"exec", false, func(n *yaml.Node) { r.Exec = p.exec(n, what+": exec") }},
		field{"webhook", false, func(n *yaml.Node) { r.Webhook = p.rotationWebhook(n, what+": webhook") }},
		field{"after", false, func(n *yaml.Node) { r.After = p.waves(n, what+": after", f) }},
	)
	if r.Every != 0 && r.Schedule != "" {
		p.errorf(lookup(n, "schedule"), "%s: give either every or schedule", what)
	}
	if r.Window != nil && r.Every == 0 {
		p.errorf(lookup(n, "window"), "%s: a window needs every: a schedule says itself when", what)
	}
	p.program(n, what, &r)
	p.together(n, what, &r)
	return r
}

// together checks settings that are right one by one.
func (p *parser) together(n *yaml.Node, what string, r *Rotation) {
	at := func(key string) *yaml.Node {
		if found := lookup(n, key); found != nil {
			return found
		}
		return n
	}
	g := r.Generate
	pair := g.Kind == "rsa" || g.Kind == "ed25519"
	switch {
	case g.PublicKey != "" && !pair:
		p.errorf(at("generate"), "%s: generate: publicKey is for the kinds rsa and ed25519", what)
	case g.Kind == "rsa" && g.Length != 0 && (g.Length < minRSA || g.Length > maxLength):
		p.errorf(at("generate"), "%s: generate: length of an rsa key must be from %d to %d", what, minRSA, maxLength)
	case g.Length != 0 && (g.Kind == "uuid" || g.Kind == "ed25519"):
		p.errorf(at("generate"), "%s: generate: length does not apply to %s", what, own(g.Kind))
	case g.Length > maxBytes && g.Kind != "rsa":
		p.errorf(at("generate"), "%s: generate: length must be %d or less", what, maxBytes)
	}
	if r.Engine == "generate" && r.Strategy == "alternating-users" {
		p.errorf(at("strategy"), "%s: engine generate knows no users: the strategy is single-user", what)
	}
	if r.TLS.Mode == "disable" && r.TLS.CAFile != "" {
		p.errorf(at("tls"), "%s: tls: with mode disable there is nothing that caFile would verify", what)
	}
	if r.Master != nil && r.Master.Store == r.Store && r.Master.Secret == r.Secret {
		p.errorf(at("master"), "%s: master: a secret can't be its own master", what)
	}
}

// program checks that what makes an entry of a kind is there, and nothing of another kind.
func (p *parser) program(n *yaml.Node, what string, r *Rotation) {
	switch {
	case r.Exec != nil && r.Webhook != nil:
		p.errorf(lookup(n, "webhook"), "%s: give either exec or webhook", what)
	case r.Exec != nil && r.Engine == "":
		r.Engine = "exec"
	case r.Webhook != nil && r.Engine == "":
		r.Engine = "webhook"
	case r.Exec != nil && r.Engine != "exec", r.Webhook != nil && r.Engine != "webhook":
		p.errorf(lookup(n, "engine"), "%s: engine %q takes neither exec nor webhook", what, p.raw.text(lookup(n, "engine")))
	case r.Engine == "exec" && r.Exec == nil, r.Engine == "webhook" && r.Webhook == nil:
		p.errorf(lookup(n, "engine"), "%s: engine %q needs its settings, under the same name", what, own(r.Engine))
	}
}

// secretName reads the name of one secret.
func (p *parser) secretName(n *yaml.Node, what string) secret.Name {
	s, ok := p.text(n, what)
	switch {
	case !ok:
	case len(s) > maxNameBytes:
		p.errorf(n, "%s is longer than %d bytes", what, maxNameBytes)
	case strings.HasPrefix(s, "arn:"):
		p.errorf(n, "%s: name the secret, not its ARN", what)
	}
	return secret.Name(s)
}

func (p *parser) master(n *yaml.Node, what string, store secret.StoreName, f *File) *SecretRef {
	ref := SecretRef{Store: store}
	if n.Kind == yaml.ScalarNode {
		ref.Secret = p.secretName(n, what)
		return &ref
	}
	p.mapping(n, what,
		field{"store", false, func(n *yaml.Node) { ref.Store = p.storeName(n, what+": store", f) }},
		field{"secret", true, func(n *yaml.Node) { ref.Secret = p.secretName(n, what+": secret") }},
	)
	return &ref
}

// duration reads a number and a unit.
func (p *parser) duration(n *yaml.Node, what string, is func(string) bool, help string) time.Duration {
	s, ok := p.text(n, what)
	if !ok {
		return 0
	}
	if !is(s) {
		p.errorf(n, "%s: %q is not %s", what, p.raw.text(n), own(help))
		return 0
	}
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	number, _ := strconv.Atoi(s[:len(s)-1]) // digits, by the form
	return time.Duration(number) * units[s[len(s)-1]]
}

func (p *parser) timeout(n *yaml.Node, what string) time.Duration {
	return p.duration(n, what, isTimeout, "a time in seconds or minutes: 30s, 5m")
}

func (p *parser) window(n *yaml.Node, what string) *Window {
	w := &Window{}
	p.mapping(n, what,
		field{"from", true, func(n *yaml.Node) { w.From = p.clock(n, what+": from") }},
		field{"to", true, func(n *yaml.Node) { w.To = p.clock(n, what+": to") }},
		field{"days", false, func(n *yaml.Node) {
			p.list(n, what+": days", func(item *yaml.Node) {
				day, ok := p.text(item, what+": days")
				i := slices.Index(days, day)
				if ok && i < 0 {
					p.errorf(item, "%s: days: %q is not %s", what, p.raw.text(item), own(strings.Join(days, ", ")))
				}
				if i >= 0 {
					p.once(item, what+": days", slices.Contains(w.Days, time.Weekday(i)))
					w.Days = append(w.Days, time.Weekday(i))
				}
			})
		}},
	)
	if w.From == w.To && lookup(n, "from") != nil && lookup(n, "to") != nil {
		p.errorf(n, "%s: from and to are the same: leave the window out for any time", what)
	}
	return w
}

// clock reads a time of day.
func (p *parser) clock(n *yaml.Node, what string) time.Duration {
	s, ok := p.text(n, what)
	if !ok {
		return 0
	}
	if !isClock(s) {
		p.errorf(n, "%s: %q is not a time of day, in UTC and in quotes: \"02:30\"", what, p.raw.text(n))
		return 0
	}
	hours, _ := strconv.Atoi(s[:2]) // digits, by the form
	minutes, _ := strconv.Atoi(s[3:])
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
}

func (p *parser) generate(n *yaml.Node, what string) Generate {
	var g Generate
	p.mapping(n, what,
		field{"kind", false, func(n *yaml.Node) {
			choice(p, n, what+": kind", &g.Kind, "password", "hex", "base64", "uuid", "rsa", "ed25519")
		}},
		field{"key", false, func(n *yaml.Node) { g.Key, _ = p.text(n, what+": key") }},
		field{"publicKey", false, func(n *yaml.Node) { g.PublicKey, _ = p.text(n, what+": publicKey") }},
		field{"length", false, func(n *yaml.Node) { g.Length, _ = p.integer(n, what+": length", minLength, maxLength) }},
		field{"exclude", false, func(n *yaml.Node) { g.Exclude, _ = p.text(n, what+": exclude") }},
		field{"noPunctuation", false, func(n *yaml.Node) { g.NoPunctuation, _ = p.boolean(n, what+": noPunctuation") }},
		field{"requireEach", false, func(n *yaml.Node) { g.RequireEach, _ = p.boolean(n, what+": requireEach") }},
	)
	return g
}

const (
	minLength, maxLength = 8, 8192 // characters, bytes or bits
	maxBytes             = 4096    // characters or bytes
	minRSA               = 2048    // bits
)

func (p *parser) rotationTLS(n *yaml.Node, what string) RotationTLS {
	var t RotationTLS
	p.mapping(n, what,
		field{"mode", false, func(n *yaml.Node) { choice(p, n, what+": mode", &t.Mode, "verify", "require", "disable") }},
		field{"caFile", false, func(n *yaml.Node) { t.CAFile, _ = p.text(n, what+": caFile") }},
	)
	return t
}

func (p *parser) exec(n *yaml.Node, what string) *Exec {
	e := &Exec{}
	p.mapping(n, what,
		field{"command", true, func(n *yaml.Node) { e.Command = p.command(n, what+": command") }},
		field{"timeout", false, func(n *yaml.Node) { e.Timeout = p.timeout(n, what+": timeout") }},
	)
	return e
}

// command reads a program and its arguments, which may repeat and may be empty.
func (p *parser) command(n *yaml.Node, what string) (args []string) {
	p.list(n, what, func(item *yaml.Node) {
		if len(args) > 0 && item.Kind == yaml.ScalarNode && item.Tag == "!!str" && item.Value == "" {
			args = append(args, "")
			return
		}
		arg, _ := p.text(item, what)
		args = append(args, arg)
	})
	return args
}

func (p *parser) rotationWebhook(n *yaml.Node, what string) *RotationWebhook {
	w := &RotationWebhook{}
	p.mapping(n, what,
		field{"url", true, func(n *yaml.Node) { w.URL = p.url(n, what+": url") }},
		field{"secretEnv", false, func(n *yaml.Node) { w.SecretEnv = p.variable(n, what+": secretEnv") }},
		field{"timeout", false, func(n *yaml.Node) { w.Timeout = p.timeout(n, what+": timeout") }},
	)
	return w
}
