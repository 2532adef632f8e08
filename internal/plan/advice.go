package plan

import "github.com/secretsync-dev/secretsync/internal/secret"

// Advice counts the copies that a plan creates where AWS has another way. It decides nothing.
type Advice struct {
	// Replicable are copies in another Region of the source's own account: AWS's replication makes the same, at the same price.
	Replicable int
	// Sharable are copies in another account and the source's own Region: the account could be let read the secret where it is, at no price.
	Sharable int
}

// Advise looks through the changes for copies that are created as they are, value and name, from Secrets Manager to Secrets Manager. sources are the places of the stores
// that syncs read from; one that is not among them is passed over.
//
//	account  Region   counts as
//	same     another  Replicable
//	another  same     Sharable
//	another  another  neither: AWS replicates within an account, and a key serves one Region
func Advise(changes []Change, rules []Rule, sources map[secret.StoreName]secret.Place) Advice {
	shaped := make(map[secret.SyncName]map[secret.StoreName]bool)
	for i := range rules {
		shaped[rules[i].Name] = map[secret.StoreName]bool{}
		for _, to := range rules[i].To {
			if to.Shape != nil {
				shaped[rules[i].Name][to.Store] = true
			}
		}
	}
	var out Advice
	for i := range changes {
		c := &changes[i]
		from, known := sources[c.Source.Store]
		if c.Action != Create || c.Target == nil || !known || c.Name != c.Source.Name || shaped[c.Sync][c.Target.Store] ||
			from.Kind != secret.SecretsManager || c.Target.Kind != secret.SecretsManager {
			continue
		}
		switch at := c.Target.Place; {
		case at.Account == from.Account && at.Region != from.Region:
			out.Replicable++
		case at.Account != from.Account && at.Region == from.Region:
			out.Sharable++
		}
	}
	return out
}
