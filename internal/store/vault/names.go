package vault

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// badPath says why a path can't be one of Vault's; empty if it can. Vault resolves "..", "." and empty parts, so that such a name would mean another secret.
func badPath(path string) string {
	switch {
	case path == "":
		return "it is empty"
	case !utf8.ValidString(path):
		return "it is not valid UTF-8"
	}
	for _, r := range path {
		if !unicode.IsPrint(r) {
			return fmt.Sprintf("%q is not possible in a name", r)
		}
	}
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "":
			return "it begins or ends with /, or has two in a row"
		case ".", "..":
			return fmt.Sprintf("%q is not possible as a part of it", part)
		}
	}
	return ""
}

// path returns where a part of the engine's API has a name.
func (c *client) path(part string, name secret.Name) string {
	return c.place.Mount + "/" + part + "/" + string(name)
}

// beginnings returns what the names to list begin with, none of which begins with another: what prefix and within have in common.
// An empty within is no limit.
func beginnings(prefix string, within []string) []string {
	if len(within) == 0 {
		return []string{prefix}
	}
	var all []string
	for _, w := range within {
		switch {
		case strings.HasPrefix(w, prefix):
			all = append(all, w)
		case strings.HasPrefix(prefix, w):
			all = append(all, prefix)
		}
	}
	slices.Sort(all)
	var least []string
	for _, b := range all {
		if n := len(least); n == 0 || !strings.HasPrefix(b, least[n-1]) {
			least = append(least, b)
		}
	}
	return least
}

// folderOf returns the folder that names with a beginning are in, with the "/" at its end; empty: the root.
func folderOf(beginning string) string { return beginning[:strings.LastIndexByte(beginning, '/')+1] }
