package secretsmanager

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// resourcePolicy is a policy as it was given, and as it is evaluated. It never changes.
type resourcePolicy struct {
	text string
	doc  policy.Document
}

// newResourcePolicy reads a policy. One that can't be read allows nothing.
func newResourcePolicy(text string) *resourcePolicy {
	doc, err := policy.ParseResource([]byte(text))
	if err != nil {
		doc = policy.Document{}
	}
	return &resourcePolicy{text, doc}
}

// statement is what a resource policy says once. Fields that AWS does not know are refused.
type statement struct {
	Sid          *string
	Effect       string
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Action       json.RawMessage
	NotAction    json.RawMessage
	Resource     json.RawMessage
	NotResource  json.RawMessage
	Condition    json.RawMessage
}

// parsePolicy reads a resource policy as strictly as it has to be to be stored.
func parsePolicy(text string) ([]statement, *service.Error) {
	malformed := refuse("MalformedPolicyDocumentException", "This resource policy contains a syntax error.")
	var doc struct {
		Version   string
		ID        *string `json:"Id"`
		Statement json.RawMessage
	}
	if !strict(text, &doc) || doc.Version != "" && doc.Version != "2012-10-17" && doc.Version != "2008-10-17" {
		return nil, malformed
	}
	var list []statement
	if one := new(statement); strict(string(doc.Statement), one) {
		list = []statement{*one}
	} else if !strict(string(doc.Statement), &list) {
		return nil, malformed
	}
	for _, st := range list {
		if st.Effect != "Allow" && st.Effect != "Deny" ||
			(st.Principal == nil) == (st.NotPrincipal == nil) ||
			(st.Action == nil) == (st.NotAction == nil) ||
			(st.Resource == nil) == (st.NotResource == nil) {
			return nil, malformed
		}
	}
	if len(list) == 0 {
		return nil, malformed
	}
	if _, err := policy.ParseResource([]byte(text)); err != nil {
		return nil, malformed
	}
	return list, nil
}

func strict(text string, into any) bool {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	return d.Decode(into) == nil && !d.More()
}

// public says whether the statement opens the secret to everybody.
func (st statement) public() bool {
	if st.Effect != "Allow" || st.Condition != nil {
		return false
	}
	var name string
	if json.Unmarshal(st.Principal, &name) == nil {
		return name == "*"
	}
	var kinds map[string]json.RawMessage
	if json.Unmarshal(st.Principal, &kinds) != nil {
		return st.NotPrincipal != nil
	}
	for _, raw := range kinds {
		var names []string
		if json.Unmarshal(raw, &name) == nil {
			names = []string{name}
		} else if json.Unmarshal(raw, &names) != nil {
			continue
		}
		if slices.Contains(names, "*") {
			return true
		}
	}
	return false
}

type policyInput struct {
	SecretID          *string `json:"SecretId"`
	ResourcePolicy    *string
	BlockPublicPolicy *bool
}

func putResourcePolicy(c *call) (any, *service.Error) {
	in, err := decode[policyInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	bad.required("resourcePolicy", in.ResourcePolicy != nil)
	bad.length("resourcePolicy", in.ResourcePolicy, 1, 20480)
	if err := bad.err(); err != nil {
		return nil, err
	}
	cond := conditions{}
	cond.bool("secretsmanager:BlockPublicPolicy", in.BlockPublicPolicy)
	x, err := c.writable(*in.SecretID, "PutResourcePolicy", cond)
	if err != nil {
		return nil, err
	}
	list, err := parsePolicy(*in.ResourcePolicy)
	if err != nil {
		return nil, err
	}
	if deref(in.BlockPublicPolicy) && slices.ContainsFunc(list, statement.public) {
		return nil, refuse("PublicPolicyException", "This resource policy grants broad access to your secret, which BlockPublicPolicy doesn't allow.")
	}
	c.policies.Store(x.arn, newResourcePolicy(*in.ResourcePolicy))
	x.touched(c.r.Now)
	c.replicate(x)
	return named{x.arn, x.name}, nil
}

func getResourcePolicy(c *call) (any, *service.Error) {
	id, err := decodeID(c.r)
	if err != nil {
		return nil, err
	}
	x, err := c.live(id, "GetResourcePolicy", nil)
	if err != nil {
		return nil, err
	}
	text, _ := c.ResourcePolicy(x.arn)
	return struct {
		named
		ResourcePolicy string `json:",omitempty"`
	}{named{x.arn, x.name}, text}, nil
}

func deleteResourcePolicy(c *call) (any, *service.Error) {
	id, err := decodeID(c.r)
	if err != nil {
		return nil, err
	}
	x, err := c.writable(id, "DeleteResourcePolicy", nil)
	if err != nil {
		return nil, err
	}
	if _, had := c.policies.LoadAndDelete(x.arn); had {
		x.touched(c.r.Now)
		c.replicate(x)
	}
	return named{x.arn, x.name}, nil
}

type policyProblem struct {
	CheckName    string
	ErrorMessage string
}

func validateResourcePolicy(c *call) (any, *service.Error) {
	in, err := decode[policyInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	bad.length("secretId", in.SecretID, 1, 2048)
	bad.required("resourcePolicy", in.ResourcePolicy != nil)
	bad.length("resourcePolicy", in.ResourcePolicy, 1, 20480)
	if err := bad.err(); err != nil {
		return nil, err
	}
	if in.SecretID == nil {
		err = c.authorizeAny("ValidateResourcePolicy")
	} else {
		_, err = c.live(*in.SecretID, "ValidateResourcePolicy", nil)
	}
	if err != nil {
		return nil, err
	}
	list, err := parsePolicy(*in.ResourcePolicy)
	if err != nil {
		return nil, err
	}
	problems := []policyProblem{}
	if slices.ContainsFunc(list, statement.public) {
		problems = append(problems, policyProblem{"PUBLIC_POLICY", "This resource policy grants broad access to your secret."})
	}
	return struct {
		PolicyValidationPassed bool
		ValidationErrors       []policyProblem
	}{len(problems) == 0, problems}, nil
}
