package sts

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/identity"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type assumeRoleInput struct {
	roleARN    string
	session    string
	externalID string
	lifetime   time.Duration
	bounds     []policy.Document
}

func readAssumeRole(form url.Values) (assumeRoleInput, *service.Error) {
	in := assumeRoleInput{roleARN: form.Get("RoleArn"), session: form.Get("RoleSessionName"), externalID: form.Get("ExternalId")}
	var broken []string
	text(&broken, form, "RoleArn", "roleArn", 20, 2048, "")
	text(&broken, form, "RoleSessionName", "roleSessionName", 2, 64, "=,.@-")
	if form.Has("ExternalId") {
		text(&broken, form, "ExternalId", "externalId", 2, 1224, "=,.@:/-")
	}
	if form.Has("Policy") {
		text(&broken, form, "Policy", "policy", 1, 2048, "")
	}
	in.lifetime = seconds(&broken, form, defaultLifetime, maxLifetime)
	if refused := constraints(broken); refused != nil {
		return in, refused
	}
	if _, _, ok := identity.SplitRoleARN(in.roleARN); !ok {
		return in, invalid(in.roleARN + " is invalid")
	}
	if form.Has("Policy") {
		doc, err := policy.ParseIdentity([]byte(form.Get("Policy")))
		if err != nil {
			return in, &service.Error{Code: "MalformedPolicyDocument", Message: "The policy is not in the valid JSON format: " + err.Error()}
		}
		in.bounds = []policy.Document{doc}
	}
	return in, nil
}

func readLifetime(form url.Values, def, most time.Duration) (time.Duration, *service.Error) {
	var broken []string
	d := seconds(&broken, form, def, most)
	return d, constraints(broken)
}

// seconds reads DurationSeconds.
func seconds(broken *[]string, form url.Values, def, most time.Duration) time.Duration {
	if !form.Has("DurationSeconds") {
		return def
	}
	raw := form.Get("DurationSeconds")
	n, err := strconv.Atoi(raw)
	d := time.Duration(n) * time.Second
	switch {
	case err != nil:
		violate(broken, raw, "durationSeconds", "Member must be a number of seconds")
	case n < int(minLifetime/time.Second):
		violate(broken, raw, "durationSeconds", fmt.Sprintf("Member must have value greater than or equal to %d", minLifetime/time.Second))
	case n > int(most/time.Second):
		violate(broken, raw, "durationSeconds", fmt.Sprintf("Member must have value less than or equal to %d", most/time.Second))
	}
	return d
}

// text checks the length of a parameter and, where also is not empty, that it holds nothing but letters, digits, underscores and the characters of also.
func text(broken *[]string, form url.Values, parameter, member string, least, most int, also string) {
	v := form.Get(parameter)
	switch {
	case !form.Has(parameter):
		*broken = append(*broken, fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", member))
		return
	case len(v) < least:
		violate(broken, v, member, fmt.Sprintf("Member must have length greater than or equal to %d", least))
	case len(v) > most:
		violate(broken, v, member, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
	if also == "" {
		return
	}
	for i := range len(v) {
		c := v[i]
		word := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !word && c != '+' && strings.IndexByte(also, c) < 0 {
			violate(broken, v, member, `Member must satisfy regular expression pattern: [\w+`+also+`]*`)
			return
		}
	}
}

func violate(broken *[]string, value, member, constraint string) {
	*broken = append(*broken, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint))
}

// constraints makes one refusal of all that is broken, in AWS's words.
func constraints(broken []string) *service.Error {
	switch len(broken) {
	case 0:
		return nil
	case 1:
		return invalid("1 validation error detected: " + broken[0])
	}
	return invalid(fmt.Sprintf("%d validation errors detected: %s", len(broken), strings.Join(broken, "; ")))
}

func invalid(message string) *service.Error {
	return &service.Error{Code: "ValidationError", Message: message}
}
