package event

import (
	"regexp"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// maxID is how long a name or an ARN of a secret may be.
const maxID = 2048

// suffixed matches a name with what AWS adds to it in an ARN. A name may itself look so.
var suffixed = regexp.MustCompile(`^(.+)-[A-Za-z0-9]{6}$`)

// author says who wrote an ARN: those of AWS are complete, a caller may leave the suffix out.
type author bool

const (
	byAWS    author = true
	byCaller author = false
)

// place is where an event happened, as its envelope says.
type place struct {
	account secret.AccountID
	region  secret.Region
}

// hintOf returns the hint for what calls to Secrets Manager name a secret by: its name, or an ARN. A name alone is one at that place. An ARN says itself where the
// secret is, and is believed also where the event comes from elsewhere: a call from another account is told there, too, and is about the owner's secret.
func hintOf(id string, by author, at place) (Hint, error) {
	if !isARN(id) {
		if id == "" || len(id) > maxID {
			return Hint{}, malformed("no name of a secret")
		}
		return Hint{Kind: secret.SecretsManager, Account: at.account, Region: at.region, Names: []secret.Name{secret.Name(id)}}, nil
	}
	a, err := parseARN(id)
	if err != nil {
		return Hint{}, err
	}
	name, ok := strings.CutPrefix(a.resource, "secret:")
	if a.service != "secretsmanager" || !ok || name == "" || strings.Contains(name, ":") {
		return Hint{}, malformed("an ARN that is none of a secret")
	}
	h := Hint{Kind: secret.SecretsManager, Account: a.at.account, Region: a.at.region, Names: []secret.Name{secret.Name(name)}}
	if m := suffixed.FindStringSubmatch(name); m != nil {
		h.Names[0] = secret.Name(m[1])
		if by == byCaller {
			h.Names = append(h.Names, secret.Name(name))
		}
	}
	return h, nil
}

// parameterOf returns the hint for an ARN of a parameter. The ARN of "/app" is that of "app"; deeper names begin with a slash.
func parameterOf(a arn) (Hint, error) {
	name, ok := strings.CutPrefix(a.resource, "parameter/")
	if !ok || name == "" || strings.Contains(name, ":") {
		return Hint{}, malformed("an ARN that is none of a secret")
	}
	h := Hint{Kind: secret.ParameterStore, Account: a.at.account, Region: a.at.region, Names: []secret.Name{secret.Name("/" + name)}}
	if !strings.Contains(name, "/") {
		h.Names = append(h.Names, secret.Name(name))
	}
	return h, nil
}

func isARN(id string) bool { return strings.HasPrefix(id, "arn:") }

// arn is arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.
type arn struct {
	service  string
	at       place
	resource string
}

func parseARN(s string) (arn, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(s) > maxID || len(parts) != 6 || !strings.HasPrefix(parts[1], "aws") || parts[3] == "" || !secret.AccountID(parts[4]).Valid() {
		return arn{}, malformed("an ARN that is none of a secret")
	}
	return arn{service: parts[2], at: place{account: secret.AccountID(parts[4]), region: secret.Region(parts[3])}, resource: parts[5]}, nil
}
