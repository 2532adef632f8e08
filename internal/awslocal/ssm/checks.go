package ssm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// checks collects what is wrong with the parameters of a call, the way AWS reports all of it at once. A parameter's value is never shown.
type checks []string

func (c *checks) add(value, member, constraint string) {
	*c = append(*c, fmt.Sprintf("Value%s at '%s' failed to satisfy constraint: %s", value, member, constraint))
}

// size checks a number of characters or of members.
func (c *checks) size(member string, n, low, high int) {
	if n < low {
		c.add("", member, fmt.Sprintf("Member must have length greater than or equal to %d", low))
	} else if n > high {
		c.add("", member, fmt.Sprintf("Member must have length less than or equal to %d", high))
	}
}

// length is size for a text that may be left out.
func (c *checks) length(member string, value *string, low, high int) {
	if value != nil {
		c.size(member, utf8.RuneCountInString(*value), low, high)
	}
}

// number checks the size of a page, which may be left out.
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
	if !slices.Contains(allowed, value) {
		c.add(" '"+value+"'", member, "Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
	}
}

// required notes a parameter that is missing.
func (c *checks) required(member string, present bool) {
	if !present {
		c.add(" null", member, "Member must not be null")
	}
}

// name checks the name of a parameter, which is required.
func (c *checks) name(value *string) {
	c.required("name", value != nil)
	c.length("name", value, 1, 2048)
}

// names checks a list of names, which is required.
func (c *checks) names(values []string) {
	c.required("names", values != nil)
	if values != nil {
		c.size("names", len(values), 1, maxNames)
	}
	for _, v := range values {
		c.length("names", &v, 1, 2048)
	}
}

func (c *checks) err() *service.Error {
	switch len(*c) {
	case 0:
		return nil
	case 1:
		return validation("%s", "1 validation error detected: "+(*c)[0])
	default:
		return validation("%d validation errors detected: %s", len(*c), strings.Join(*c, "; "))
	}
}
