package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// flow is one place that one route surely writes to, and the source that it comes from.
type flow struct {
	rule     int
	route    int
	from, to site
	names    []pattern // what surely arrives; none where tags, exclusions, several kinds at once or a template of names decide
}

// site is a place, as far as it takes to tell it from others.
type site struct {
	kind    string // type of the store
	account secret.AccountID
	region  secret.Region
	other   string // identity, or name, of a store whose account and Region are not known
}

func (c *checker) siteOf(store secret.StoreName, info StoreInfo) site {
	s := site{kind: c.typeOf(store)}
	switch {
	case info.Account != "" && info.Region != "":
		s.account, s.region = info.Account, info.Region
	case info.Identity != "":
		s.other = "identity " + info.Identity
	default:
		s.other = "store " + string(store)
	}
	return s
}

func (c *checker) typeOf(store secret.StoreName) string {
	i := slices.IndexFunc(c.Stores, func(s Store) bool { return s.Name == store })
	if i < 0 {
		return ""
	}
	return c.Stores[i].Type
}

// findFlows returns the flows that the configuration alone shows.
func (c *checker) findFlows() (all []flow) {
	for i, r := range c.Rules {
		source, ok := c.opened[r.From]
		if !ok || !source.One {
			continue
		}
		from, names := c.siteOf(r.From, source), patterns(r.Select)
		for j, route := range r.To {
			arriving := names
			if route.Name != "" || route.Namespace != "" || route.ByName || c.opened[route.Store].Renames {
				arriving = nil
			}
			for _, to := range c.targets(route, source) {
				all = append(all, flow{rule: i, route: j, from: from, to: to, names: arriving})
			}
		}
	}
	return all
}

// targets returns the places that a route surely names. By tags, and where a route gives namespaces, none is sure.
func (c *checker) targets(route plan.Route, source StoreInfo) (all []site) {
	info, ok := c.opened[route.Store]
	if !ok || route.ByTags || route.ByName || route.Namespace != "" {
		return nil
	}
	home := c.siteOf(route.Store, info)
	add := func(a secret.AccountID, region secret.Region) {
		regions := route.Regions
		if len(regions) == 0 {
			regions = []secret.Region{firstOf(region, info.Region, source.Region)}
		}
		for _, region := range regions {
			s := site{kind: home.kind, account: a, region: region}
			if a != "" && region != "" && !c.excepted(route, a) && !slices.Contains(route.Except.Regions, region) && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	switch {
	case len(route.Groups) > 0 || len(route.Accounts) > 0:
		for _, name := range route.Groups {
			for _, a := range c.Groups[name].Accounts {
				add(a, c.Groups[name].Region)
			}
		}
		for _, a := range route.Accounts {
			add(a, "")
		}
	case info.One && len(route.Regions) > 0:
		add(info.Account, "")
	case info.One && !c.excepted(route, info.Account) && !slices.Contains(route.Except.Regions, info.Region):
		all = append(all, home)
	}
	return all
}

func firstOf(regions ...secret.Region) secret.Region {
	for _, r := range regions {
		if r != "" {
			return r
		}
	}
	return ""
}

// ownSource reports routes that lead nowhere but to where they come from. Where one of several targets is the source, the planner leaves that one out.
func (c *checker) ownSource() {
	for i, r := range c.Rules {
		for j, route := range r.To {
			own, others := 0, 0
			for _, fl := range c.flows {
				switch {
				case fl.rule != i || fl.route != j:
				case fl.from == fl.to:
					own++
				default:
					others++
				}
			}
			if own == 0 || others > 0 || c.unsure(route) {
				continue
			}
			at := c.marks.rules[i].to[j].at
			if route.Store == r.From {
				c.errorf(at, "%s: its destination is its own source, store %q: name another store, or take the sync out", c.sync(i), r.From)
				continue
			}
			c.errorf(at, "%s: its destination is its own source: stores %q and %q are one place; name another store, or take the sync out", c.sync(i), r.From, route.Store)
		}
	}
}

// unsure reports whether a route may have targets beyond those that targets finds: groups that the file does not define.
func (c *checker) unsure(route plan.Route) bool {
	return slices.ContainsFunc(route.Groups, func(g plan.GroupName) bool { _, ok := c.Groups[g]; return !ok })
}

// twoSources reports pairs of syncs that write one name to one place from different sources.
func (c *checker) twoSources() {
	reported := map[[2]int]bool{}
	before := map[site][]flow{} // by where they lead
	for _, second := range c.flows {
		for _, first := range before[second.to] {
			pair := [2]int{first.rule, second.rule}
			if first.from == second.from || first.from == first.to || second.from == second.to || reported[pair] {
				continue
			}
			common, ok := overlap(first.names, second.names)
			if !ok {
				continue
			}
			reported[pair] = true
			c.errorf(c.marks.rules[second.rule].to[second.route].at,
				"%s and %s write %s to one place from two sources, %q and %q: select other secrets in one of them, or exclude these there",
				c.sync(first.rule), c.sync(second.rule), c.described(common), c.Rules[first.rule].From, c.Rules[second.rule].From)
		}
		before[second.to] = append(before[second.to], second)
	}
}

// cycles reports syncs that carry a secret back to where it came from. A name goes all the way round where every sync on the way selects it,
// so each pattern is followed by itself, through the flows that cover it.
func (c *checker) cycles() {
	reported := map[string]bool{}
	onward := map[site][]int{} // flows by where they begin
	for i, fl := range c.flows {
		if fl.from != fl.to {
			onward[fl.from] = append(onward[fl.from], i)
		}
	}
	for start, first := range c.flows {
		if first.from == first.to {
			continue
		}
		for _, name := range first.names {
			way := c.wayBack(start, name, onward)
			if way == nil {
				continue
			}
			rules := make([]int, len(way))
			for i, fl := range way {
				rules[i] = c.flows[fl].rule
			}
			key := slices.Clone(rules)
			slices.Sort(key)
			if id := fmt.Sprint(slices.Compact(key)); !reported[id] {
				reported[id] = true
				c.reportCycle(way, rules, name)
			}
		}
	}
}

func (c *checker) reportCycle(way, rules []int, name pattern) {
	var stores, syncs []string
	for i, fl := range way {
		stores = append(stores, string(c.Rules[rules[i]].From))
		syncs = append(syncs, c.sync(c.flows[fl].rule))
	}
	stores = append(stores, stores[0])
	last := c.flows[way[len(way)-1]]
	c.errorf(c.marks.rules[last.rule].to[last.route].at, "%s make a cycle, %s, for %s: select other secrets in one of them, or exclude these there",
		strings.Join(syncs, " and "), strings.Join(stores, " to "), c.described(name))
}

// wayBack returns the shortest way, as flows, by which name goes from the source of start back to it; nil if there is none.
func (c *checker) wayBack(start int, name pattern, onward map[site][]int) []int {
	home := c.flows[start].from
	came := map[int]int{start: -1}
	for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
		here := queue[0]
		if c.flows[here].to == home {
			var way []int
			for fl := here; fl >= 0; fl = came[fl] {
				way = append([]int{fl}, way...)
			}
			return way
		}
		for _, next := range onward[c.flows[here].to] {
			_, been := came[next]
			if !been && slices.ContainsFunc(c.flows[next].names, func(p pattern) bool { return p.covers(name) }) {
				came[next] = here
				queue = append(queue, next)
			}
		}
	}
	return nil
}
