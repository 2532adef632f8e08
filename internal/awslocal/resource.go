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
		for _, k := range []string{"RoleArn", "TopicArn", "TargetArn", "QueueUrl"} {
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
		Path         string
		TopicArn     string
		QueueURL     string `json:"QueueUrl"`
	}
	if json.Unmarshal(body, &in) != nil {
		return nil, false
	}
	for _, n := range []string{in.SecretID, in.AliasName, in.Name, in.KeyID, in.Path, in.TopicArn, in.QueueURL} {
		if n != "" {
			names = append(names, n)
		}
	}
	list := append(in.SecretIDList, in.Names...)
	return append(names, list...), len(list) > 0
}

// spellings returns all that a resource may be called: as given, without the ARN's first five parts, and by its bare name.
func spellings(resource string) []string {
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return []string{resource}
	}
	out := []string{resource, parts[5]}
	if name, ok := strings.CutPrefix(parts[5], "secret:"); ok {
		out = append(out, name)
		if i := len(name) - 7; i > 0 && name[i] == '-' {
			out = append(out, name[:i])
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
