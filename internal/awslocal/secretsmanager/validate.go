package secretsmanager

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const (
	maxValue    = 65536 // bytes of a value
	maxTags     = 50
	maxLabels   = 20  // over all versions of a secret
	maxVersions = 100 // of a secret
)

func validName(name string) bool {
	for i := range len(name) {
		if !alphanumeric(name[i:i+1]) && strings.IndexByte("-/_+=.@!", name[i]) < 0 {
			return false
		}
	}
	return name != ""
}

func invalidName() *service.Error {
	return validation("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
}

// checks collects what is wrong with the parameters of a call, the way AWS reports all of it at once.
// Only what is no secret by its nature is shown in the text.
type checks []string

func (c *checks) add(value, member, constraint string) {
	*c = append(*c, fmt.Sprintf("Value%s at '%s' failed to satisfy constraint: %s", value, member, constraint))
}

// length checks the number of characters of a parameter that may be left out.
func (c *checks) length(member string, value *string, low, high int) {
	if value != nil {
		c.size(member, utf8.RuneCountInString(*value), low, high)
	}
}

// id is length for an identifier, which the error shows.
func (c *checks) id(member string, value *string, low, high int) {
	if value == nil {
		return
	}
	if n := utf8.RuneCountInString(*value); n < low {
		c.add(" '"+*value+"'", member, fmt.Sprintf("Member must have length greater than or equal to %d", low))
	} else if n > high {
		c.add(" '"+*value+"'", member, fmt.Sprintf("Member must have length less than or equal to %d", high))
	}
}

func (c *checks) size(member string, n, low, high int) {
	if n < low {
		c.add("", member, fmt.Sprintf("Member must have length greater than or equal to %d", low))
	} else if n > high {
		c.add("", member, fmt.Sprintf("Member must have length less than or equal to %d", high))
	}
}

// number checks a parameter that may be left out and counts from 1.
func (c *checks) number(member string, value *int64, high int64) {
	switch {
	case value == nil:
	case *value < 1:
		c.add(" '"+strconv.FormatInt(*value, 10)+"'", member, "Member must have value greater than or equal to 1")
	case *value > high:
		c.add(" '"+strconv.FormatInt(*value, 10)+"'", member, fmt.Sprintf("Member must have value less than or equal to %d", high))
	}
}

func (c *checks) oneOf(member, value string, allowed ...string) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	c.add(" '"+value+"'", member, "Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
}

// required notes a parameter that is missing.
func (c *checks) required(member string, present bool) {
	if !present {
		c.add(" null", member, "Member must not be null")
	}
}

func (c *checks) err() *service.Error {
	switch len(*c) {
	case 0:
		return nil
	case 1:
		return validation("1 validation error detected: %s", (*c)[0])
	default:
		return validation("%d validation errors detected: %s", len(*c), strings.Join(*c, "; "))
	}
}

// payload is the value that a call brings; with neither part there is none.
type payload struct {
	SecretString *string
	SecretBinary *[]byte
}

func (p payload) given() bool { return p.SecretString != nil || p.SecretBinary != nil }

func (p payload) check(c *checks) {
	if p.SecretString != nil {
		c.size("secretString", len(*p.SecretString), 1, maxValue)
	}
	if p.SecretBinary != nil {
		c.size("secretBinary", len(*p.SecretBinary), 1, maxValue)
	}
}

// one says whether at most one of the two kinds was given.
func (p payload) one() *service.Error {
	if p.SecretString != nil && p.SecretBinary != nil {
		return invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	}
	return nil
}

// missingToken is the answer to a call that writes and has no ClientRequestToken.
func missingToken(code string) *service.Error {
	return refuse(code, "You must provide a ClientRequestToken value. We recommend a UUID-type value.")
}
