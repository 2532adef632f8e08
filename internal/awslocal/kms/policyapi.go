package kms

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// maxPolicy is how many bytes the policy of a key may have.
const maxPolicy = 32 * 1024

// keyPolicy is the policy of a key as it was given, and as it is evaluated. It never changes.
type keyPolicy struct {
	text string
	doc  policy.Document
}

func parseKeyPolicy(text string) (*keyPolicy, error) {
	if len(text) > maxPolicy {
		return nil, errors.New("too large")
	}
	doc, err := policy.ParseResource([]byte(text))
	return &keyPolicy{text, doc}, err
}

// newKeyPolicy reads a policy that a request brings. One that does not let its caller change it again is refused, unless bypass is set.
func newKeyPolicy(r *service.Request, text string, bypass bool) (*keyPolicy, *service.Error) {
	if len(text) > maxPolicy {
		return nil, &service.Error{Code: "LimitExceededException", Message: "The key policy is larger than 32 KB"}
	}
	p, err := parseKeyPolicy(text)
	if err != nil {
		return nil, &service.Error{Code: "MalformedPolicyDocumentException", Message: "Policy contains a statement that can't be understood"}
	}
	if bypass {
		return p, nil
	}
	caller := policy.Principal{ARN: r.Principal.ARN, Account: r.Account}
	switch policy.Ask(p.doc, policy.Request{Action: "kms:PutKeyPolicy", Resource: "*", Principal: caller, Context: contextConditions(r, "", nil)}) {
	case policy.Silent, policy.Forbidden:
		return nil, &service.Error{Code: "MalformedPolicyDocumentException", Message: "The new key policy will not allow you to update the key policy in the future."}
	}
	return p, nil
}

// policyOf reads a policy that this package wrote.
func policyOf(statements ...map[string]any) *keyPolicy {
	text, _ := json.MarshalIndent(map[string]any{"Version": "2012-10-17", "Id": "key-default-1", "Statement": statements}, "", "  ") // texts, lists and maps always are JSON
	p, err := parseKeyPolicy(string(text))
	if err != nil {
		return &keyPolicy{text: string(text)}
	}
	return p
}

// defaultPolicy is the policy of a key that was made without one: it leaves the key to the policies of its account.
func defaultPolicy(at place) *keyPolicy {
	return policyOf(map[string]any{
		"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": map[string]any{"AWS": at.root()}, "Action": "kms:*", "Resource": "*",
	})
}

// managedPolicy is the policy of a key of AWS's own: whoever may use its service in its account may use the key through that service.
func managedPolicy(at place, alias string) *keyPolicy {
	via := strings.TrimPrefix(alias, "alias/aws/") + "." + at.region + "." + domain(at.region)
	return policyOf(
		map[string]any{
			"Sid": "Allow access through the service for all principals in the account that are authorized to use it", "Effect": "Allow",
			"Principal": map[string]any{"AWS": "*"}, "Action": []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"},
			"Resource": "*", "Condition": map[string]any{"StringEquals": map[string]any{"kms:CallerAccount": at.account, "kms:ViaService": via}},
		},
		map[string]any{
			"Sid": "Allow direct access to key metadata to the account", "Effect": "Allow", "Principal": map[string]any{"AWS": at.root()},
			"Action": []string{"kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"}, "Resource": "*",
		})
}

func (p place) root() string { return "arn:" + partition(p.region) + ":iam::" + p.account + ":root" }

// partition returns the partition that a Region belongs to.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// domain returns what the names of a Region's services end in.
func domain(region string) string {
	if partition(region) == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// Policy returns the policy of the key with exactly that ARN. It takes no lock, so that an authorizer may ask in the middle of a call.
func (s *Service) Policy(arn string) (policy.Document, bool) {
	p, ok := s.policies.Load(arn)
	if !ok {
		return policy.Document{}, false
	}
	return p.(*keyPolicy).doc, true
}

type policyInput struct {
	KeyID      string `json:"KeyId"`
	PolicyName string
	Policy     *string

	BypassPolicyLockoutSafetyCheck bool
}

// withPolicy is withKey for the two operations on policies: a key is named by its id or ARN, and is the caller's account's own.
func (s *Service) withPolicy(r *service.Request, action string, in policyInput, do func(*region, *key) *service.Error) *service.Error {
	if in.PolicyName != "" && in.PolicyName != "default" {
		return notFound("No such policy exists")
	}
	if refused := byAlias(in.KeyID); refused != nil {
		return refused
	}
	return s.withKey(r, action, in.KeyID, true, func(g *region, k *key) *service.Error {
		if g.account != r.Account {
			return &service.Error{
				Code:    "AccessDeniedException",
				Message: "User: " + r.Principal.ARN + " is not authorized to perform: " + action + " on resource: " + k.arn + ": the operation can't be used across accounts",
			}
		}
		return do(g, k)
	})
}

func (s *Service) getKeyPolicy(r *service.Request, in policyInput) (out any, refused *service.Error) {
	refused = s.withPolicy(r, "kms:GetKeyPolicy", in, func(g *region, k *key) *service.Error {
		p, _ := g.policies.Load(k.arn) // every key has one
		out = struct{ Policy, PolicyName string }{p.(*keyPolicy).text, "default"}
		return nil
	})
	return out, refused
}

func (s *Service) putKeyPolicy(r *service.Request, in policyInput) (any, *service.Error) {
	if in.Policy == nil || *in.Policy == "" {
		return nil, invalid("1 validation error detected: Value null at 'policy' failed to satisfy constraint: Member must not be null")
	}
	return nil, s.withPolicy(r, "kms:PutKeyPolicy", in, func(g *region, k *key) *service.Error {
		switch {
		case k.managed:
			return managed(k)
		case !k.deletion.IsZero():
			return pendingDeletion(k)
		}
		p, refused := newKeyPolicy(r, *in.Policy, in.BypassPolicyLockoutSafetyCheck)
		if refused == nil {
			g.policies.Store(k.arn, p)
		}
		return refused
	})
}
