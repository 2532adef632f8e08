package awslocal

import (
	"encoding/json"
	"net/url"
	"strings"
)

// namesIn finds what a request is about before its service reads it, for faults that mean one resource and for calls that are refused at the door.
// It is used only then: a call is otherwise decoded once, by its service.
func namesIn(body []byte, form url.Values) (names []string, batch bool) {
	if form != nil {
		for _, k := range []string{"RoleArn", "TopicArn", "TargetArn", "QueueUrl", "Name", "name"} {
			if form.Has(k) {
				return []string{form.Get(k)}, false
			}
		}
		return nil, false
	}
	var in struct {
		SecretID     string   `json:"SecretId"`
		SecretIDList []string `json:"SecretIdList"`
		Name         string
		Names        []string
		KeyID        string `json:"KeyId"`
		AliasName    string
		ResourceID   string `json:"ResourceId"`
		Path         string
		TopicArn     string
		QueueURL     string `json:"QueueUrl"`
		QueueName    string
		Rule         string
		Service      string
		Services     []string
	}
	if json.Unmarshal(body, &in) != nil {
		return nil, false
	}
	for _, n := range []string{in.SecretID, in.AliasName, in.Name, in.ResourceID, in.KeyID, in.Path, in.TopicArn, in.QueueURL, in.QueueName, in.Rule, in.Service} {
		if n != "" {
			names = append(names, n)
		}
	}
	names = append(append(names, in.SecretIDList...), in.Services...)
	return append(names, in.Names...), len(in.SecretIDList) > 0 // AWS refuses a list of parameters as a whole
}

// spellings returns all that a resource may be called: as given, without the ARN's first five parts, and by its bare name, without a version or a label of it.
func spellings(resource string) []string {
	if strings.Contains(resource, "://") { // the URL of a queue
		return []string{resource, resource[strings.LastIndexByte(resource, '/')+1:]}
	}
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		if name, _, selected := strings.Cut(resource, ":"); selected { // a version or a label of a parameter
			return []string{resource, name}
		}
		return []string{resource}
	}
	out := []string{resource, parts[5]}
	if name, ok := strings.CutPrefix(parts[5], "secret:"); ok {
		out = append(out, name)
		if i := len(name) - 7; i > 0 && name[i] == '-' {
			out = append(out, name[:i])
		}
	} else if name, ok := strings.CutPrefix(parts[5], "parameter/"); ok {
		out = append(out, name, "/"+name)
		if name, _, selected := strings.Cut(name, ":"); selected {
			out = append(out, name, "/"+name)
		}
	} else if i := strings.LastIndexByte(parts[5], '/'); i >= 0 {
		out = append(out, parts[5][i+1:])
	}
	return out
}

func allSpellings(resources []string) []string {
	var out []string
	for _, r := range resources {
		out = append(out, spellings(r)...)
	}
	return out
}
