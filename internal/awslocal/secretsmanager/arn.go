package secretsmanager

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// place is an account in a Region: where secrets live.
type place struct{ account, region string }

// partition returns the partition that a Region belongs to.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// arn returns the ARN of a secret there; named is its name with the suffix.
func (p place) arn(named string) string {
	return "arn:" + partition(p.region) + ":secretsmanager:" + p.region + ":" + p.account + ":secret:" + named
}

// keyARN returns the ARN of a KMS key that was named in any way; "" is the AWS-managed key.
func (p place) keyARN(key string) string {
	switch {
	case strings.HasPrefix(key, "arn:"):
		return key
	case key == "":
		key = managedKey
	case !strings.HasPrefix(key, "alias/"):
		key = "key/" + key
	}
	return "arn:" + partition(p.region) + ":kms:" + p.region + ":" + p.account + ":" + key
}

const managedKey = "alias/aws/secretsmanager"

// keyID returns what is kept of a KmsKeyId: the AWS-managed key is kept as "", because AWS leaves the field out for it.
func (p place) keyID(key string) string {
	if key == managedKey || key == p.keyARN("") {
		return ""
	}
	return key
}

// absentSuffix stands for the six characters that AWS would have added to the name of a secret that does not exist,
// so that a policy on NAME-?????? decides about such a name too.
const absentSuffix = "-Qx7mT2"

// reference is a SecretId, taken apart.
type reference struct {
	place
	name string
	arn  string // the complete ARN that was given, "" for a name or a partial ARN
}

// parseReference takes a SecretId apart: a name, an ARN, or an ARN without its suffix.
// An ARN that ends in a hyphen and six letters or digits counts as complete, as AWS takes it,
// which is why a secret with such a name can't be found by its partial ARN.
func parseReference(id string, home place) (reference, bool) {
	if !strings.HasPrefix(id, "arn:") {
		return reference{place: home, name: id}, validName(id)
	}
	parts := strings.SplitN(id, ":", 7)
	if len(parts) != 7 || parts[2] != "secretsmanager" || parts[5] != "secret" || !validName(parts[6]) {
		return reference{}, false
	}
	ref := reference{place: place{account: parts[4], region: parts[3]}, name: parts[6]}
	if cut := len(ref.name) - suffixLength - 1; cut > 0 && ref.name[cut] == '-' && alphanumeric(ref.name[cut+1:]) {
		ref.arn, ref.name = id, ref.name[:cut]
	}
	return ref, true
}

// assumedARN returns the ARN to authorize against where there is no such secret.
func (ref reference) assumedARN() string {
	if ref.arn != "" {
		return ref.arn
	}
	return ref.place.arn(ref.name + absentSuffix)
}

const (
	suffixLength = 6
	letters      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// suffix returns the six characters that AWS adds to a name to make an ARN.
func (s *Service) suffix() string {
	found := make([]byte, 0, suffixLength)
	for len(found) < suffixLength {
		id := s.newID()
		for i := len(id) - 1; i >= 0 && len(found) < suffixLength; i-- {
			if alphanumeric(id[i : i+1]) {
				found = append(found, id[i])
			}
		}
	}
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	return string(found)
}

// randomID returns a random UUID whose last characters are followed by six mixed-case ones, 43 characters in all.
func randomID() string {
	var b [16 + suffixLength]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	tail := b[16:]
	for i := range tail {
		tail[i] = letters[int(tail[i])%len(letters)]
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x-%s", b[:4], b[4:6], b[6:8], b[8:10], b[10:16], tail)
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		if strings.IndexByte(letters, s[i]) < 0 {
			return false
		}
	}
	return true
}
