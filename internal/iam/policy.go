package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Policy is a policy document of AWS.
type Policy struct {
	Version   string      `json:"Version"`
	Statement []Statement `json:"Statement"`
}

// Statement is one statement of a policy. One with a Principal belongs to a trust policy and has no Resource.
type Statement struct {
	Sid       string     `json:"Sid"`
	Effect    string     `json:"Effect"`
	Principal *Principal `json:"Principal,omitempty"`
	Action    []string   `json:"Action"`
	Resource  []string   `json:"Resource,omitempty"`
	// NotResource, instead of Resource, is everything else.
	NotResource []string  `json:"NotResource,omitempty"`
	Condition   Condition `json:"Condition,omitempty"`
}

// Principal says whom a trust policy lets in.
type Principal struct {
	AWS string `json:"AWS"`
}

// Condition maps operators to keys to values, as in {"StringEquals": {"sts:ExternalId": ["…"]}}.
type Condition map[string]map[string][]string

// with returns the condition with one more key. c is not changed; it may be nil.
func (c Condition) with(operator, key string, values ...string) Condition {
	more := Condition{}
	for op, keys := range c {
		more[op] = maps.Clone(keys)
	}
	if more[operator] == nil {
		more[operator] = map[string][]string{}
	}
	more[operator][key] = values
	return more
}

// JSON returns the document as it is to be kept: indented, and the same for the same document. It ends in a newline.
func (p *Policy) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(p); err != nil {
		return nil, fmt.Errorf("write policy: %w", err)
	}
	return b.Bytes(), nil
}

// size is the number of characters that AWS counts: all but white space.
func (p *Policy) size() int {
	data, err := json.Marshal(p)
	if err != nil {
		return 0 // strings in maps and slices: can't happen
	}
	return len(data)
}

const policyVersion = "2012-10-17"

// The purposes of statements, in the order in which they stand. Their names are the statements' ids.
const (
	purposeList     = "List"
	purposeDescribe = "Describe"
	purposeRead     = "ReadSources"
	purposeCreate   = "CreateCopies"
	purposeChange   = "ChangeOwnCopies"
	purposeWrite    = "WriteParameters"
	purposeRotate   = "RotateSecrets"
	purposeDeploy   = "DeployServices"
	purposeSources  = "DecryptSources"
	purposeKeys     = "UseKeys"
	purposeExamine  = "DescribeKeys"
	purposeAssume   = "AssumeRoles"
	purposeClusters = "FindClusters"
	purposeEvents   = "TakeEvents"
	purposeNotify   = "PublishFailures"
	purposeNever    = "NeverForceDeletion"
	purposeNoOther  = "NeverOtherTopics"
)

func purposes() []string {
	return []string{purposeList, purposeDescribe, purposeRead, purposeCreate, purposeChange, purposeWrite, purposeRotate, purposeDeploy, purposeSources, purposeKeys, purposeExamine,
		purposeAssume, purposeClusters, purposeEvents, purposeNotify}
}

// permissions collects what one role may do. It merges what has the same purpose and condition.
type permissions struct {
	purposes map[string]map[string]*conditioned // by purpose, then by condition as JSON
}

// conditioned are the permissions under one condition.
type conditioned struct {
	condition Condition
	resources map[string]map[string]bool // by action
}

// allow adds actions on resources.
func (p *permissions) allow(purpose string, condition Condition, action string, resources []string) {
	if p.purposes == nil {
		p.purposes = map[string]map[string]*conditioned{}
	}
	if p.purposes[purpose] == nil {
		p.purposes[purpose] = map[string]*conditioned{}
	}
	key := fmt.Sprint(condition) // maps print sorted by key
	c := p.purposes[purpose][key]
	if c == nil {
		c = &conditioned{condition: condition, resources: map[string]map[string]bool{}}
		p.purposes[purpose][key] = c
	}
	if c.resources[action] == nil {
		c.resources[action] = map[string]bool{}
	}
	for _, r := range resources {
		c.resources[action][r] = true
	}
}

// policy returns what was collected as a document: sorted, each statement with an id of its own; and a Deny of deletions without a recovery window and, where
// there are topics, of everything in SNS but these.
func (p *permissions) policy() *Policy {
	doc := &Policy{Version: policyVersion}
	var topics []string
	for _, purpose := range purposes() {
		n := 0
		for _, key := range slices.Sorted(maps.Keys(p.purposes[purpose])) {
			for _, s := range p.purposes[purpose][key].statements() {
				n++
				s.Sid = purpose
				if n > 1 {
					s.Sid = fmt.Sprint(purpose, n)
				}
				doc.Statement = append(doc.Statement, s)
				if purpose == purposeNotify {
					topics = s.Resource
				}
			}
		}
	}
	doc.Statement = append(doc.Statement, Statement{
		Sid: purposeNever, Effect: "Deny", Action: []string{"secretsmanager:DeleteSecret"}, Resource: []string{"*"},
		Condition: Condition{}.with("Bool", "secretsmanager:ForceDeleteWithoutRecovery", "true"),
	})
	if len(topics) > 0 {
		doc.Statement = append(doc.Statement, Statement{Sid: purposeNoOther, Effect: "Deny", Action: []string{"sns:*"}, NotResource: topics})
	}
	return doc
}

// statements returns one statement for every set of resources.
func (c *conditioned) statements() []Statement {
	byResources := map[string]*Statement{}
	for _, action := range slices.Sorted(maps.Keys(c.resources)) {
		resources := narrowest(slices.Sorted(maps.Keys(c.resources[action])))
		key := strings.Join(resources, "\n")
		if byResources[key] == nil {
			byResources[key] = &Statement{Effect: "Allow", Resource: resources, Condition: c.condition}
		}
		byResources[key].Action = append(byResources[key].Action, action)
	}
	var all []Statement
	for _, key := range slices.Sorted(maps.Keys(byResources)) {
		all = append(all, *byResources[key])
	}
	return all
}

// narrowest leaves out the resources that another one covers.
func narrowest(resources []string) []string {
	return slices.DeleteFunc(slices.Clone(resources), func(r string) bool {
		return slices.ContainsFunc(resources, func(other string) bool {
			start, wild := strings.CutSuffix(other, "*")
			return wild && r != other && strings.HasPrefix(r, start)
		})
	})
}
