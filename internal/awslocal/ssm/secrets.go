package ssm

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// secretsPath is what the names begin with that lead to secrets of Secrets Manager. No parameter can have such a name.
const secretsPath = "/aws/reference/secretsmanager/"

// versionIDLength is how long the id of a version of a secret is at least. A label that is as long can't be told from one.
const versionIDLength = 32

// secret returns the name of the secret that a reference leads to.
func (ref reference) secret() (name string, ok bool) { return strings.CutPrefix(ref.name, secretsPath) }

// readSecret reads a secret as if it were a parameter: the version with the id or the label of the selector, else the current one. Secrets Manager asks by itself
// whether the caller may.
func (c *call) readSecret(ref reference, decrypt bool) (*parameter, *service.Error) {
	name, _ := ref.secret()
	if !decrypt {
		return nil, validation("WithDecryption flag must be True for retrieving a Secret Manager secret.")
	}
	notReferenced := refuse("ParameterNotFound", "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret %s not found.", ref.name)
	if c.secrets == nil {
		return nil, notReferenced
	}
	in := map[string]string{"SecretId": name}
	switch {
	case len(ref.selector) >= versionIDLength:
		in["VersionId"] = ref.selector
	case ref.selector != "":
		in["VersionStage"] = ref.selector
	}
	r := *c.r
	r.Operation, r.Note = "GetSecretValue", nil
	r.Body, _ = json.Marshal(in) // a map of strings: it never fails
	c.st.mu.Unlock()             // it may take as long as KMS does
	answer, err := c.secrets(&r)
	c.st.mu.Lock()
	switch {
	case err != nil && err.Code == "ResourceNotFoundException":
		return nil, notReferenced
	case err != nil:
		return nil, err
	}
	return parameterOf(ref, answer.JSON)
}

// parameterOf turns an answer of GetSecretValue into one of GetParameter.
func parameterOf(ref reference, answer any) (*parameter, *service.Error) {
	var secret struct {
		ARN          string
		SecretString *string
		SecretBinary *string // in base64, which is how it is shown
		CreatedDate  float64 // in seconds
	}
	text, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(text, &secret)
	}
	if err != nil {
		return nil, &service.Error{Code: "InternalServerError", Status: 500}
	}
	p := &parameter{ARN: secret.ARN, Name: ref.name, Type: typeSecure, SourceResult: string(text), DataType: "text"}
	p.LastModifiedDate = timestamp(time.UnixMilli(int64(secret.CreatedDate * 1000)))
	if p.Value = deref(secret.SecretString); secret.SecretString == nil {
		p.Value = deref(secret.SecretBinary)
	}
	if ref.selector != "" {
		p.Selector = ":" + ref.selector
	}
	return p, nil
}
