package ssm

import (
	"slices"
	"strconv"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const maxNames = 10 // of GetParameters and DeleteParameters

// parameter is one version of a parameter as reading shows it.
type parameter struct {
	ARN              string
	Name             string
	Type             string
	Value            string
	Version          int64
	Selector         string `json:",omitempty"`
	SourceResult     string `json:",omitempty"` // of a secret: the whole answer of Secrets Manager
	LastModifiedDate timestamp
	DataType         string
}

func getParameter(c *call) (any, *service.Error) {
	in, err := decode[struct {
		Name           *string
		WithDecryption bool
	}](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	bad.name(in.Name)
	if err := bad.err(); err != nil {
		return nil, err
	}
	ref, x, err := c.open(*in.Name, "GetParameter", nil)
	if err != nil {
		return nil, err
	}
	p, err := c.get(ref, x, in.WithDecryption)
	if err != nil {
		return nil, err
	}
	return struct{ Parameter *parameter }{p}, nil
}

// get reads what a reference means: a version of a parameter, or a secret.
func (c *call) get(ref reference, x *record, decrypt bool) (*parameter, *service.Error) {
	if _, ok := ref.secret(); ok {
		return c.readSecret(ref, decrypt)
	}
	if x == nil {
		return nil, notFound()
	}
	v, err := x.pick(ref.selector)
	if err != nil {
		return nil, err
	}
	return c.read(x, v, ref.selector, decrypt)
}

// chosen is one of the names of GetParameters, with the version that is read; a secret has neither.
type chosen struct {
	name string
	ref  reference
	x    *record
	v    *version
}

func (c *call) readChosen(f chosen, decrypt bool) (*parameter, *service.Error) {
	if f.v == nil {
		return c.readSecret(f.ref, decrypt)
	}
	return c.read(f.x, f.v, f.ref.selector, decrypt)
}

// getParameters reads what there is of a list; what there is not it names. What the caller may not read fails the call.
func getParameters(c *call) (any, *service.Error) {
	in, err := decode[struct {
		Names          []string
		WithDecryption bool
	}](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	bad.names(in.Names)
	if err := bad.err(); err != nil {
		return nil, err
	}
	var found []chosen
	out := struct {
		Parameters        []*parameter
		InvalidParameters []string
	}{[]*parameter{}, []string{}}
	for i, name := range in.Names {
		if slices.Contains(in.Names[:i], name) {
			continue
		}
		ref, x, err := c.open(name, "GetParameters", nil)
		if err != nil {
			return nil, err
		}
		var v *version
		if x != nil {
			v, _ = x.pick(ref.selector) // which version is missing is not told
		}
		if _, ok := ref.secret(); v == nil && !ok {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		found = append(found, chosen{name, ref, x, v})
	}
	for _, f := range found {
		p, err := c.readChosen(f, in.WithDecryption)
		if f.v == nil && err != nil && err.Code == "ParameterNotFound" {
			out.InvalidParameters = append(out.InvalidParameters, f.name)
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, p)
	}
	return out, nil
}

// pick returns the version that a selector means: a number, a label, or "" for the latest.
func (x *record) pick(selector string) (*version, *service.Error) {
	if selector == "" {
		return x.latest(), nil
	}
	if number, err := strconv.ParseInt(selector, 10, 64); err == nil {
		if v := x.at(number); v != nil {
			return v, nil
		}
		return nil, versionNotFound(x.name, selector)
	}
	if v := x.at(x.labels[selector]); v != nil {
		return v, nil
	}
	return nil, refuse("ParameterVersionNotFound", "Systems Manager could not find label %s for parameter %s. Verify the label and try again.", selector, x.name)
}

func versionNotFound(name, number string) *service.Error {
	return refuse("ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", number, name)
}

// read shows a version, a SecureString decrypted only where that is asked for.
func (c *call) read(x *record, v *version, selector string, decrypt bool) (*parameter, *service.Error) {
	p := &parameter{
		ARN: x.arn, Name: x.name, Type: v.kind, Version: v.number, LastModifiedDate: timestamp(v.modified), DataType: v.dataType,
	}
	if selector != "" {
		p.Selector = ":" + selector
	}
	var err *service.Error
	p.Value, err = c.reveal(x, v, decrypt)
	return p, err
}

// reveal returns what the value of a version reads as.
func (c *call) reveal(x *record, v *version, decrypt bool) (string, *service.Error) {
	if v.kind != typeSecure {
		return v.value, nil
	}
	if !decrypt {
		return v.sealed, nil
	}
	return v.value, c.useKey(x.arn, v.keyID, service.Decrypt)
}
