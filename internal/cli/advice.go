package cli

import (
	"context"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// advice looks for copies of a plan that AWS could spare, for the page that people read. Where a source is, the run has learned: it makes no call.
func (a *app) advice(ctx context.Context, s *session, p *plan.Plan) plan.Advice {
	if a.json() {
		return plan.Advice{}
	}
	sources := map[secret.StoreName]secret.Place{}
	for i := range p.Changes {
		name := p.Changes[i].Source.Store
		st := s.stores[name]
		if _, known := sources[name]; known || st == nil || p.Changes[i].Action != plan.Create {
			continue
		}
		at, one := st.Fixed()
		if !one || at.Kind != secret.SecretsManager {
			continue
		}
		if at, err := st.Home(ctx); err == nil {
			sources[name] = at
		}
	}
	return plan.Advise(p.Changes, s.file.Rules, sources)
}

// advice says, in a line each, where sharing or AWS's own replication would do.
func (p *page) advice(n plan.Advice) {
	if n.Sharable > 0 {
		p.linef("Sharing would do for %s in other accounts of the same Region: free of charge, but under a key of your own, and read across accounts (secretsync share --help).",
			count(n.Sharable, "copy", "copies"))
	}
	if n.Replicable > 0 {
		p.linef("AWS's replication would do for %s in other Regions of the same account: at the same price, and read-only there (aws secretsmanager replicate-secret-to-regions).",
			count(n.Replicable, "copy", "copies"))
	}
}
