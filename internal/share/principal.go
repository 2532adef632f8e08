package share

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Principal is whom a secret is shared with: an account as a whole, a role, or a user.
type Principal struct {
	Account   secret.AccountID
	partition string // empty: that of the secret
	resource  string // "root", "role/app", "user/ops/ann"
}

var (
	principalARN = regexp.MustCompile(`^arn:(aws[a-z-]*):iam::([0-9]{12}):(root|(?:role|user)/[\x21-\x7e]*[A-Za-z0-9_+=,.@-])$`)
	organization = regexp.MustCompile(`^(o|ou|r)-[a-z0-9-]+$`)
)

// ParsePrincipal reads an account of 12 digits, or the ARN of an account, a role or a user. What else AWS knows as a principal is refused, each with what to do instead.
func ParsePrincipal(text string) (Principal, error) {
	bad := func(why string) (Principal, error) { return Principal{}, fmt.Errorf("principal %q: %s", text, why) }
	if secret.AccountID(text).Valid() {
		return Principal{Account: secret.AccountID(text), resource: "root"}, nil
	}
	switch {
	case text == "":
		return Principal{}, errors.New("the principal is empty: want an account of 12 digits, or the ARN of a role or a user")
	case strings.ContainsAny(text, "*?"):
		return bad("that is open to everybody, or to more than can be named: share with an account of 12 digits, or the ARN of a role or a user, one after another")
	case organization.MatchString(text):
		return bad("an organization is no principal, and a policy for everybody with a condition on it is close to a public one: share with each of its accounts, or let copies be made")
	case strings.HasSuffix(text, ".amazonaws.com"), strings.HasSuffix(text, ".amazonaws.com.cn"):
		return bad("that is a service of AWS, which acts for any account: share with the role that the service uses there")
	case strings.Contains(text, ":assumed-role/"), strings.Contains(text, ":federated-user/"):
		return bad("that is a session, which ends: share with its role or user")
	case strings.Contains(text, ":group/"):
		return bad("a group is no principal: share with its account or its users")
	}
	m := principalARN.FindStringSubmatch(text)
	if m == nil {
		return bad("want an account of 12 digits, or the ARN of a role or a user, as in arn:aws:iam::111111111111:role/app")
	}
	return Principal{Account: secret.AccountID(m[2]), partition: m[1], resource: m[3]}, nil
}

// in returns the principal's ARN in a partition; an error where it is of another.
func (p Principal) in(partition string) (string, error) {
	if p.partition != "" && p.partition != partition {
		return "", fmt.Errorf("the principal is of partition %s and the secret of %s: they don't reach each other; let copies be made", p.partition, partition)
	}
	return "arn:" + partition + ":iam::" + string(p.Account) + ":" + p.resource, nil
}
