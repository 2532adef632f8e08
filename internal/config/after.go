package config

import (
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Wave is a part of the targets that a rotated secret goes to, what is told there, and what has to work before the next wave.
type Wave struct {
	Targets Targets
	ECS     []ECSService
	Webhook *RotationWebhook
	Gate    []Probe
}

// Targets selects targets. The zero Targets are all that are left.
type Targets struct {
	Stores     []secret.StoreName
	Accounts   []secret.AccountID
	Regions    []secret.Region
	Clusters   []string
	Namespaces []string
}

// All reports whether they are all that are left.
func (t Targets) All() bool {
	return len(t.Stores)+len(t.Accounts)+len(t.Regions)+len(t.Clusters)+len(t.Namespaces) == 0
}

// ECSService is a service of ECS that gets a new deployment.
type ECSService struct {
	Cluster, Service string
	Account          secret.AccountID
	Region           secret.Region
	Role             string
	Wait             bool
}

// Probe tells whether something works: exactly one of Command, HTTP and Login is set.
type Probe struct {
	Command []string
	HTTP    string
	Login   bool
	Within  time.Duration
}

const ecsForm = `^[A-Za-z0-9_-]{1,255}$`

var isECS = regexp.MustCompile(ecsForm).MatchString

func (p *parser) waves(n *yaml.Node, what string, f *File) (all []Wave) {
	p.list(n, what, func(item *yaml.Node) {
		var w Wave
		p.mapping(item, "a wave of after",
			field{"targets", false, func(n *yaml.Node) { w.Targets = p.targets(n, what+": targets", f) }},
			field{"ecs", false, func(n *yaml.Node) {
				p.list(n, what+": ecs", func(item *yaml.Node) { w.ECS = append(w.ECS, p.ecs(item, what+": ecs")) })
			}},
			field{"webhook", false, func(n *yaml.Node) { w.Webhook = p.rotationWebhook(n, what+": webhook") }},
			field{"gate", false, func(n *yaml.Node) {
				p.list(n, what+": gate", func(item *yaml.Node) { w.Gate = append(w.Gate, p.probe(item, what+": gate")) })
			}},
		)
		all = append(all, w)
	})
	rest := func(n *yaml.Node) bool { return n.Kind == yaml.MappingNode && lookup(n, "targets") == nil }
	if i := slices.IndexFunc(n.Content, rest); n.Kind == yaml.SequenceNode && i >= 0 && i < len(n.Content)-1 {
		p.errorf(n.Content[i], "%s: a wave without targets takes all that are left: it must be the last one", what)
	}
	return all
}

func (p *parser) targets(n *yaml.Node, what string, f *File) (t Targets) {
	names := func(n *yaml.Node, what string) (all []string) {
		p.list(n, what, func(item *yaml.Node) {
			if s, ok := p.text(item, what); ok {
				p.once(item, what, slices.Contains(all, s))
				all = append(all, s)
			}
		})
		return all
	}
	p.mapping(n, what,
		field{"stores", false, func(n *yaml.Node) {
			p.list(n, what+": stores", func(item *yaml.Node) {
				t.Stores = append(t.Stores, p.storeName(item, what+": stores", f))
			})
		}},
		field{"accounts", false, func(n *yaml.Node) { t.Accounts, _ = p.accounts(n, what+": accounts") }},
		field{"regions", false, func(n *yaml.Node) { t.Regions = p.regions(n, what+": regions") }},
		field{"clusters", false, func(n *yaml.Node) { t.Clusters = names(n, what+": clusters") }},
		field{"namespaces", false, func(n *yaml.Node) { t.Namespaces = names(n, what+": namespaces") }},
	)
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		p.errorf(n, "%s is empty: leave it out for all that are left", what)
	}
	return t
}

func (p *parser) ecs(n *yaml.Node, what string) (s ECSService) {
	name := func(n *yaml.Node, what string) string {
		text, ok := p.text(n, what)
		if ok && !isECS(text) {
			p.errorf(n, "%s: %q is not a name: letters, digits, hyphens and underscores, and no ARN", what, p.raw.text(n))
		}
		return text
	}
	p.mapping(n, what,
		field{"cluster", true, func(n *yaml.Node) { s.Cluster = name(n, what+": cluster") }},
		field{"service", true, func(n *yaml.Node) { s.Service = name(n, what+": service") }},
		field{"account", false, func(n *yaml.Node) { s.Account, _ = p.account(n, what+": account") }},
		field{"region", false, func(n *yaml.Node) { s.Region, _ = p.region(n, what+": region") }},
		field{"role", false, func(n *yaml.Node) { s.Role, _ = p.text(n, what+": role") }},
		field{"wait", false, func(n *yaml.Node) { s.Wait, _ = p.boolean(n, what+": wait") }},
	)
	return s
}

func (p *parser) probe(n *yaml.Node, what string) (pr Probe) {
	p.mapping(n, what,
		field{"command", false, func(n *yaml.Node) { pr.Command = p.command(n, what+": command") }},
		field{"http", false, func(n *yaml.Node) { pr.HTTP = p.url(n, what+": http") }},
		field{"login", false, func(n *yaml.Node) {
			on, ok := p.boolean(n, what+": login")
			if ok && !on {
				p.errorf(n, "%s: login: leave it out, or write true", what)
			}
			pr.Login = on
		}},
		field{"within", false, func(n *yaml.Node) { pr.Within = p.timeout(n, what+": within") }},
	)
	p.oneOf(n, what, true, "command", "http", "login")
	return pr
}
