package mysql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/rotate"
)

// token is a word, a quoted text or a sign of a statement that a server wrote.
type token struct {
	text       string // without its quotes
	quoted     bool
	start, end int // where it stands
}

// is tells whether it is that keyword.
func (t token) is(keyword string) bool { return !t.quoted && strings.EqualFold(t.text, keyword) }

// scan takes a statement apart. Within ' and " a backslash takes away the meaning of what follows it: sessions have no other mode.
func scan(statement string) []token {
	var all []token
	for i := 0; i < len(statement); {
		c := statement[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'' || c == '"' || c == '`':
			t := token{quoted: true, start: i}
			var text []byte
			for i++; i < len(statement); i++ {
				if statement[i] == '\\' && c != '`' && i+1 < len(statement) {
					i++
					text = append(text, unescape(statement[i]))
					continue
				}
				if statement[i] == c {
					if i+1 >= len(statement) || statement[i+1] != c {
						break
					}
					i++
				}
				text = append(text, statement[i])
			}
			i = min(i+1, len(statement))
			t.text, t.end = string(text), i
			all = append(all, t)
		case isWord(c):
			start := i
			for i < len(statement) && isWord(statement[i]) {
				i++
			}
			all = append(all, token{text: statement[start:i], start: start, end: i})
		default:
			i++
			all = append(all, token{text: string(c), start: i - 1, end: i})
		}
	}
	return all
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

func unescape(c byte) byte {
	switch c {
	case '0':
		return 0
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'Z':
		return 0x1A
	}
	return c
}

// account is a user of one host, or of a pattern of hosts.
type account struct{ user, host string }

// String returns the account as it stands in a statement.
func (a account) String() string { return literal(a.user) + "@" + literal(a.host) }

// literal returns a text as it stands in a statement of a session of this package.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`, "\n", `\n`, "\r", `\r`, "\x1a", `\Z`).Replace(text) + "'"
}

// definition is what SHOW CREATE USER says of an account.
type definition struct {
	plugins []string // in the order in which they are tried
	roles   string   // its default roles, as they stand in a statement; empty: none, or the server says so elsewhere
	options string   // what else belongs to the account: REQUIRE, limits, locks, how passwords expire
}

// parseDefinition reads "CREATE USER account [IDENTIFIED …] [DEFAULT ROLE …] [options]". The error quotes nothing.
func parseDefinition(statement string) (definition, error) {
	all := scan(statement)
	i := accountEnd(all, 2)
	if len(all) < 3 || !all[0].is("CREATE") || !all[1].is("USER") || i == 0 {
		return definition{}, fmt.Errorf("%w: the server describes the user in a way that is not known here", rotate.ErrForm)
	}
	at := func(k int) token {
		if k < len(all) {
			return all[k]
		}
		return token{start: len(statement), end: len(statement)}
	}
	d := definition{plugins: []string{pluginNative}}
	switch {
	case !at(i).is("IDENTIFIED"):
	case at(i + 1).is("BY"): // MariaDB's short form; PASSWORD or not
		for i += 2; i < len(all) && !all[i].quoted; i++ {
		}
		i++
	default: // VIA plugin USING text OR plugin …, WITH plugin AS text
		d.plugins = nil
		for i++; len(d.plugins) == 0 || at(i).is("OR"); {
			d.plugins = append(d.plugins, at(i+1).text)
			if i += 2; at(i).is("USING") || at(i).is("AS") {
				i += 2
			}
		}
	}
	if at(i).is("AND") {
		return definition{}, fmt.Errorf("%w: the user logs in with more than a password", rotate.ErrForm)
	}
	if at(i).is("DEFAULT") && at(i+1).is("ROLE") {
		start := at(i + 2).start
		for i += 2; i < len(all) && !all[i].is("REQUIRE"); i++ {
		}
		d.roles = strings.TrimSpace(statement[start:at(i).start])
	}
	d.options = strings.TrimSpace(statement[at(i).start:])
	for ; i < len(all); i++ { // a password that has to be changed at once would be of no use
		if at(i).is("PASSWORD") && at(i+1).is("EXPIRE") && !slices.ContainsFunc([]string{"DEFAULT", "NEVER", "INTERVAL"}, at(i+2).is) {
			d.options = strings.Replace(d.options, statement[at(i).start:at(i+1).end], "", 1)
		}
	}
	return d, nil
}

// accountEnd returns where the tokens of an account end that begins at i; 0 where there is none.
func accountEnd(all []token, i int) int {
	if i+2 < len(all) && all[i+1].is("@") {
		return i + 3
	}
	return 0
}

// regrant returns a line of SHOW GRANTS as it is for another account, without what the account itself is (how it logs in, what it requires, its limits); empty for a line about
// somebody else. The error quotes nothing.
func regrant(line string, of, to account) (string, error) {
	all := scan(line)
	for i := len(all) - 2; i > 0; i-- {
		if !slices.ContainsFunc([]string{"TO", "FROM", "FOR"}, all[i].is) {
			continue
		}
		end := accountEnd(all, i+1)
		if end == 0 || all[i+1].text != of.user || all[i+3].text != of.host {
			return "", nil
		}
		out := line[:all[i].end] + " " + to.String()
		for ; end+1 < len(all); end++ {
			if (all[end].is("GRANT") || all[end].is("ADMIN")) && all[end+1].is("OPTION") {
				return out + " WITH " + line[all[end].start:all[end+1].end], nil
			}
		}
		return out, nil
	}
	return "", fmt.Errorf("%w: the server describes a right in a way that is not known here", rotate.ErrForm)
}
