package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// The tags on a source secret that route it.
const (
	TagSyncGroup     = "SecretSync-SyncDestinationGroup"
	TagSyncAccount   = "SecretSync-SyncAccount"
	TagNoSyncGroup   = "SecretSync-NoSyncDestinationGroup"
	TagNoSyncAccount = "SecretSync-NoSyncAccount"
)

// Place is what routing knows of a store.
type Place struct {
	secret.Place                    // the home of a store with one place; else what its settings fix
	One          bool               // the store is one account: its own
	Allow        []secret.AccountID // nil: every account
	// Namespaces holds the globs of which the namespace that a route gives a copy has to match one; nil: there is only the store's own.
	Namespaces []string
	// Present holds the namespaces in which copies may be, for the sweep.
	Present []string
}

// inAWS reports whether the store is in accounts and Regions.
func (p Place) inAWS() bool { return p.Mount == "" && p.Cluster == "" }

// Router resolves where secrets go. It is not changed by use, but for a cache: it is not safe for concurrent use.
type Router struct {
	Places map[secret.StoreName]Place
	Groups map[GroupName]Group
	// NoGroups is why there are no groups beyond Groups, where a file of groups was expected: a rule that needs one fails with it.
	NoGroups error
	cache    map[routeKey]*Routing
}

type routeKey struct {
	rule  *Rule
	route int
	tags  [4]string
	has   [4]bool
	bound bool
	space string
}

// Routing is where one secret goes by one route.
type Routing struct {
	Targets []Target
	Refused Reason // not empty: the secret goes nowhere by this route
	Detail  string
	Why     map[Target]string // for every target that was considered, why it is in or out
	Nowhere string            // why there is no target, where nothing was refused
	Err     error             // the rule can't be resolved at all
}

// Has reports whether t is among the targets.
func (r *Routing) Has(t Target) bool { return slices.Contains(r.Targets, t) }

// Route returns where a secret of a source at place from goes by the rule's i-th route, into a namespace if the route gives its copy one.
// The answer is shared: it must not be changed.
func (r *Router) Route(rule *Rule, i int, from secret.Place, m *secret.Meta, namespace string) *Routing {
	key := routeKey{rule: rule, route: i, space: namespace}
	if rule.To[i].ByTags {
		key.bound = m.Bound != ""
		for n, tag := range []string{TagSyncGroup, TagSyncAccount, TagNoSyncGroup, TagNoSyncAccount} {
			key.tags[n], key.has[n] = m.Tags[tag]
		}
	}
	if got, ok := r.cache[key]; ok {
		return got
	}
	q := r.resolve(rule, i, from)
	var got *Routing
	if rule.To[i].ByTags {
		got = q.byTags(m)
	} else {
		got = q.fixed(namespace)
	}
	if r.cache == nil {
		r.cache = map[routeKey]*Routing{}
	}
	r.cache[key] = got
	return got
}

func (r *Router) resolve(rule *Rule, i int, from secret.Place) *resolution {
	return &resolution{router: r, route: &rule.To[i], place: r.Places[rule.To[i].Store], from: from,
		in: map[Target]string{}, out: map[secret.AccountID]string{}}
}

// resolution is one call of Route.
type resolution struct {
	router  *Router
	route   *Route
	place   Place
	from    secret.Place
	in      map[Target]string           // sync: why
	out     map[secret.AccountID]string // nosync: why
	refused Reason
	detail  string
	err     error
}

func (q *resolution) refuse(reason Reason, format string, args ...any) {
	if q.refused == "" {
		q.refused, q.detail = reason, fmt.Sprintf(format, args...)
	}
}

func (q *resolution) byTags(m *secret.Meta) *Routing {
	if m.Bound != "" {
		return &Routing{Nowhere: "it is " + m.Bound + ", which is no source for tags"}
	}
	group, hasGroup := m.Tags[TagSyncGroup]
	account, hasAccount := m.Tags[TagSyncAccount]
	if !hasGroup && !hasAccount {
		return &Routing{Nowhere: fmt.Sprintf("it carries neither the tag %s nor %s", TagSyncGroup, TagSyncAccount)}
	}
	if hasGroup {
		q.addGroup(GroupName(group), fmt.Sprintf("tag %s=%s", TagSyncGroup, group))
	}
	if hasAccount {
		why := fmt.Sprintf("tag %s=%s", TagSyncAccount, account)
		q.add(secret.AccountID(account), q.from.Region, why)
	}
	if group, ok := m.Tags[TagNoSyncGroup]; ok {
		q.excludeGroup(GroupName(group), fmt.Sprintf("tag %s=%s", TagNoSyncGroup, group))
	}
	if account, ok := m.Tags[TagNoSyncAccount]; ok {
		q.exclude(secret.AccountID(account), fmt.Sprintf("tag %s=%s", TagNoSyncAccount, account))
	}
	return q.result()
}

const namesStore = "the route names the store"

func (q *resolution) fixed(namespace string) *Routing {
	switch {
	case !q.place.inAWS():
		q.addNamespace(namespace)
	case len(q.route.Groups) == 0 && len(q.route.Accounts) == 0:
		q.add(q.place.Account, q.region(""), namesStore)
	default:
		for _, g := range q.route.Groups {
			q.addGroup(g, fmt.Sprintf("group %s of the route", g))
		}
		for _, a := range q.route.Accounts {
			q.add(a, q.region(""), "account of the route")
		}
	}
	return q.result()
}

// addNamespace adds the store's one place, or one of its namespaces.
func (q *resolution) addNamespace(namespace string) {
	at, why := q.place.Place, namesStore
	switch {
	case namespace == "":
	case q.place.Namespaces == nil && namespace != at.Namespace, q.place.Namespaces != nil && !MatchAny(q.place.Namespaces, namespace):
		q.refuse(NotAllowed, "namespace %q is not under namespaces of store %q", namespace, q.route.Store)
		return
	default:
		at.Namespace, why = namespace, "the route names the store and the namespace"
	}
	q.in[Target{Store: q.route.Store, Place: at}] = why
}

func (q *resolution) group(name GroupName) (Group, bool) {
	g, ok := q.router.Groups[name]
	if !ok {
		if q.router.NoGroups != nil && q.err == nil {
			q.err = fmt.Errorf("group %q is needed: %w", name, q.router.NoGroups)
		}
		q.refuse(UnknownGroup, "group %q is not defined%s", name, q.didYouMean(name))
		return Group{}, false
	}
	if len(g.Accounts) == 0 {
		q.refuse(UnknownGroup, "group %q has no accounts", name)
		return Group{}, false
	}
	return g, true
}

func (q *resolution) didYouMean(name GroupName) string {
	for _, known := range slices.Sorted(maps.Keys(q.router.Groups)) {
		if strings.EqualFold(string(known), string(name)) {
			return fmt.Sprintf(" (names are case-sensitive: there is %q)", known)
		}
	}
	return ""
}

func (q *resolution) addGroup(name GroupName, why string) {
	g, ok := q.group(name)
	if !ok {
		return
	}
	for _, a := range g.Accounts {
		q.add(a, q.region(g.Region), why)
	}
}

// region returns the Region of a target: the group's, else the store's, else the source's.
func (q *resolution) region(group secret.Region) secret.Region {
	switch {
	case group != "":
		return group
	case q.place.Region != "":
		return q.place.Region
	}
	return q.from.Region
}

func (q *resolution) add(a secret.AccountID, region secret.Region, why string) {
	if !a.Valid() {
		q.refuse(NotAllowed, "%s: %q is not an account id of 12 digits", why, a)
		return
	}
	if q.place.Allow != nil && !slices.Contains(q.place.Allow, a) {
		q.refuse(NotAllowed, "%s: account %s is not under allow of store %q", why, a, q.route.Store)
		return
	}
	if q.place.One && q.place.Account != "" && a != q.place.Account {
		q.refuse(NotAllowed, "%s: store %q is account %s only", why, q.route.Store, q.place.Account)
		return
	}
	regions := q.route.Regions
	if len(regions) == 0 {
		if region == "" {
			q.refuse(NotAllowed, "%s: account %s in no Region: neither the group nor store %q names one, and the source is in none", why, a, q.route.Store)
			return
		}
		regions = []secret.Region{region}
	}
	for _, region := range regions {
		t := Target{Store: q.route.Store, Place: secret.Place{Kind: q.place.Kind, Account: a, Region: region}}
		if _, ok := q.in[t]; !ok {
			q.in[t] = why
		}
	}
}

func (q *resolution) excludeGroup(name GroupName, why string) {
	g, ok := q.group(name)
	if !ok {
		return
	}
	for _, a := range g.Accounts {
		q.exclude(a, why)
	}
}

func (q *resolution) exclude(a secret.AccountID, why string) {
	if !a.Valid() {
		q.refuse(NotAllowed, "%s: %q is not an account id of 12 digits", why, a)
		return
	}
	if _, ok := q.out[a]; !ok {
		q.out[a] = why
	}
}

// result is sync minus nosync; exclusion always wins, in every Region.
func (q *resolution) result() *Routing {
	for _, a := range q.route.Except.Accounts {
		q.exclude(a, "except of the route")
	}
	for _, g := range q.route.Except.Groups {
		q.excludeGroup(g, fmt.Sprintf("except group %s of the route", g))
	}
	if q.err != nil {
		return &Routing{Err: q.err}
	}
	if q.refused != "" {
		return &Routing{Refused: q.refused, Detail: q.detail}
	}
	got := &Routing{Why: map[Target]string{}}
	for t, why := range q.in {
		switch excluded, out := q.out[t.Account]; {
		case out:
			got.Why[t] = "out: " + excluded + " wins over " + why
		case slices.Contains(q.route.Except.Regions, t.Region):
			got.Why[t] = "out: except of the route wins over " + why
		case t.Place == q.from:
			got.Why[t] = "out: the target is the source itself"
		default:
			got.Why[t] = "in: " + why
			got.Targets = append(got.Targets, t)
		}
	}
	slices.SortFunc(got.Targets, Target.Compare)
	if len(got.Targets) == 0 {
		got.Nowhere = "every target is excluded"
	}
	return got
}

// Reach returns every target that the rule's i-th route can name for a source at place from: what the configuration names, what a tag could, and what is excepted.
// The sweep for orphans covers them all. Accounts that the store does not allow are left out.
func (r *Router) Reach(rule *Rule, i int, from secret.Place) []Target {
	q := r.resolve(rule, i, from)
	route := rule.To[i]
	addAll := func(accounts []secret.AccountID, region secret.Region) {
		for _, a := range accounts {
			q.add(a, region, "")
		}
	}
	switch {
	case !q.place.inAWS():
		if route.Namespace == "" && !route.ByName || q.place.Namespaces == nil || MatchAny(q.place.Namespaces, q.place.Namespace) {
			q.addNamespace("")
		}
		for _, namespace := range q.place.Present {
			q.addNamespace(namespace)
		}
	case route.ByTags:
		for _, g := range r.Groups {
			addAll(g.Accounts, q.region(g.Region))
		}
		addAll(q.place.Allow, from.Region)
	case len(route.Groups) == 0 && len(route.Accounts) == 0:
		addAll([]secret.AccountID{q.place.Account}, q.region(""))
	}
	for _, g := range slices.Concat(route.Groups, route.Except.Groups) {
		addAll(r.Groups[g].Accounts, q.region(r.Groups[g].Region))
	}
	addAll(route.Accounts, q.region(""))
	addAll(route.Except.Accounts, q.region(""))
	for t := range maps.Clone(q.in) { // Regions that were taken out are looked at in every account
		for _, region := range route.Except.Regions {
			t.Region = region
			q.in[t] = ""
		}
	}
	var all []Target
	for t := range q.in {
		if t.Place != from {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, Target.Compare)
	return all
}
