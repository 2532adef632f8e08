package ssm

import (
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// deleteParameter forgets a parameter with all its versions: one that is made again begins at version 1.
func deleteParameter(c *call) (any, *service.Error) {
	in, err := decode[struct{ Name *string }](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	bad.name(in.Name)
	if err := bad.err(); err != nil {
		return nil, err
	}
	x, err := c.parameter(*in.Name, "DeleteParameter")
	if err != nil {
		return nil, err
	}
	c.change(x, "Delete")
	c.st.remove(x, c.r.Now)
	return struct{}{}, nil
}

// deleteParameters deletes what there is of a list; what there is not it names. What the caller may not delete fails the call, with nothing deleted.
func deleteParameters(c *call) (any, *service.Error) {
	in, err := decode[struct{ Names []string }](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	bad.names(in.Names)
	if err := bad.err(); err != nil {
		return nil, err
	}
	out := struct{ DeletedParameters, InvalidParameters []string }{[]string{}, []string{}}
	var found []*record
	for i, name := range in.Names {
		if slices.Contains(in.Names[:i], name) {
			continue
		}
		_, x, err := c.open(name, "DeleteParameters", nil)
		if err != nil {
			return nil, err
		}
		if x == nil {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		out.DeletedParameters = append(out.DeletedParameters, name)
		if !slices.Contains(found, x) {
			found = append(found, x)
		}
	}
	for _, x := range found {
		c.change(x, "Delete")
		c.st.remove(x, c.r.Now)
	}
	return out, nil
}
