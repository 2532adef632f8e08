package ssm

import (
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// place is an account in a Region: where parameters live.
type place struct{ account, region string }

// arn returns the ARN of a parameter there. The slash that a name may begin with is not doubled, so that "a" and "/a" have the same one, as in AWS.
func (p place) arn(name string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(p.region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(p.region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":ssm:" + p.region + ":" + p.account + ":parameter/" + strings.TrimPrefix(name, "/")
}

const (
	maxARN    = 1011 // of a parameter: AWS counts the characters of the whole ARN as those of the name
	maxLevels = 15   // of a hierarchy, the parameter's own name included
)

const (
	badPrefix = `Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`
	badName   = badPrefix + ` Only a mix of letters, numbers and the following 3 symbols .-_ are allowed.`
	badPath   = `Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; ` +
		`each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`
)

// creatable says whether a parameter there may have that name.
func (p place) creatable(name string) *service.Error {
	bare, path := strings.CutPrefix(name, "/")
	if !path && strings.Contains(name, "/") {
		return validation("Parameter name must be a fully qualified name")
	}
	deep := strings.Contains(bare, "/")
	switch lower := strings.ToLower(bare); {
	case deep && strings.HasPrefix(lower, "aws"):
		return refuse("AccessDeniedException", "No access to reserved parameter name: %s.", bare)
	case !deep && (strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm")):
		return validation(badPrefix)
	case strings.HasPrefix(lower, "ssm"):
		return validation(badPath)
	}
	if err := wellFormed(name); err != nil {
		return err
	}
	if strings.Count(bare, "/")+1 > maxLevels {
		return refuse("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of %d levels.", maxLevels)
	}
	if len(p.arn(name)) > maxARN {
		return validation("Parameter name: its ARN must not be longer than %d characters.", maxARN)
	}
	return nil
}

// wellFormed says whether a name consists of what names consist of.
func wellFormed(name string) *service.Error {
	bare, path := strings.CutPrefix(name, "/")
	for level := range strings.SplitSeq(bare, "/") {
		if level == "" || !spelled(level) {
			if path {
				return validation(badPath)
			}
			return validation(badName)
		}
	}
	return nil
}

// spelled says whether s has nothing but letters, digits and .-_
func spelled(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(".-_", c) < 0 {
			return false
		}
	}
	return true
}

// reference is a name as it is given to read: a name or an ARN, and perhaps a version or a label of it.
type reference struct {
	place
	name     string
	anyRoot  bool   // from an ARN of one level, which the names with and without a slash share
	selector string // "3" or "label"; "" is the latest version
}

// parseReference takes a reference apart.
func parseReference(given string, home place) (reference, *service.Error) {
	ref := reference{place: home, name: strings.TrimSpace(given)}
	if strings.HasPrefix(ref.name, "arn:") {
		parts := strings.SplitN(ref.name, ":", 6)
		bare, ok := "", false
		if len(parts) == 6 && parts[2] == "ssm" {
			bare, ok = strings.CutPrefix(parts[5], "parameter/")
		}
		if !ok {
			return ref, validation("Invalid parameter name. Please use correct syntax for referencing a version/label <name>:<version/label>")
		}
		ref.place, ref.name = place{account: parts[4], region: parts[3]}, "/"+bare
		ref.anyRoot = !strings.Contains(bare, "/")
	}
	var selected bool
	if ref.name, ref.selector, selected = strings.Cut(ref.name, ":"); selected && (ref.selector == "" || strings.Contains(ref.selector, ":")) {
		return ref, validation("Invalid parameter name. Please use correct syntax for referencing a version/label <name>:<version/label>")
	}
	return ref, wellFormed(ref.name)
}

// find returns the parameter that a reference means, or nil.
func (st *store) find(ref reference) *record {
	if ref.place != st.place {
		return nil
	}
	if x := st.byName[ref.name]; x != nil || !ref.anyRoot {
		return x
	}
	return st.byName[ref.name[1:]]
}

// below says whether a name lies below a path, directly or, with recursive, at any depth.
func below(name, path string, recursive bool) bool {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(path, "/")+"/")
	return ok && rest != "" && (recursive || !strings.Contains(rest, "/"))
}

// checkPath says whether a path is one; a slash at its end is allowed.
func checkPath(path string) *service.Error {
	if path == "/" {
		return nil
	}
	if bare, ok := strings.CutPrefix(path, "/"); !ok || wellFormed("/"+strings.TrimSuffix(bare, "/")) != nil {
		return validation(`The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". ` +
			`It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: ` +
			`. (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". ` +
			`Valid example: /get/parameters2-/by1./path0_.`)
	}
	return nil
}
