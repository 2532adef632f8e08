package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const (
	groupsVersion  = "1.0"
	maxGroupsBytes = 1 << 16 // the most that a secret holds
)

// ParseGroups reads the groups of accounts that a secret holds, as JSON. Neither its error nor its warnings quote the text, which is a secret's value:
// they say where, by line and column. The names of groups are in warnings only, which are about groups that could be read.
// What is no account id is kept as "entry 2 of group G", which is not Valid: whatever needs its group is then refused instead of going nowhere.
func ParseGroups(data []byte) (groups map[plan.GroupName]plan.Group, warnings []string, err error) {
	if len(data) > maxGroupsBytes {
		return nil, nil, fmt.Errorf("the groups are larger than %d KiB", maxGroupsBytes>>10)
	}
	if !utf8.Valid(data) {
		return nil, nil, errors.New("the groups are not valid UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil { // its message quotes the text, and may not be shown
		line, column := position(data, int64(len(data)))
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line, column = position(data, syntax.Offset)
		}
		return nil, nil, fmt.Errorf("line %d, column %d: not valid JSON", line, column)
	}
	g := &groupsReader{data: data, dec: json.NewDecoder(bytes.NewReader(data)), groups: map[plan.GroupName]plan.Group{}}
	g.dec.UseNumber()
	if err := g.file(); err != nil {
		return nil, nil, err
	}
	return g.groups, g.warnings, nil
}

type groupsReader struct {
	data     []byte
	dec      *json.Decoder
	groups   map[plan.GroupName]plan.Group
	warnings []string
}

func (g *groupsReader) file() error {
	if err := g.open('{', "the groups"); err != nil {
		return err
	}
	seen, err := g.members("the groups", func(key string) error {
		switch key {
		case "Version":
			return g.version()
		case "AccountGroups":
			return g.accountGroups()
		case "DeleteSync", "NeverDelete":
			g.deletion(key, "")
			return g.skip(key)
		}
		g.warn("an unknown key, ignored: there is Version and AccountGroups")
		return g.skip("the groups")
	})
	switch {
	case err != nil:
		return err
	case !seen["Version"]:
		return fmt.Errorf("Version is missing: it must be %q", groupsVersion)
	case !seen["AccountGroups"]:
		return errors.New("AccountGroups is missing")
	}
	return nil
}

func (g *groupsReader) version() error {
	t, err := g.token("Version")
	if err != nil {
		return err
	}
	if t != groupsVersion {
		return g.errorf("Version is not known: it must be the string %q", groupsVersion)
	}
	return nil
}

func (g *groupsReader) accountGroups() error {
	if err := g.open('{', "AccountGroups"); err != nil {
		return err
	}
	count := 0
	_, err := g.members("AccountGroups", func(name string) error {
		count++
		if name == "" {
			return g.errorf("AccountGroups: a group has no name")
		}
		group, err := g.group(groupPath{plan.GroupName(name), fmt.Sprintf("AccountGroups: group %d", count)})
		if err != nil {
			return err
		}
		g.groups[plan.GroupName(name)] = group
		return nil
	})
	return err
}

// groupPath is how messages call a group. What breaks the form may be any text, its key too: errors go by the place. Warnings are about a group that was read.
type groupPath struct {
	name  plan.GroupName
	place string
}

func (p groupPath) String() string { return fmt.Sprintf("AccountGroups.%q", p.name) }

// group reads ["…"] or {"Accounts": ["…"], "Region": "…"}.
func (g *groupsReader) group(path groupPath) (plan.Group, error) {
	var group plan.Group
	t, err := g.token(path.place)
	if err != nil {
		return group, err
	}
	switch t {
	case json.Delim('['):
		group.Accounts, err = g.accounts(path)
	case json.Delim('{'):
		group, err = g.object(path)
	default:
		err = g.errorf("%s must be a list of account ids, or an object with Accounts", path.place)
	}
	if err == nil && len(group.Accounts) == 0 {
		g.warn("%s has no accounts: what needs the group is refused", path)
	}
	return group, err
}

func (g *groupsReader) object(path groupPath) (plan.Group, error) {
	var group plan.Group
	seen, err := g.members(path.place, func(key string) (err error) {
		switch key {
		case "Accounts":
			if err = g.open('[', path.place+": Accounts"); err == nil {
				group.Accounts, err = g.accounts(path)
			}
			return err
		case "Region":
			group.Region, err = g.region(path.place + ": Region")
			return err
		case "DeleteSync", "NeverDelete":
			g.deletion(key, path.String())
			return g.skip(path.place)
		}
		g.warn("%s has an unknown key, ignored: there is Accounts and Region", path)
		return g.skip(path.place)
	})
	if err != nil {
		return group, err
	}
	if !seen["Accounts"] {
		return group, g.errorf("%s has no Accounts", path.place)
	}
	return group, nil
}

// accounts reads the rest of a list. What is no account id is kept as where it stands, which is never Valid and holds nothing of the text.
func (g *groupsReader) accounts(path groupPath) ([]secret.AccountID, error) {
	var all []secret.AccountID
	for i := 1; g.dec.More(); i++ {
		t, err := g.token(path.place)
		if err != nil {
			return nil, err
		}
		broken := secret.AccountID(fmt.Sprintf("entry %d of group %s", i, path.name))
		switch t := t.(type) {
		case string:
			id := secret.AccountID(t)
			if !id.Valid() {
				g.warn("%s: entry %d is no account id, which is 12 digits: what needs the group is refused", path, i)
				id = broken
			}
			all = append(all, id)
		case json.Number:
			g.warn("%s: entry %d is a number: put the account id in quotes; until then what needs the group is refused", path, i)
			all = append(all, broken)
		default:
			return nil, g.errorf("%s: entry %d must be an account id in quotes", path.place, i)
		}
	}
	_, err := g.token(path.place)
	return all, err
}

func (g *groupsReader) region(path string) (secret.Region, error) {
	t, err := g.token(path)
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok || !isRegion(s) {
		return "", g.errorf(`%s must be an AWS Region, as "us-east-1"`, path)
	}
	return secret.Region(s), nil
}

func (g *groupsReader) deletion(key, path string) {
	if path != "" {
		path = " of " + path
	}
	g.warn("%s%s is ignored: deletion is decided in the configuration file, by deletion and recoveryDays of each sync", key, path)
}
