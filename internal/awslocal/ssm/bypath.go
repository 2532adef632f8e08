package ssm

import (
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const pathSize = 10 // of a page

// getParametersByPath reads the parameters below a path by name. It is never behind, because it reads values; faults change what it lists.
func getParametersByPath(c *call) (any, *service.Error) {
	in, err := decode[struct {
		Path             *string
		Recursive        bool
		WithDecryption   bool
		ParameterFilters []filter
		MaxResults       *int64
		NextToken        *string
	}](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	bad.required("path", in.Path != nil)
	bad.length("path", in.Path, 1, 2048)
	bad.number("maxResults", in.MaxResults, pathSize)
	if err := bad.err(); err != nil {
		return nil, err
	}
	path := strings.TrimSpace(*in.Path)
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if err := checkFilters(in.ParameterFilters, "Type", "KeyId", "Label"); err != nil {
		return nil, err
	}
	c.note(path)
	cond := conditions{}
	cond.bool("ssm:Recursive", in.Recursive)
	if err := c.authorize("GetParametersByPath", c.st.place, path, nil, cond); err != nil {
		return nil, err
	}
	of := "GetParametersByPath " + path
	after, err := parsePosition(in.NextToken, of)
	if err != nil {
		return nil, err
	}
	listed := c.page(pageQuery{max: pathSize, asked: in.MaxResults, after: after.Name}, func(h *history) bool {
		x := c.st.byName[h.name]
		return x != nil && below(x.name, path, in.Recursive) && x.choose(in.ParameterFilters) != nil
	})
	out := struct {
		Parameters []*parameter
		NextToken  string `json:",omitempty"`
	}{Parameters: []*parameter{}}
	if listed.next != "" {
		out.NextToken = position{Of: of, Name: listed.next}.token()
	}
	type chosen struct {
		x *record
		v *version
	}
	var found []chosen
	for _, h := range listed.entries {
		x := c.st.byName[h.name]
		found = append(found, chosen{x, x.choose(in.ParameterFilters)})
	}
	for _, f := range found { // none of which is looked up again while the store is out of hand
		p, err := c.read(f.x, f.v, "", in.WithDecryption)
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, p)
	}
	return out, nil
}

// choose returns the version that passes the filters, which is the one with the label where one is asked for; nil is none.
func (x *record) choose(filters []filter) *version {
	v := x.latest()
	for _, f := range filters {
		if f.Key != "Label" {
			continue
		}
		i := slices.IndexFunc(f.Values, func(label string) bool { return x.at(x.labels[label]) != nil })
		if i < 0 {
			return nil
		}
		v = x.at(x.labels[f.Values[i]])
	}
	for _, f := range filters {
		if f.Key == "Type" && !f.matches(v.kind) || f.Key == "KeyId" && !f.matches(v.keyID) {
			return nil
		}
	}
	return v
}
