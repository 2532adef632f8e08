package ssm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// filter is one filter of a listing. A parameter has to pass all of them; within one, any of the values will do.
type filter struct {
	Key    string
	Option string // "" is Equals, and OneLevel for a path
	Values []string
}

const tagPrefix = "tag:"

// checkFilters says whether the filters are some that the listing has. Where tags are filters it has "Name" too.
func checkFilters(filters []filter, keys ...string) *service.Error {
	var bad checks
	for i, f := range filters {
		at := fmt.Sprintf("parameterFilters.%d.member.", i+1)
		bad.length(at+"key", &f.Key, 1, 132)
		bad.size(at+"values", len(f.Values), 0, 50)
		for _, v := range f.Values {
			bad.length(at+"values", &v, 1, 1024)
		}
	}
	if err := bad.err(); err != nil {
		return err
	}
	tags := slices.Contains(keys, "Name")
	for i, f := range filters {
		tagged := tags && strings.HasPrefix(f.Key, tagPrefix) && f.Key != tagPrefix
		if !tagged && !slices.Contains(keys, f.Key) {
			return refuse("InvalidFilterKey", "The following filter key is not valid: %s. Valid filter keys include: [%s].", f.Key, strings.Join(keys, ", "))
		}
		if slices.ContainsFunc(filters[:i], func(other filter) bool { return other.Key == f.Key }) {
			return refuse("InvalidFilterKey", "The following filter is duplicated in the request: %s. A request can contain only one occurrence of a specific filter.", f.Key)
		}
		if err := f.check(tagged); err != nil {
			return err
		}
	}
	return nil
}

func (f filter) check(tagged bool) *service.Error {
	options := []string{"BeginsWith", "Equals"}
	switch f.Key {
	case "Path":
		options = []string{"Recursive", "OneLevel"}
	case "Name":
		options = append(options, "Contains")
	case "Label":
		options = []string{"Equals"}
	}
	if f.Option != "" && !slices.Contains(options, f.Option) {
		return refuse("InvalidFilterOption", "The following filter option is not valid: %s. Valid options include: [%s].", f.Option, strings.Join(options, ", "))
	}
	if len(f.Values) == 0 && !tagged {
		return refuse("InvalidFilterValue", "The following filter values are missing : null for filter key %s", f.Key)
	}
	var allowed []string
	switch f.Key {
	case "Path":
		for _, v := range f.Values {
			if err := checkPath(v); err != nil {
				return err
			}
		}
	case "Type":
		allowed = []string{typeString, typeStringList, typeSecure}
	case "Tier":
		allowed = []string{tierStandard, tierAdvanced, tierIntelligent}
	}
	for _, v := range f.Values {
		if allowed != nil && !slices.Contains(allowed, v) {
			return refuse("InvalidFilterValue", "The following filter value is not valid: %s. Valid values include: [%s].", v, strings.Join(allowed, ", "))
		}
	}
	return nil
}

// matches says whether one of the values matches s.
func (f filter) matches(s string) bool {
	return slices.ContainsFunc(f.Values, func(v string) bool {
		switch f.Option {
		case "BeginsWith":
			return strings.HasPrefix(s, v)
		case "Contains":
			return strings.Contains(s, v)
		default:
			return s == v
		}
	})
}

func (m *metadata) passes(filters []filter) bool {
	for _, f := range filters {
		if !m.passesOne(f) {
			return false
		}
	}
	return true
}

func (m *metadata) passesOne(f filter) bool {
	switch f.Key {
	case "Path":
		return slices.ContainsFunc(f.Values, func(path string) bool { return below(m.Name, path, f.Option == "Recursive") })
	case "Name":
		return f.matches(m.Name)
	case "Type":
		return f.matches(m.Type)
	case "KeyId":
		return m.KeyID != "" && f.matches(m.KeyID)
	case "Tier":
		return f.matches(m.Tier)
	case "DataType":
		return f.matches(m.DataType)
	}
	key := strings.TrimPrefix(f.Key, tagPrefix)
	return slices.ContainsFunc(m.tags, func(t tag) bool { return t.Key == key && (len(f.Values) == 0 || f.matches(t.Value)) })
}
